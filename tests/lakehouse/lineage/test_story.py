from __future__ import annotations

from lakehouse.lineage.story import Event, Story, by_table


def test_the_verdict_is_the_first_loss_with_all_its_rules():
    events = (
        Event("s", "a.t", "kept"),
        Event("s", "b.t", "removed", rule="short", column="n", value="3", threshold="at least 9"),
        Event("s", "b.t", "removed", rule="ugly"),
        Event("s", "c.t", "pruned", rule="not wanted"),
        Event("o", "a.t", "quarantined", rule="other"),
    )
    story = Story("s", "", events)
    assert story.verdict == "removed at b.t: short (n 3, allowed: at least 9); ugly"
    assert [event.table for event in story.of("o")] == ["a.t"]
    assert list(by_table(events)) == ["a.t", "b.t", "c.t"]


def test_words_that_are_not_counted_are_no_end():
    story = Story("s", "", (Event("s", "a.t", "kept", detail="here"), Event("s", "b.t", "repeats", other=("o",))))
    assert story.verdict == "kept at a.t: here"
    assert Story("s", "", (Event("o", "a.t", "kept"),)).verdict == "it is known only by what was made from it"


def test_its_json_has_all_of_an_event():
    body = Story("s", "file:a", (Event("s", "a.t", "kept", other=("x",), details={"n": 1}),)).as_dict()
    assert body["events"][0]["other"] == ["x"]
    assert body["events"][0]["details"] == {"n": 1}
    assert set(body) == {"id", "uri", "verdict", "events", "truncated", "left_out"}
