"""What a page or a document shows is in its text, and no markup keeps the parser busy without end."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from jobs.clean.html import extract, page_text, xml_text

WORDS = "<p>some words of a page</p>"


def read(markup, media_type="text/html"):
    texts, _, reasons = extract(pa.array([markup]), pa.array([media_type]), 10)
    return texts[0].as_py(), reasons[0].as_py()


@pytest.mark.parametrize("media_type", ["text/html", "application/xml", "application/xhtml+xml"])
@pytest.mark.parametrize(
    ("markup", "says"),
    [
        ("<div>" * 200_000, "nested more than 2048 deep"),
        ("<DIV class='a>b'>" * 3000, "nested more than 2048 deep"),
        ("<div>" * 100_000 + WORDS + "</div>" * 100_000, "nested more than 2048 deep"),
        ("<div " + " ".join(f"a{n}=1" for n in range(30_000)) + ">x</div>", "more than 1000 attributes"),
        ("<div " + "".join(f"a{n}='1'" for n in range(30_000)) + ">x</div>", "more than 1000 attributes"),
    ],
)
def test_depth_and_attributes_without_end_are_refused(markup, says, media_type):
    text, reason = read(markup, media_type)
    assert not text
    assert says in reason


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 1000 + WORDS + "</div>" * 1000,
        WORDS * 2000,
        "<ul>" + "<li>an item" * 2000 + "</ul>" + WORDS,
        "<p>a line<br>" * 2000 + WORDS,
        f"<img src='data:image/png;base64,{'QUJD/' * 40_000}'>{WORDS}",
        "<b>x</b>" * 2000 + WORDS,
        "a < b " * 2000 + WORDS,
        "<svg>" + "<path d='M0 0'/><circle r='1'/>" * 3000 + f"</svg>{WORDS}",
        "<p><font color=red>never closed" * 5000 + WORDS,
        "<math>" + "<mspace/>" * 3000 + f"</math>{WORDS}",
        "<x-icon name='a'/>" * 1500 + WORDS,
        "<a id='x'/>" * 3000 + WORDS,
    ],
)
def test_long_pages_are_read(markup):
    text, reason = read(markup)
    assert reason is None
    assert "some words of a page" in text


@pytest.mark.parametrize(
    "markup",
    [
        "<p>a<!-- b" + "x" * 1_000_000,
        "<p>a" + "<!-- b" * 100_000,
        "<p>a\0b&#0;</p>" * 10_000,
        "<" * 1_000_000,
        "&" * 1_000_000,
        "</p>" * 200_000,
        f"<p title='{'x' * 5_000_000}'>a</p>",
        "".join(f"<b id={n}><p>" for n in range(50_000)),
        "<table><tr><td>" * 600 + WORDS,
        "<div class=nav>" * 1500 + WORDS * 2000,
        "<div hidden>x</div>" * 20_000 + WORDS,
        "<div>" + "<span hidden id=a></span>" * 20_000 + "</div>" + WORDS,
        "<header><h1>x</h1></header>" * 5000 + WORDS,
        "<ul><li>" * 900 + "<i></i>" * 20_000,
        "<sup>" * 1500 + "<i></i>" * 20_000,
        "<svg>" + "<text>" * 1500 + "x",
        "<math>" + "<mfrac>" * 1500 + "x",
        "<ruby><rt>" * 900,
        "<frameset><frame><noframes>x",
        "<plaintext>" + "<b>" * 1000,
        "]]><![CDATA[ x ]]>",
        "\ud800 \ufffe",
        "",
    ],
    ids=range(23),
)
def test_hostile_pages_take_bounded_time_and_raise_nothing(markup):
    array = pa.array([markup.encode("utf-8", "replace").decode()])
    began = time.process_time()
    for media_type in ("text/html", "application/xml"):
        texts, shares, reasons = extract(array, pa.array([media_type]), 200)
        assert texts[0].is_valid
        assert (reasons[0].as_py() is None) == shares[0].is_valid
    assert time.process_time() - began < 8


@pytest.mark.parametrize("around", ["", "<article>", "<main><section>", "<div><div><div>", "<blockquote>", "<details>"])
@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<ul><li>flour<li>water</ul>", "- flour\n- water"),
        ("<ul><li><p>flour</p></li><li><p>water</p></li></ul>", "- flour\n- water"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n  - b\n- c"),
        ("<ol start=3><li>x<ol type=a><li>y<li>z</ol><li value=9>w</ol>", "3. x\n  a. y\n  b. z\n9. w"),
        ("<ol><li>1. First<li>2. Second</ol>", "1. First\n2. Second"),
        ("<dl><dt>HUP<dd>Hang up<dt>INT<dd>Interrupt</dl>", "HUP\nHang up\nINT\nInterrupt"),
        ("<table><tr><th>Name<th>Number<tr><td>HUP<td>1</table>", "Name\tNumber\nHUP\t1"),
        ("<pre>\ndef f():\n    return 1\n</pre>", "def f():\n    return 1"),
        ("<summary>Question</summary>Answer", "Question\nAnswer"),
        ("<figure><figcaption>Caption</figcaption></figure>", "Caption"),
        ("<h3>Heading</h3>Text", "Heading\n\nText"),
        ("<p>one<br>two</p>", "one\ntwo"),
    ],
)
def test_blocks_are_laid_out_wherever_they_stand(around, markup, text):
    got, kept = page_text(f"<p>before</p>{around}{markup}", 0)
    assert text in got
    assert kept == 1


def test_navigation_goes_by_element_role_and_name_and_content_does_not():
    links = "".join(f"<li><a href=/{n}>Link {n}</a>" for n in range(5))
    words = "<p>" + "The words of the page are here. " * 20
    page = (
        f"<header>Banner</header><nav>{links}</nav><div role=navigation>{links}</div><div class='toc'><ul>{links}</ul></div>"
        f"<main><article><header><h2>Own title</h2></header>{words}<aside>A note</aside><footer>By me</footer></article>"
        f"<div class=contents>{words}</div></main><aside>Advertisement</aside><footer>Copyright</footer>"
    )
    text, kept = page_text(page)
    assert not any(word in text for word in ("Banner", "Link", "Advertisement", "Copyright"))
    assert all(word in text for word in ("Own title", "A note", "By me"))
    assert text.count("The words") == 40
    assert 0.9 < kept < 1


def test_rows_of_links_that_style_sheets_put_around_a_chapter_go_with_the_titles_in_them():
    around = "<table><tr><td><a href=a>{0}</a></td><th>{1}</th><td><a href=b>{2}</a></td></tr></table>"
    text, kept = page_text(
        f"<div class=navheader>{around.format('Prev', 'Chapter 4. Access', 'Next')}</div>"
        f"<div class=chapter><h1>Chapter 4. Access</h1><p>{'The words of the page are here. ' * 20}</div>"
        f"<div class=navfooter>{around.format('Prev', 'Chapter 3. Start', 'Next')} Chapter 5. Networks</div>"
    )
    assert text.count("Chapter") == 1
    assert "Prev" not in text
    assert kept == 1


@pytest.mark.parametrize("name", ["table-contents", "figure-contents", "example-contents"])
def test_a_table_of_links_is_content_whatever_its_body_is_called(name):
    rows = "".join(f"<tr><td><a href=/{n}>RFC {n}</a><td><a href=/{n}>Protocol {n}</a>" for n in range(9))
    words = "<p>" + "The words of the page are here. " * 40
    text, kept = page_text(f"{words}<div class={name}><table>{rows}</table></div>{words}")
    assert "Protocol 8" in text
    assert kept == 1
    assert "Entry" not in page_text(f"{words}<div class='contents topic'><a href=/>Entry</a></div>{words}")[0]


def test_what_is_taken_for_navigation_by_its_name_stays_where_it_is_the_page():
    links = "".join(f"<li><a href=/{n}>Entry number {n}</a>" for n in range(50))
    text, kept = page_text(f"<h1>Index</h1><div class=menu><ul>{links}</ul></div>")
    assert "Entry number 49" in text
    assert kept == 1


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<span><i hidden id=MAC_1>Cmd</i><i hidden id=default_1>Ctrl</i></span>+F1", "Ctrl+F1"),
        ("<span><i hidden class=A>Format</i><i hidden class=B>Cells</i></span>", "Format / Cells"),
        ("<button aria-expanded=false aria-controls=p>Why?</button><div id=p hidden>Because.</div>", "Why?\nBecause."),
        ("<a onclick=\"flip('d')\">x</a><div id=d style='display: none'>Diagram</div>", "x\nDiagram"),
        ("<div role=tabpanel hidden>Second tab</div>", "Second tab"),
        ("<p hidden=until-found>Found</p>", "Found"),
        ("<p>a</p><div hidden>Secret</div>", "a"),
        ("<p>a</p><div role=dialog id=m hidden>Cookies</div><i onclick=m>b</i>", "a\n\nb"),
        ("<h2><button>Title</button></h2><button>Send</button>", "Title"),
        ("<noscript>Enable scripts</noscript><template>t</template><p>The page itself</p>", "The page itself"),
        ("<frameset><noframes>A page for all</noframes></frameset>", "A page for all"),
    ],
)
def test_hidden_text_is_taken_where_a_script_shows_it_as_part_of_the_page(markup, text):
    assert page_text(markup, 10)[0] == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>6</sup>, 2<sup>-3</sup>, x<sup>n+1</sup>, 2<sup>2<sup>n</sup></sup>", "10⁶, 2⁻³, x^(n+1), 2^(2^n)"),
        ("1<sup>st</sup> M<sup>me</sup> n<sup>o</sup> Foo<sup>TM</sup>", "1st Mme no Foo™"),
        ("H<sub>2</sub>O, log<sub>2</sub> 8, a<sub>i</sub>", "H₂O, log₂ 8, a_i"),
        ("word<sup><a href='#n'>1</a></sup>.", "word[1]."),
        ("<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>", "1/2"),
        ("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac></math>", "(a + b)/c"),
        ("<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>", "x_i²"),
        ("<math><mi>E</mi><annotation encoding='application/x-tex'>E=mc^2</annotation></math>", "$E=mc^2$"),
        ("<ruby>東<rt>とう</rt>京<rp>(</rp><rt>きょう</rt><rp>)</rp></ruby>", "東(とう)京(きょう)"),
        ("日本\n語 <q>x</q> a\u00a0b", "日本語 “x” a\u00a0b"),
        ("<h2>T<a href='#t'>¶</a></h2>", "T"),
        ("<b>H</b>ello", "Hello"),
        ("<my-a>A</my-a><my-b>B</my-b>", "A\nB"),
        ("<table><tr><td>a<br>b<td>c<tr><td><td>d</table>", "a b\tc\n\td"),
        ("<table><tr><td><pre>1\n2</pre><td><pre>x\n  y</pre></table>", "x\n  y"),
    ],
)
def test_what_carries_meaning_is_not_glued_away(markup, text):
    assert page_text(f"<p>{markup}" if not markup.startswith("<") else markup, 0)[0] == text


def test_xhtml_is_read_as_xml_and_otherwise_as_html():
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body><script src="x"/><p>a&nbsp;b</p>{}</body></html>'
    assert page_text(page.format("<textarea/><p>c</p>"), 0, xhtml=True)[0] == "a\u00a0b\n\nc"
    assert page_text(page.format("<p>c<b>d</p>"), 0, xhtml=True)[0] == "a\u00a0b\n\ncd"
    assert xml_text(page.format("<p>c</p>"), 0)[0] == "a\u00a0b\n\nc"


def test_docbook_tables_lists_and_entities():
    head = (
        '<!DOCTYPE book [<!ENTITY app "Clocks"><!ENTITY v "<b>&app;</b> 3"><!ENTITY ch SYSTEM "file:///etc/passwd">]>'
    )
    body = (
        "<book><title>&app;</title><para>&v;&mdash;&unknown;[&ch;] 10<superscript>6</superscript></para><informaltable>"
        "<tgroup cols='2'><thead><row><entry>Name</entry><entry>No</entry></row></thead><tbody><row><entry><para>HUP</para>"
        "</entry><entry>1</entry></row></tbody></tgroup></informaltable><variablelist><varlistentry><term>-a</term>"
        "<listitem><para>All</para></listitem></varlistentry></variablelist><orderedlist numeration='loweralpha'><listitem>"
        "<para>one</para></listitem></orderedlist><screen>$ a\n  b</screen><para><menuchoice><guimenu>File</guimenu>"
        "<guimenuitem>Open</guimenuitem></menuchoice> <xref linkend='s'/></para><section id='s'><title>S</title></section>"
        "</book>"
    )
    assert xml_text(head + body)[0] == (
        "Clocks\n\nClocks 3—&unknown;[] 10⁶\n\nName\tNo\nHUP\t1\n\n-a\nAll\n\na. one\n\n$ a\n  b\n\nFile → Open S\n\nS"
    )


def test_records_of_an_unknown_vocabulary_stand_apart():
    assert xml_text("<data><row1><name>Ann</name><mail>a@b</mail></row1></data>")[0] == "Ann\na@b"


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9)),
        '<!ENTITY a9 "&b;"><!ENTITY b "&a9;">',
        f'<!ENTITY a9 "{"x" * 1_000_000}">',
    ],
)
def test_entities_expand_within_bounds(entities):
    with pytest.raises(ValueError, match="expand without end"):
        xml_text(f"<!DOCTYPE x [{entities}]><p>{'&a9;' * 1000}</p>")
