"""The incremental truth: after any history of changes, tables hold what a rebuild from nothing would hold."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from lakehouse.retraction.retract import RetractionRequest, retract
from lakehouse.spark import file_pruning
from tests.lakehouse.delta import pages
from tests.lakehouse.delta.pages import page

# One operator that keeps rows and one that cuts them, a frame that merges, and two flows that are whole.
NAMES = ("bronze.pages", "silver.texts", "silver.pieces", "silver.notes", "gold.counts")
# One that two texts may give the same key, one that leaves out its surplus, and one whose surplus is refused.
LABELS, SIZES, WHOLES = BROKEN = ("broken.labels", "broken.sizes", "broken.wholes")
WORDS = ("red", "green", "blue", "red green", "bad idea", "", "Red", "blue sky over green hills")
PLACES = [(source, number) for source in ("a", "b", "c") for number in range(4)]
# With Spark each takes minutes; MIXLAKE_TRUTH_EXAMPLES=20 looks further.
EXAMPLES = int(os.environ.get("MIXLAKE_TRUTH_EXAMPLES", "3"))
STEPS = int(os.environ.get("MIXLAKE_TRUTH_STEPS", "8"))

PLACE = st.sampled_from(PLACES)
_NUMBERS = itertools.count()


def identity(place):
    return page(place[0], "", uri=f"{place[0]}/{place[1]}")["sample_id"]


class History(RuleBasedStateMachine):
    """A lake to which things happen, one run after each; at the end it is compared with a rebuild.

    Args:
        project: The project.
        engines: Those that run its flows, in turns.
    """

    def __init__(self, project, engines):
        super().__init__()
        self.project = project
        self.engines = engines
        number = next(_NUMBERS)
        self.lake, self.rebuilt = f"lake{number}", f"rebuilt{number}"
        self.held, self.gone, self.refused = {}, set(), set()
        self.params = {"silver.texts": {"mark": "!"}}
        pages.write(project, [])
        project.module("breaking", pages.BREAKING)
        self.land({("a", 0): "red", ("c", 0): "green"})

    def run(self, *select, into=None, **options):
        found = [page(p[0], text, uri=f"{p[0]}/{p[1]}") for p, text in sorted(self.held.items())]
        pages.land(self.project, found)
        lake = into or self.lake
        done = self.project.run(*(select or (*NAMES, *BROKEN)), lake=lake, params=self.params, **options)
        broken = {name: done.pop(name) for name in (LABELS, WHOLES) if name in done}
        assert all(o.status in {"done", "fresh"} for o in done.values()), [o.error for o in done.values()]
        for name, outcome in broken.items():
            self.is_refused_or_right(name, outcome, lake)
        return broken

    def is_refused_or_right(self, name, outcome, lake):
        """A flow that breaks keys fails just then, and its table has each key once."""
        rows = self.project.rows(name, lake) if (self.project.root / lake / name.replace(".", "/")).exists() else []
        key = ("source", "label") if name == LABELS else ("sample_id",)
        keys = [tuple(row[column] for column in key) for row in rows]
        assert len(set(keys)) == len(keys)
        texts = [(row["source"], row["text"]) for row in self.project.rows("silver.texts", lake)]
        if name == LABELS:
            assert (outcome.status == "failed") == (len(set(texts)) < len(texts)), (outcome.error, texts)
        elif outcome.status == "failed":
            assert "which is not among the rows that it was given" in str(outcome.error)
        if outcome.status != "failed":
            assert len(rows) == len(texts)

    @rule(number=st.integers(0, 1))
    def change_the_engine(self, number):
        os.environ["MIXLAKE_ENGINE"] = self.engines[number % len(self.engines)]

    @rule(what=st.dictionaries(PLACE, st.sampled_from(WORDS), min_size=1, max_size=4))
    def land(self, what):
        self.held.update(what)
        self.run()

    @rule(what=st.sets(PLACE, min_size=1, max_size=4))
    def drop(self, what):
        self.held = {key: text for key, text in self.held.items() if key not in what}
        self.run()

    @rule(mark=st.sampled_from(["!", "?"]))
    def change_a_param(self, mark):
        self.params = {"silver.texts": {"mark": mark}}
        self.run()

    @rule(name=st.sampled_from(["utf8_upper", "utf8_capitalize"]))
    def change_the_code(self, name):
        self.project.module("flows", pages.FLOWS.replace("pc.utf8_upper", f"pc.{name}"))
        self.run()

    @rule(
        what=st.one_of(st.just(("source", "c")), st.tuples(st.just("id"), PLACE)),
        scope=st.sampled_from(["origin", "content"]),
    )
    def take_back(self, what, scope):
        if scope == "content":  # contents are known from tables that are up to date
            self.run()
            there = {place: text.lower() for place, text in self.held.items() if text and not self.is_gone(place)}
            self.refused |= {text for place, text in there.items() if what in {("source", place[0]), ("id", place)}}
            self.gone |= {("id", place) for place, text in there.items() if text in self.refused}
        kind, value = what
        lake = self.project.lake(self.lake)
        retract(
            lake.project,
            RetractionRequest(kind, [value if kind == "source" else identity(value)], reason="r", scope=scope),
        )
        self.gone.add(what)
        self.run()

    def is_gone(self, place):
        """Whether a retraction refuses what lies there now."""
        return bool({("source", place[0]), ("id", place)} & self.gone) or self.held[place].lower() in self.refused

    @rule(
        select=st.sampled_from(["bronze.pages", "silver.texts", "silver.*"]),
        what=st.dictionaries(PLACE, st.sampled_from(WORDS), max_size=3),
    )
    def run_some(self, select, what):
        """Commits of an input gather before what reads it runs."""
        self.held.update(what)
        self.run(select)

    @rule(name=st.sampled_from(["bronze.pages", "silver.texts"]))
    def compact(self, name):
        self.project.lake(self.lake).catalog.open(name).optimize.compact()
        self.run()

    @rule()
    def retry_what_was_set_aside(self):
        self.run(retry=True)

    def teardown(self):
        """Compare with a rebuild, which knows the retractions only as rows that never came."""
        failed = self.run()[LABELS].status == "failed"
        self.run(WHOLES, full=True)
        self.held = {place: text for place, text in self.held.items() if not self.is_gone(place)}
        assert (self.run(into=self.rebuilt)[LABELS].status == "failed") == failed
        names = [name for name in (*NAMES, *BROKEN) if name != LABELS or not failed]
        digests = [pages.digests(self.project, lake, names) for lake in (self.lake, self.rebuilt)]
        assert digests[0] == digests[1]
        for name in names:
            assert stable(self.project, name, self.lake) == stable(self.project, name, self.rebuilt), name


@pytest.mark.parametrize(
    "engines", [("embedded",), pytest.param(("embedded", "spark"), marks=pytest.mark.slow)], ids="+".join
)
def test_any_history_of_changes_gives_what_a_rebuild_gives(project, engines, request, monkeypatch):
    monkeypatch.setattr(file_pruning, "LARGE", 0)
    monkeypatch.setenv("MIXLAKE_ENGINE", engines[0])
    if "spark" in engines:
        request.getfixturevalue("spark")
    run_state_machine_as_test(
        lambda: History(project, engines),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def stable(project, name, lake):
    return sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in project.rows(name, lake))
