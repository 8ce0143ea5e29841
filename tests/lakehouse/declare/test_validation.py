from __future__ import annotations

import re

import pytest

from lakehouse.errors import ConfigError, ContractError, FlowError
from tests.lakehouse import words


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('reads={"lines": lines}, params', 'reads={"lines": "silver.nowhere"}, params', "silver.nowhere as 'lines'"),
        (
            '{"lines": lines}, params',
            '{"lines": read(lines, columns=["sample_id", "tex"])}, params',
            "the column 'tex'",
        ),
        ('{"lines": lines}, params', '{"lines": read(lines, columns=["text"])}, params', "source key 'sample_id'"),
        ('{"lines": lines}, params', '{"lines": lines}, source_key="uri", params', "source key 'uri'"),
        ('{"lines": lines}, params', '{"lines": lines}, driving="other", params', "driving names 'other'"),
        ('"get(parent_ids, 0)"', '"get(parent_idz, 0)"', "names 'parent_idz', which silver.words does not have"),
        ('"get(parent_ids, 0)"', '"get(parent_ids"', "does not parse"),
        ('{"lines": lines}, params', '{"lines": read(lines, where="text >")}, params', "does not parse at 1:6"),
        ('{"lines": lines}, params', '{"lines": read(lines, where="text text")}, params', "does not parse at 1:6"),
        ('{"lines": lines}, params', '{"lines": read(lines, where=5)}, params', "where 5, which is not a text"),
        (
            '{"lines": lines}, params',
            '{"lines": read(lines, where="txt > 0")}, params',
            "names 'txt'.* did you mean text",
        ),
        (
            'kind="landing", external',
            'kind="landing", rows="one-to-one", external',
            "rows='one-to-one' is for operators",
        ),
        ('reads={"lines": lines}, params', "params", "an operator without an input"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(project, old, new, says):
    text = words.FLOWS.replace("import flow\n", "import flow, read\n").replace(old, new)
    assert text != words.FLOWS
    words.write(project)
    project.module("flows", text)
    with pytest.raises((FlowError, ConfigError), match=says) as raised:
        _ = project.lake().registry
    assert re.search(r"flows\.py:\d+\)", raised.value.message)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("length(text >", "does not parse at 1:13"),
        ("text = 'x", "does not parse at 1: a quote or comment is not closed"),
        ("SELECT true", "does not parse at 1:1: "),
        ("length(text) > 0; true", "does not parse: it is not a single expression"),
        ("-- none", "the check '-- none' is empty"),
        ("length(txt) > 0", "names 'txt', which is not a column there"),
    ],
)
def test_a_check_that_spark_could_not_apply_is_refused_with_its_place(project, check, says):
    words.write(project)
    project.module("tables", words.TABLES.replace("length(text) > 0", check))
    with pytest.raises(ContractError, match=re.escape(says)) as raised:
        _ = project.lake().registry
    assert re.search(r"tables\.py:\d+\)", raised.value.message)
    assert raised.value.message.startswith("bronze.lines: the check ")


@pytest.mark.parametrize(
    "check", ["exists(split(text, ' '), w -> w <> '')", "TEXT rlike '^x' AND `run_id` IS NOT NULL", "true"]
)
def test_a_check_that_spark_can_apply_is_taken(project, check):
    words.write(project)
    project.module("tables", words.TABLES.replace("length(text) > 0", check))
    assert project.lake().registry.tables["bronze.lines"].checks[0].sql == check
