"""Which language a text is in: what its source says, its script, and two models, each where it can tell.

A text is looked at by passages, in lower case. Of each passage

- a script that writes one language only names it (`jobs.text.language_facts`); Han with kana is Japanese, Han with
  Hangul Korean, and Han alone Chinese, of which lid.176 may say that it is Cantonese (it calls classical Chinese Wu),
  and the function words that it is Cantonese, Wu, Gan, Hakka, Southern Min or Xiang (`jobs.score.sinitic`);
- else lid.176 names the likeliest of its languages that are written so.

The document's language is that of most of its text, and the passages' languages are its shares. Then the source's
hint is heard (`_with_hint`): it stands where it says the same more exactly (yue for zh, pt-BR for pt), where lid.176
cannot say its language in that script, and where the wide model agrees with it rather than with lid.176. It falls where
its language is not written in the text's script. Without a hint, the wide model decides among the languages of a
script of which lid.176 knows only one (`_without_hint`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.acquire.languages import UNKNOWN, bcp47
from jobs.score import language_models as models
from jobs.score.sinitic import sinitic
from jobs.text.language_facts import HAN, common, facts, only_language, related, writes
from schemas.documents import LANGUAGE_SHARES

# A character of these says about as much as three letters of an alphabet.
_DENSE = ("Hani", "Hans", "Hant", "Jpan", "Kore", "Yiii", "Bopo")
_DENSITY = 3

# Share of the letters that kana or Hangul need beside Han: Japanese prose has more, Korean in mixed script about half.
_LEAST_OWN = 0.1

# What lid.176 must give Cantonese.
_YUE = 0.8

# The policy's line between sure and unsure, above which an identified language counts without a hint.
_SURE = 0.5
# What the wide model must give a language against lid.176's answer, where there is no hint or it speaks against one.
_WIDE_SURE = 0.9
# The same where lid.176 is not sure of its own.
_WIDE_LIKELY = 0.7
# What it must give lid.176's language, and how much more than the hint's, to speak against a hint that it knows.
_WIDE_AGAINST = 0.2
_WIDE_TIMES = 20
# Characters from which the wide model is believed against it.
_WIDE_LEAST = 200
# Passages of a text that the wide model sees.
_WIDE_PASSAGES = 4

# Characters of a heading in which simplified ones may be Japanese.
_FEW = 12

_NO_LANGUAGE = {"", UNKNOWN, "mul", "zxx", "mis", "qaa"}


@dataclass(frozen=True, slots=True)
class Models:
    """Which models are asked, and about how much of a text.

    Args:
        lid: The file of lid.176.
        wide: The file of the wide model.
        passages: Passages of each text at most.
        size: Bytes of a passage at most.
    """

    lid: str
    wide: str = str(models.WIDE)
    passages: int = 16
    size: int = 480


@dataclass(frozen=True, slots=True)
class Languages:
    """What was found of n texts.

    Args:
        language: string [n], BCP 47 tags; und where there are no letters.
        score: float64 [n], the confidence in them.
        script: string [n], ISO 15924 codes of most letters; Zyyy where there are none.
        shares: `LANGUAGE_SHARES` [n], the languages of the passages by their part of the text, the largest first.
    """

    language: pa.Array
    score: npt.NDArray[np.float64]
    script: pa.Array
    shares: pa.Array


@dataclass(frozen=True, slots=True)
class _Seen:
    """What lid.176 and the script say of one text: the language of most of it, and the confidence in it."""

    tag: str
    confidence: float
    script: str
    passages: list[str]

    @property
    def language(self) -> str:
        return self.tag.partition("-")[0]


def languages(text: pa.Array, hint: pa.Array, asked: Models) -> Languages:
    """Return the language of each text.

    Args:
        text: string or large_string [n].
        hint: string [n], what the source or the document says: a tag, a locale or an ISO 639 code; null or und where
            nothing is said.
        asked: The models.
    """
    from jobs.text.passages import passages

    pieces, rows, weight = passages(text, asked.passages, asked.size)
    script, letters = _scripts(pieces)
    whole, _ = _scripts(text)
    clean = models.normal(pieces)
    named, sure = _passage_languages(clean, script, letters, asked)
    order: dict[int, list[int]] = {}
    for place, row in enumerate(rows.tolist()):
        order.setdefault(row, []).append(place)
    tags, scores, shares = [], np.zeros(len(text), np.float64), []
    for row, said in enumerate(hint.to_pylist()):
        places = [place for place in order.get(row, []) if named[place] != UNKNOWN]
        found = _totals(places, named, weight)
        seen = _seen(found, places, (named, sure, weight), (script, clean))
        tag, scores[row] = _decide(bcp47(said or ""), seen, asked)
        found = _renamed(found, seen.tag, tag)
        everything = sum(found.values())
        shares.append([{"language": name, "share": part / everything} for name, part in found.items()])
        tags.append(tag)
    return Languages(
        pa.array(tags, pa.string()), scores, pa.array(whole, pa.string()), pa.array(shares, LANGUAGE_SHARES)
    )


def _passage_languages(
    clean: list[str], script: list[str], letters: npt.NDArray[np.float64], asked: Models
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the tag of each passage and the confidence in it."""
    answers = models.first_answers(clean, script, asked.lid)
    named, sure = [], np.zeros(len(clean), np.float64)
    for place, (answer, code) in enumerate(zip(answers, script, strict=True)):
        chance = answer.probability if answer else 0.0
        only = {"Jpan": "ja", "Kore": "ko"}.get(code) or only_language(code)
        if code == "Zyyy":
            tag = UNKNOWN
        elif only:
            tag, chance = only, letters[place]
        elif code in HAN:
            tag = "yue" if answer and answer.language == "yue" and chance >= _YUE else "zh"
            # Han alone is Chinese whatever the model says, and all the more where it agrees.
            chance = max(chance if answer and answer.language == tag else 0.0, letters[place])
        else:
            # A language that no model knows has this script's confidence: none.
            tag = answer.tag if answer else f"{UNKNOWN}-{code}"
        named.append(tag)
        sure[place] = chance
    return named, sure


