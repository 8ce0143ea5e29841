"""C4's signals (Raffel et al. 2019, arXiv:1910.10683, section 2.2).

C4 drops a page with a curly bracket, with lorem ipsum or with fewer than 3 sentences, and lines that mention
JavaScript or a policy. The last two are counted here over the page, so that a policy may decide on the page. A long
page that says lorem ipsum once shows an example; a page is placeholder text where it says it every 300 words.
"""

from __future__ import annotations

from jobs.score.rules.measured import Measured, Scores, mentions

LOREM_IPSUM = "(?i)lorem ipsum"
_WORDS_A_MENTION = 300
JAVASCRIPT = "(?i)javascript"

# The phrases of the C4 code base, which the paper describes as boilerplate policy notices.
POLICIES = r"(?i)terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"


def c4(measured: Measured) -> Scores:
    """Return C4's columns."""
    from jobs.text import lines

    return {
        "n_sentences": measured.counts[:, lines.SENTENCES],
        "curly_brackets": measured.counts[:, lines.CURLY_BRACKETS] > 0,
        "lorem_ipsum": _WORDS_A_MENTION * mentions(measured.text, LOREM_IPSUM) > measured.counts[:, lines.WORDS],
        "javascript_mentions": mentions(measured.text, JAVASCRIPT),
        "policy_mentions": mentions(measured.text, POLICIES),
    }
