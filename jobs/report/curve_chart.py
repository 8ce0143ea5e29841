"""Charts over training steps: curves of a metric, and what part of each step's tokens is of which cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from jobs.report.markup import Markup, plain, tag

# Larger values have differences that overflow.
_GREATEST = 1e300
_LEFT, _WIDTH, _HEIGHT, _BELOW = 64, 720, 240, 26


def curves(lines: Mapping[str, Sequence[tuple[float, float]]], colours: Mapping[str, int], label: str) -> Markup:
    """Draw lines over one axis of steps.

    Args:
        lines: Points (step, value) of each line in order of steps; those that are not finite are left
            out.
        colours: Number of the colour of each line.
        label: What the picture shows.
    """
    whole = {
        name: [point for point in line if math.isfinite(point[1]) and abs(point[1]) < _GREATEST]
        for name, line in lines.items()
    }
    points = [point for line in whole.values() for point in line]
    if not points:
        return tag("p", "No finite value is recorded.", class_="dim")
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    low, high = min(y for _, y in points), max(y for _, y in points)
    high = high if high > low else low + (abs(low) or 1.0)
    span = max(last - first, 1.0)
    drawn = []
    for part in range(5):
        y = 8 + _HEIGHT * part / 4
        drawn.append(tag("line", x1=_LEFT, x2=_LEFT + _WIDTH, y1=y, y2=y, class_="rule"))
        value = high - (high - low) * part / 4
        drawn.append(tag("text", plain(float(value)), x=_LEFT - 8, y=y + 4, text_anchor="end", class_="axis"))
    for name, line in whole.items():
        places = (
            f"{_LEFT + (x - first) / span * _WIDTH:.1f},{8 + (high - y) / (high - low) * _HEIGHT:.1f}" for x, y in line
        )
        drawn.append(tag("polyline", tag("title", name), points=" ".join(places), class_=f"curve c{colours[name]}"))
    drawn += _steps(first, last, _HEIGHT + 8)
    return _picture(drawn, _HEIGHT + 8 + _BELOW, label)


def stacks(shares: Sequence[tuple[float, Mapping[str, float]]], colours: Mapping[str, int], label: str) -> Markup:
    """Draw one stack a step, of parts that add up to its height.

    Args:
        shares: Step, and amount of each part, in order of steps.
        colours: Number of the colour of each part, in the order in which they are laid on each other.
        label: What the picture shows.
    """
    first, last = shares[0][0], shares[-1][0]
    height, width = 120.0, _WIDTH / len(shares)
    drawn = []
    for number, (step, parts) in enumerate(shares):
        total, y = sum(parts.values()) or 1.0, 4.0
        for name in colours:
            part = parts.get(name, 0.0) / total * height
            if part:
                words = tag("title", f"step {plain(int(step))}, {name}: {plain(int(parts[name]))} tokens")
                x = _LEFT + number * width
                place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{width + 0.3:.1f}", "height": f"{part:.1f}"}
                drawn.append(tag("rect", words, class_=f"fill c{colours[name]}", **place))
                y += part
    drawn += _steps(first, last, height + 4)
    return _picture(drawn, height + 4 + _BELOW, label)


def _steps(first: float, last: float, y: float) -> list[Markup]:
    ends = ((first, _LEFT, "start"), (last, _LEFT + _WIDTH, "end"))
    return [
        tag("text", f"step {plain(int(step))}", x=x, y=y + 18, text_anchor=anchor, class_="axis")
        for step, x, anchor in ends
    ]


def _picture(drawn: Sequence[Markup], height: float, label: str) -> Markup:
    picture = tag("svg", *drawn, width=_LEFT + _WIDTH + 16, height=height, role="img", aria_label=label)
    return tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=label)