def _totals(places: Sequence[int], named: list[str], weight: npt.NDArray[np.int64]) -> dict[str, float]:
    found: dict[str, float] = {}
    for place in places:
        found[named[place]] = found.get(named[place], 0.0) + float(weight[place])
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _seen(
    found: dict[str, float],
    places: Sequence[int],
    judged: tuple[list[str], npt.NDArray[np.float64], npt.NDArray[np.int64]],
    read: tuple[list[str], list[str]],
) -> _Seen:
    """Return the language that most of a text is in, as far as the passages' answers are believed."""
    (named, sure, weight), (script, clean) = judged, read
    if not found:
        return _Seen(UNKNOWN, 0.0, "Zyyy", [])
    belief = {
        tag: sum(float(weight[place]) * float(sure[place]) for place in places if named[place] == tag) for tag in found
    }
    tag = max(belief, key=lambda name: (belief[name], found[name], name))
    own = sorted((place for place in places if named[place] == tag), key=lambda place: -int(weight[place]))
    return _Seen(tag, belief[tag] / found[tag], script[own[0]], [clean[place] for place in own[:_WIDE_PASSAGES]])


def _renamed(found: dict[str, float], seen: str, decided: str) -> dict[str, float]:
    """Return the shares with what the text was found to be in under the name that was decided on."""
    out: dict[str, float] = {}
    for name, part in found.items():
        known = decided if name == seen else UNKNOWN if name.startswith(f"{UNKNOWN}-") else name
        out[known] = out.get(known, 0.0) + part
    return dict(sorted(out.items(), key=lambda item: (-item[1], item[0])))


def _decide(hint: str, seen: _Seen, asked: Models) -> tuple[str, float]:
    if not seen.passages:
        return UNKNOWN, 0.0
    language, *subtags = hint.split("-")
    if seen.script in HAN and seen.language in {"zh", "yue"} and language in {"zh", *_NO_LANGUAGE}:
        spoken, confidence = sinitic("".join(seen.passages))
        if spoken != "zh":
            return spoken, max(confidence, seen.confidence if seen.language == spoken else 0.0)
    if language in _NO_LANGUAGE:
        return _without_hint(seen, asked)
    stated = next((part for part in subtags if len(part) == 4 and part.isalpha()), "")
    if stated and stated != seen.script and stated not in _spoken(seen.script):
        # The script that it states is not that of the text: zh-Hant over simplified characters, az-Cyrl over Latin.
        hint, stated = _with_script(hint, seen.script), ""
    known = bool(stated) or models.wide_knows(language, seen.script, asked.wide)
    written = True if known else writes(language, seen.script)
    if written is False and not related(language, seen.language):
        return _without_hint(seen, asked)
    first = facts().likely.get(language, "")
    # A few Chinese characters may be a Japanese or Korean heading; a page of them is not.
    few = len(seen.passages) == 1 and (seen.script != "Hans" or len(seen.passages[0]) <= _FEW)
    heading = few and first in {"Jpan", "Kore"} and seen.script in HAN
    return _with_hint(hint, seen, asked, likely=known or heading or first in _spoken(seen.script))


def _with_hint(hint: str, seen: _Seen, asked: Models, *, likely: bool) -> tuple[str, float]:
    """Weigh a hint against what was seen.

    Args:
        hint: Its tag; its language is written in the text's script, or nothing is known of that.
        seen: What lid.176 and the script say.
        asked: The models.
        likely: Whether this is the script that the language is written in first, or that the hint names.
    """
    language = hint.partition("-")[0]
    if related(language, seen.language):
        return _orthography(hint, seen), max(seen.confidence, 0.0)
    if only_language(seen.script):
        return seen.tag, seen.confidence
    unknown = not facts().scripts.get(language)
    wide = models.wide_answers(seen.passages, seen.script, asked.wide)
    heard = models.wide_knows(language, seen.script, asked.wide)
    own = sum(part for tag, part in wide.items() if related(tag.partition("-")[0], language))
    other = sum(part for tag, part in wide.items() if related(tag.partition("-")[0], seen.language))
    if not models.can_say(language, seen.script, asked.lid) and (likely or unknown):
        # The model could not have said it, so that what it says is no word against it, unless the other one,
        # which knows both, says so, too.
        against = heard and other >= _WIDE_AGAINST and other > own * _WIDE_TIMES and seen.confidence >= _SURE
        return (seen.tag, seen.confidence) if against else (hint, max(own, _SURE))
    if seen.confidence < _SURE or (heard and own >= _SURE):
        return hint, max(own, _SURE)
    return seen.tag, seen.confidence


