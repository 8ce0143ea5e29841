from __future__ import annotations

import pickle

import pytest

from lakehouse.errors import CheckFailedError, FlowError, MixlakeError, from_text


class TooLongError(FlowError):
    def __init__(self, rows):
        super().__init__(f"{rows} rows are too long", "shorten them", "flows.py:3")


def refused():
    error = CheckFailedError("3 of 4 rows were refused", "fix the rows")
    error.reasons, error.rows = {"text is not empty": 3}, 4
    return error


def test_a_place_ends_the_message_and_is_a_field():
    error = FlowError("acme.f reads nothing", "declare what it reads", "flows.py:3")
    assert str(error) == "acme.f reads nothing (flows.py:3) — declare what it reads"
    assert error.place == "flows.py:3"


@pytest.mark.parametrize("error", [refused(), CheckFailedError("m"), TooLongError(3)], ids=lambda e: type(e).__name__)
def test_a_pickled_error_keeps_its_class_and_fields(error):
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert {name: getattr(found, name) for name in error.fields} == {
        name: getattr(error, name) for name in error.fields
    }
    assert str(found) == str(error)


def test_an_error_in_a_text_keeps_its_fields():
    found = from_text(f"Traceback\nRuntimeError: {refused().to_text()}\n\tat org.x")
    assert type(found) is CheckFailedError
    assert (found.reasons, found.rows) == ({"text is not empty": 3}, 4)
    assert from_text(f"{refused().to_text()[:-4]}") is None
    assert from_text("mixlake error: 5") is None
    assert type(from_text(MixlakeError("m").to_text())) is MixlakeError
