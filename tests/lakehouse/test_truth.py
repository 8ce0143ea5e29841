"""The incremental truth: after any history of changes, tables hold what a rebuild from nothing would hold."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lakehouse.retraction import retract
from tests.lakehouse import pages
from tests.lakehouse.pages import page

# One operator that keeps rows and one that cuts them, a frame that merges, and two flows that are whole.
NAMES = ("bronze.pages", "silver.texts", "silver.pieces", "silver.notes", "gold.counts")
WORDS = ("red", "green", "blue", "red green", "bad idea", "", "Red", "blue sky over green hills")
PLACES = [(source, number) for source in ("a", "b", "c") for number in range(4)]
# Each takes minutes; MIXLAKE_TRUTH_EXAMPLES=20 looks further.
EXAMPLES = int(os.environ.get("MIXLAKE_TRUTH_EXAMPLES", "1"))

place = st.sampled_from(PLACES)
land = st.tuples(st.just("land"), st.dictionaries(place, st.sampled_from(WORDS), min_size=1, max_size=4))
drop = st.tuples(st.just("drop"), st.sets(place, min_size=1, max_size=4))
mark = st.tuples(st.just("mark"), st.sampled_from(["!", "?"]))
code = st.tuples(st.just("code"), st.sampled_from(["utf8_upper", "utf8_capitalize"]))
take = st.tuples(st.just("retract"), st.one_of(st.just(("source", "c")), st.tuples(st.just("id"), place)))
some = st.tuples(st.just("some"), st.sampled_from(["bronze.pages", "silver.texts", "silver.*"]))
tidy = st.tuples(st.just("tidy"), st.sampled_from(["bronze.pages", "silver.texts"]))


def identity(place):
    return page(place[0], "", uri=f"{place[0]}/{place[1]}")["sample_id"]


@pytest.mark.usefixtures("spark")
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(changes=st.lists(st.one_of(land, land, land, drop, mark, code, take, some, tidy), min_size=3, max_size=5))
def test_any_history_of_changes_gives_what_a_rebuild_gives(project, changes):
    number = next(_LAKES)
    lake, rebuilt = f"lake{number}", f"rebuilt{number}"
    pages.write(project, [])
    held, gone, params = {}, set(), {"silver.texts": {"mark": "!"}}

    def run(*select, into=lake):
        done = project.run(*(select or NAMES), lake=into, params=params)
        assert all(o.status in {"done", "fresh"} for o in done.values()), [o.error for o in done.values()]

    for kind, what in [("land", {("a", 0): "red", ("c", 0): "green"}), *changes]:
        if kind == "land":
            held.update(what)
        elif kind == "drop":
            held = {key: text for key, text in held.items() if key not in what}
        elif kind == "mark":
            params = {"silver.texts": {"mark": what}}
        elif kind == "code":
            project.module("flows", pages.FLOWS.replace("pc.utf8_upper", f"pc.{what}"))
        elif kind == "retract":
            name, value = what
            retract(
                project.lake(lake), name, [value if name == "source" else identity(value)], reason="r", scope="origin"
            )
            gone.add(what)
        elif kind == "tidy":
            project.lake(lake).open(what).optimize.compact()
        pages.land(project, [page(p[0], text, uri=f"{p[0]}/{p[1]}") for p, text in sorted(held.items())])
        run(*([what] if kind == "some" else []))
    run()
    # The rebuild knows the retractions only as rows that never came.
    kept = {p: t for p, t in held.items() if ("source", p[0]) not in gone and ("id", p) not in gone}
    pages.land(project, [page(p[0], text, uri=f"{p[0]}/{p[1]}") for p, text in sorted(kept.items())])
    run(into=rebuilt)
    assert pages.digests(project, lake, NAMES) == pages.digests(project, rebuilt, NAMES)
    for name in NAMES:
        assert stable(project, name, lake) == stable(project, name, rebuilt), name


def stable(project, name, lake):
    return sorted(str({k: v for k, v in row.items() if k != "run_id"}) for row in project.rows(name, lake))


_LAKES = itertools.count()