def _without_hint(seen: _Seen, asked: Models) -> tuple[str, float]:
    if only_language(seen.script) or seen.script in {"Jpan", "Kore", *HAN}:
        return seen.tag, seen.confidence
    wide = models.wide_answers(seen.passages, seen.script, asked.wide)
    if not wide:
        return (UNKNOWN, 0.0) if seen.tag.startswith(UNKNOWN) else (seen.tag, seen.confidence)
    tag, chance = max(wide.items(), key=lambda item: (item[1], item[0]))
    language = tag.partition("-")[0]
    if models.languages_of(seen.script, asked.lid) <= 1:
        # lid.176 has no choice here, or knows nothing; its certainty says nothing either.
        return tag, chance
    if related(language, seen.language):
        return seen.tag, max(seen.confidence, chance)
    enough = sum(map(len, seen.passages)) >= _WIDE_LEAST
    if not enough:
        return seen.tag, seen.confidence
    if models.can_say(language, seen.script, asked.lid):
        # Both know it, and the wide one knows far less of it.
        believed = seen.confidence < _SURE and chance >= _WIDE_SURE
    else:
        believed = seen.confidence < _WIDE_SURE and chance >= (_WIDE_SURE if seen.confidence >= _SURE else _WIDE_LIKELY)
    return (tag, chance) if believed else (seen.tag, seen.confidence)


def _spoken(script: str) -> tuple[str, ...]:
    return HAN if script in HAN else (script,)


def _with_script(tag: str, script: str) -> str:
    """Return a tag with another script, which is left out where the language is written so first."""
    language, *subtags = tag.split("-")
    named = [script] if facts().likely.get(language, script) != script and script not in HAN else []
    return "-".join([language, *named, *(part for part in subtags if not (len(part) == 4 and part.isalpha()))])


def _orthography(hint: str, seen: _Seen) -> str:
    """Return a hint of the same language, with the characters that the text has where it says others."""
    language, *subtags = hint.split("-")
    if seen.script not in {"Hans", "Hant"} or common(language) != "zh":
        return hint
    stated = next((part for part in subtags if part in {"Hans", "Hant"}), "")
    region = next((part for part in subtags if len(part) == 2), "")
    usual = stated or {"CN": "Hans", "SG": "Hans", "TW": "Hant", "HK": "Hant", "MO": "Hant"}.get(region, "")
    return hint if usual in {"", seen.script} else f"{language}-{seen.script}"


def script_of(text: str) -> str:
    """Return the ISO 15924 code of most letters of a text, as `languages` has it."""
    return _scripts(pa.array([text]))[0][0]


def _scripts(text: pa.Array) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the script of most letters of each text, and its share of them.

    Han is told apart by orthography; with kana it is Japanese, with Hangul Korean.
    """
    from jobs.text.scripts import NAMES, script_counts

    column = {name: number for number, name in enumerate(NAMES)}
    weight = np.ones(len(NAMES), np.int64)
    weight[[column[name] for name in _DENSE]] = _DENSITY
    counts = script_counts(text, 1 << 16) * weight
    letters = counts.sum(axis=1)
    simplified, traditional = counts[:, column["Hans"]], counts[:, column["Hant"]]
    han = counts[:, column["Hani"]] + simplified + traditional
    kana, hangul = counts[:, column["Jpan"]].copy(), counts[:, column["Kore"]].copy()
    plain = counts.copy()
    plain[:, [column[name] for name in (*HAN, "Jpan", "Kore")]] = 0
    joint = np.stack([han, kana, hangul], axis=1)
    korean = (hangul > 0) & (hangul >= _LEAST_OWN * (han + hangul)) & (hangul >= kana)
    japanese = (kana > 0) & (kana >= _LEAST_OWN * (han + kana)) & ~korean
    east = np.where(korean, han + hangul, np.where(japanese, han + kana, joint.max(axis=1)))
    orthography = np.where(simplified > traditional, "Hans", np.where(traditional > simplified, "Hant", "Hani"))
    names = np.where(korean, "Kore", np.where(japanese, "Jpan", orthography))
    best = plain.argmax(axis=1)
    first = east > plain.max(axis=1)
    script = np.where(letters == 0, "Zyyy", np.where(first, names, np.array(NAMES)[best]))
    share = np.where(first, east, plain.max(axis=1)) / np.maximum(letters, 1)
    return script.tolist(), share
