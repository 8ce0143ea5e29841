"""What an element is for the layout of text: names of HTML, DocBook, Mallard and TEI.

The layout of HTML is that of the rendering section of the HTML standard; DocBook's is that of its reference guide
("processing expectations"), Mallard's and TEI's those of their guides. What is in no table is inline in HTML and in
text; elsewhere it is a block where its parent has no text of its own, so that the fields of a record stand apart.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType


class Role(IntEnum):
    """What an element is for the layout."""

    INLINE = 0
    DROPPED = 1  # it and all in it are not shown
    PARAGRAPH = 2
    BLOCK = 3  # on lines of its own, without a blank line around
    SECTION = 4  # a paragraph that headers, footers and asides in it belong to
    HEADING = 5
    LISTING = 6  # white space counts
    BREAK = 7
    UNORDERED = 8
    ORDERED = 9
    ITEM = 10
    TERMS = 11
    TERM = 12
    DEFINITION = 13
    TABLE = 14
    ROW = 15
    CELL = 16
    SUPERSCRIPT = 17
    SUBSCRIPT = 18
    QUOTE = 19
    READING = 20  # ruby
    READING_MARK = 21
    MATHS = 22
    DRAWING = 23
    HEADER = 24
    FOOTER = 25
    ASIDE = 26
    FIELD = 27  # a block of its own where its name is in no table
    FALLBACK = 28  # shown where scripts or frames are not
    TEMPLATE = 29
    DIALOG = 30
    RULE = 31
    FOOTNOTE = 32
    PATH = 33  # of a menu: its parts are joined by arrows
    KEYS = 34  # pressed together
    REFERENCE = 35  # shown as the title of what it names
    INFO = 36  # about the document; its title alone is shown
    GROUP = 37  # paragraphs that belong together


def _table(**names: str) -> MappingProxyType[str, Role]:
    return MappingProxyType({name: Role[role] for role, several in names.items() for name in several.split()})


HTML = _table(
    INLINE="a abbr acronym b basefont bdi bdo big blink cite code data del dfn em font html i ins kbd label mark "
    "marquee meter nobr noindex object output progress ruby s samp slot small span strike strong time tt u var wbr "
    "map picture canvas rb rbc",
    DROPPED="head script style nav menuitem audio video iframe embed param source track area base link meta title "
    "button input select option textarea keygen datalist noembed applet img colgroup col bgsound portal",
    PARAGRAPH="p",
    GROUP="blockquote center figure address hgroup form fieldset details",
    BLOCK="div figcaption summary legend caption optgroup frameset body search multicol tbody thead tfoot",
    SECTION="article section main",
    HEADING="h1 h2 h3 h4 h5 h6",
    LISTING="pre listing xmp plaintext",
    BREAK="br",
    RULE="hr",
    UNORDERED="ul menu dir",
    ORDERED="ol",
    ITEM="li",
    TERMS="dl",
    TERM="dt",
    DEFINITION="dd",
    TABLE="table",
    ROW="tr",
    CELL="td th",
    SUPERSCRIPT="sup",
    SUBSCRIPT="sub",
    QUOTE="q",
    READING="rt rtc",
    READING_MARK="rp",
    MATHS="math",
    DRAWING="svg",
    HEADER="header",
    FOOTER="footer",
    ASIDE="aside",
    FALLBACK="noscript noframes",
    TEMPLATE="template",
    DIALOG="dialog",
)

XML = _table(
    DROPPED="indexterm index teiheader script style textobject videodata audiodata imagedata colspec spanspec areaspec "
    "facsimile fw",
    PARAGRAPH="p para simpara formalpara funcsynopsis classsynopsis desc cmdsynopsis attribution",
    GROUP="blockquote epigraph note tip warning caution important example informalexample figure informalfigure "
    "sidebar abstract qandaset qandaentry question answer qandadiv body front back lg sp formula equation "
    "informalequation refsynopsisdiv refnamediv msgset",
    BLOCK="div caption l text speaker stage byline opener closer salute signed dateline refname refpurpose "
    "funcprototype methodsynopsis fieldsynopsis tgroup thead tbody tfoot trailer docauthor titlepart refdescriptor",
    SECTION="article book chapter section sect1 sect2 sect3 sect4 sect5 simplesect part preface appendix glossary "
    "bibliography refentry refsect1 refsect2 refsect3 refsection page div1 div2 div3 div4 div5 set reference topic "
    "colophon dedication partintro glossdiv bibliodiv",
    HEADING="title subtitle head bridgehead h1 h2 h3 h4 h5 h6",
    LISTING="screen programlisting literallayout synopsis listing pre address eg egxml funcsynopsisinfo "
    "classsynopsisinfo",
    BREAK="lb br sbr",
    RULE="pb milestone hr",
    UNORDERED="itemizedlist list simplelist calloutlist tree ul bibliolist listbibl",
    ORDERED="orderedlist procedure steps substeps ol",
    ITEM="listitem item member step callout li biblioentry bibliomixed bibl",
    TERMS="variablelist glosslist terms dl",
    TERM="dt segtitle",
    DEFINITION="glossdef dd",
    TABLE="table informaltable entrytbl",
    ROW="row tr",
    CELL="entry cell td th",
    SUPERSCRIPT="superscript sup",
    SUBSCRIPT="subscript sub",
    QUOTE="quote q soCalled",
    MATHS="math",
    DRAWING="svg",
    FOOTNOTE="footnote",
    PATH="menuchoice guiseq",
    KEYS="keycombo keyseq",
    REFERENCE="xref",
    INFO="info articleinfo bookinfo chapterinfo sectioninfo sect1info sect2info sect3info refentryinfo partinfo "
    "setinfo appendixinfo prefaceinfo refmeta prolog",
)

# What an element is in a parent of this name.
WITHIN = MappingProxyType({
    ("varlistentry", "term"): Role.TERM,
    ("varlistentry", "listitem"): Role.DEFINITION,
    ("glossentry", "glossterm"): Role.TERM,
    # Of the two readings of a passage, the editor's.
    ("choice", "sic"): Role.DROPPED,
    ("choice", "orig"): Role.DROPPED,
    ("choice", "abbr"): Role.DROPPED,
})  # fmt: skip

# Roles of WAI-ARIA 1.2 that are about getting about in a site, and what opens over a page.
NAVIGATION_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "menu", "menubar", "toolbar", "doc-toc",
                              "doc-pagelist", "toc", "landmarks", "directory", "alertdialog", "tooltip"))  # fmt: skip
