from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.run.openlineage.run_ids import run_uuid

RUN = "20261124T010203-abcdef12"


def test_ids_carry_the_time_of_the_run_and_stay_the_same():
    found = uuid.UUID(run_uuid(RUN, "flows.shout"))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == 1795482123000  # 2026-11-24 01:02:03 UTC in milliseconds
    assert run_uuid(RUN, "flows.shout") == str(found)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), unique=True, min_size=2, max_size=20))
def test_two_executions_never_share_one(names):
    assert len({run_uuid(run, flow) for run, flow in names}) == len(names)


def test_a_run_is_none_of_its_flows():
    assert run_uuid(RUN) != run_uuid(RUN, "x")
    assert run_uuid("later-than-any", "") != run_uuid("earlier", "")
