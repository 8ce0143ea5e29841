from __future__ import annotations

import json
import re
import sys

import pytest

from tests.lakehouse import words


@pytest.fixture
def lines(project):
    return words.write(project)


def test_a_terminal_gets_a_line_a_table_with_state_and_causes(call, lines):
    printed = call("graph", "+gold.counts")
    assert [re.sub(r"[^a-z. ]", "", line).split() for line in printed.splitlines()] == [
        ["bronze.lines", "missing", "missing"],
        ["silver.shouts", "missing", "missing", "upstream"],
        ["gold.counts", "missing", "missing", "upstream"],
    ]
    assert re.search(r"○ +bronze\.lines", printed)
    assert "\x1b" not in printed


def test_on_a_terminal_states_are_coloured_and_the_words_stay(call, lines, monkeypatch):
    plain = call("graph")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    coloured = call("graph")
    assert "\x1b[31m" in coloured
    without = re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert [line.rstrip() for line in without.splitlines()] == plain.splitlines()


def test_documents_and_programs_get_their_formats(call, lines):
    found = json.loads(call("graph", "--format", "json"))
    assert {"from": "silver.shouts", "to": "gold.counts"} in found["edges"]
    assert set(found["nodes"][0]) == {"table", "flow", "kind", "layer", "state", "doc", "causes"}
    assert {node["state"] for node in found["nodes"]} == {"missing"}
    assert call("graph", "--format", "mermaid").startswith("flowchart")
    assert call("graph", "--format", "dot").startswith("digraph")


def test_nothing_selected_is_said_and_drawn_empty(call, project):
    words.write_as_run(project)
    assert call("graph", "stale") == "no flow is selected\n"
    assert json.loads(call("graph", "stale", "--format", "json")) == {"nodes": [], "edges": []}
    assert call("graph", "stale", "--format", "mermaid") == "flowchart LR\n"


def test_unknown_formats_and_selections_are_refused(call, lines):
    assert "mermaid" in call("graph", "--format", "svg", status=2)
    assert "did you mean silver.shouts" in call("graph", "silver.shout", status=2)
