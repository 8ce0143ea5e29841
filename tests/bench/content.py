"""Whether the content is right on its way from a file to a token: one section a kind of content.

Each module of `content_sections/` is a section: its docstring says what it measures, and `run(argv)` prints the figures.

    python tests/bench/content.py                          # every section with its defaults
    python tests/bench/content.py extraction               # one section
    python tests/bench/content.py extraction --pages 400   # with its own options
    python tests/bench/content.py --list
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import time
from pathlib import Path

SECTIONS = "content_sections"


def main(argv: list[str]) -> None:
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    names = sorted(module.name for module in pkgutil.iter_modules([str(here / SECTIONS)]))
    if argv[:1] == ["--list"]:
        for name in names:
            print(f"{name:<16} {(load(name).__doc__ or '').strip().splitlines()[0]}")
        return
    if argv and argv[0] not in names:
        raise SystemExit(f"{argv[0]} is no section; there are {', '.join(names)}")
    for name in argv[:1] or names:
        began = time.process_time()
        print(f"== {name}")
        load(name).run(argv[1:])
        print(f"   {time.process_time() - began:.1f} CPU-s\n")


def load(name: str):
    return importlib.import_module(f"{SECTIONS}.{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
