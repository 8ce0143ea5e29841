from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.acquire.extract.manual_page import is_manual_page, manual_text
from jobs.acquire.file_guard import RejectedError
from tests.jobs.acquire.planted_media import mutated

MAN = r"""'\" t
.\" A comment.
.de URL
\\$2 \(la\\$1\(ra\\$3
..
.TH FROB 1 "May 2024" "frob 1.0"
.SH NAME
frob \- frobnicate \fIfiles\fR
.SH SYNOPSIS
.B frob
[\fB\-v\fR] [\fB\-o\fR \fIOUT\fR] \&...
.SH OPTIONS
.TP
.BR \-v ", " \-\-verbose
Say more,
and more.
.TP
\fB\-o\fR \fIOUT\fR
Write to
.IR OUT .
.IP \(bu 2
First point.
.IP \(bu 2
Second \(co point.
.PP
Read
.URL https://x.org "the site" .
.nf
  $ frob  x
  done
.fi
.if n .P
.ie t never
.el shown
.if \n(.g \{\
kept
.\}
.TS
tab(|);
l l.
one|T{
two
lines
T}
.TE
.SS "See also"
.UR https://y.org
a link
.UE .
"""
MDOC = r""".Dd May 1, 2024
.Dt FROB 1
.Os
.Sh NAME
.Nm frob
.Nd frobnicate files
.Sh SYNOPSIS
.Nm
.Op Fl v
.Op Fl o Ar out
.Ar
.Sh DESCRIPTION
The
.Nm
utility, see
.Xr ls 1 ,
reads
.Pa /etc/frob .
.Bl -tag -width Ds
.It Fl v
Be
.Dq very
verbose.
.It Fl o Ar out
Write to
.Ar out .
.El
.Bd -literal
$ frob  x
.Ed
"""


def test_a_page_of_man():
    found = manual_text(MAN)
    assert found.title == "FROB(1)"
    assert found.text.split("\n\n") == [
        "NAME",
        "frob - frobnicate files",
        "SYNOPSIS",
        "frob [-v] [-o OUT] ...",
        "OPTIONS",
        "-v, --verbose\nSay more, and more.",
        "-o OUT\nWrite to OUT.",
        "• First point.",
        "• Second © point.",
        "Read the site ⟨https://x.org⟩.",
        "  $ frob  x\n  done",
        "shown kept",
        "one\ttwo lines",
        "See also",
        "a link <https://y.org>.",
    ]


def test_a_page_of_mdoc():
    found = manual_text(MDOC)
    assert found.title == "frob(1)"
    assert found.text.split("\n\n") == [
        "NAME",
        "frob – frobnicate files",
        "SYNOPSIS",
        "frob [-v] [-o out] file ...",
        "DESCRIPTION",
        "The frob utility, see ls(1), reads /etc/frob.",
        "-v\nBe “very” verbose.",
        "-o out\nWrite to out.",
        "$ frob  x",
    ]


def test_a_link_is_refused_and_names_its_page_which_is_not_read(tmp_path):
    (tmp_path / "secret").write_text("secret")
    with pytest.raises(RejectedError, match="a link to the page man1/other"):
        manual_text(".so man1/other.1\n")
    page = f".TH X 1\n.SH NAME\nshown\n.so {tmp_path}/secret\n.pso cat {tmp_path}/secret\n.sy touch {tmp_path}/made\n"
    assert manual_text(page).text == "NAME\n\nshown"
    assert not (tmp_path / "made").exists()
    with pytest.raises(RejectedError, match="shows no text"):
        manual_text(".TH X 1\n")


def test_a_page_that_calls_itself_without_end_ends():
    page = ".TH X 1\n.de a\n.a\n.a\n.a\nx\n..\n.ds s \\*s\\*s\\*s\n.SH N\n.a\n\\*s\nlast\n"
    assert manual_text(page).text.endswith("last")


def test_only_what_begins_as_a_page_is_one():
    assert is_manual_page(MAN)
    assert is_manual_page(MDOC)
    assert not is_manual_page("Notes of version 1.2\n.TH is a macro? no\nThe end.\n")


@settings(deadline=None)
@given(st.sampled_from([MAN, MDOC]), st.integers(0, 1 << 32))
def test_damaged_pages_give_text_or_a_reason(page, seed):
    try:
        text = manual_text(mutated(page.encode(), seed).decode("utf-8", "replace")).text
    except RejectedError as rejected:
        text = str(rejected)
    assert text.strip()


@given(st.text(st.sampled_from(".'\\\"(){}[]*$nfsTHSPBI de\n"), max_size=200))
def test_any_roff_gives_text_or_a_reason(page):
    try:
        text = manual_text(page).text
    except RejectedError as rejected:
        text = str(rejected)
    text.encode()
