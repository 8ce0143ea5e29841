"""Which language a text is in: by its script where that decides, else by fastText's lid.176 (arXiv:1612.03651).

The model never saw, or confuses, languages that a script of their own betrays (Yi is answered as Japanese,
Mongolian script as Chinese); short Chinese text mixed with commands is taken for anything. So:

- a script that writes one language names it, where it has half of the letters;
- kana make Japanese; Han without kana makes Chinese, of which the model may say that it is Cantonese (yue);
- the rest is the model's, over four windows of the text, so that an English heading or licence at the
  beginning does not decide.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# Scripts of one living language; for Ethiopic, Bengali, Devanagari and the like the model chooses.
SCRIPT_LANGUAGES = {
    "Grek": "el", "Armn": "hy", "Thaa": "dv", "Nkoo": "nqo", "Guru": "pa", "Gujr": "gu", "Orya": "or", "Taml": "ta",
    "Telu": "te", "Knda": "kn", "Mlym": "ml", "Sinh": "si", "Thai": "th", "Laoo": "lo", "Tibt": "bo", "Mymr": "my",
    "Hang": "ko", "Cher": "chr", "Cans": "iu", "Khmr": "km", "Mong": "mn", "Olck": "sat", "Yiii": "ii",
}  # fmt: skip

# A character of these says about as much as three letters of an alphabet.
_DENSE = ("Hani", "Hans", "Hant", "Jpan", "Hang", "Yiii", "Bopo")
_DENSITY = 3

# Labels of the model that are no BCP 47 tags of what they mean: Wikipedia's als is Alemannic, bh Bhojpuri,
# eml Emilian, sh Serbo-Croatian.
_TAGS = {"als": "gsw", "bh": "bho", "eml": "egl", "sh": "hbs"}

# Languages of Han characters without kana that the model may name, and the confidence that it needs. It calls
# classical Chinese Wu (wuu), and Wu Chinese, so that label says nothing.
_CHINESE = {"zh": 0.0, "yue": 0.8}

_WINDOWS = 4


def languages(text: pa.Array, model: Path, chars: int) -> tuple[pa.Array, npt.NDArray[np.float64], pa.Array]:
    """Return the language of each text.

    Args:
        text: string or large_string [n].
        model: The fastText model, lid.176.
        chars: Characters that the model sees of each text.

    Returns:
        string [n] of BCP 47 tags ("und" where there are no letters), float64 [n] of confidences (the share of
        letters where the script decides), string [n] of ISO 15924 codes ("Zyyy" where there are no letters).
    """
    from jobs.text.scripts import NAMES, script_counts

    counts = script_counts(text, 1 << 16)
    weight = np.ones(len(NAMES), np.int64)
    weight[[NAMES.index(name) for name in _DENSE]] = _DENSITY
    weighted = counts * weight
    letters = weighted.sum(axis=1)
    share = weighted / np.maximum(letters, 1)[:, None]
    column = {name: number for number, name in enumerate(NAMES)}
    kana = share[:, column["Jpan"]]
    han = share[:, column["Hani"]] + share[:, column["Hans"]] + share[:, column["Hant"]]
    tags = np.full(len(text), "", dtype="U8")
    scores = np.zeros(len(text), np.float64)
    for name, tag in SCRIPT_LANGUAGES.items():
        chosen = share[:, column[name]] >= 0.5
        tags[chosen] = tag
        scores[chosen] = share[chosen, column[name]]
    # Japanese prose has more kana than Han; a tenth allows for lists of names and headings.
    east = (han + kana >= 0.5) & (tags == "")
    japanese = east & (kana >= 0.1 * (han + kana))
    tags[japanese] = "ja"
    scores[japanese] = (han + kana)[japanese]
    tags[letters == 0] = "und"
    unlabelled = np.flatnonzero(tags == "")
    if len(unlabelled):
        predicted, confidence = _predict(text.take(pa.array(unlabelled)), model, chars)
        chinese = east[unlabelled]
        needed = np.array([_CHINESE.get(tag, 2.0) for tag in predicted])
        foreign = chinese & (confidence < needed)
        predicted[foreign] = "zh"
        confidence[chinese] = np.where(foreign[chinese], han[unlabelled][chinese], confidence[chinese])
        tags[unlabelled], scores[unlabelled] = predicted, confidence
    return pa.array(tags.tolist(), pa.string()), scores, _scripts(share, kana, han, letters)


def _scripts(
    share: npt.NDArray[np.float64],
    kana: npt.NDArray[np.float64],
    han: npt.NDArray[np.float64],
    letters: npt.NDArray[np.int64],
) -> pa.Array:
    """Name the script of most letters; Han is distinguished by orthography, Japanese is one script with its kana."""
    from jobs.text.scripts import HANS, HANT, NAMES

    plain = share[:, :HANS].copy()
    east = [NAMES.index("Hani"), NAMES.index("Jpan")]
    plain[:, east] = 0
    best = plain.argmax(axis=1)
    names = np.array(NAMES)[best]
    han_first = (han + kana) > plain.max(axis=1)
    simplified, traditional = share[:, HANS], share[:, HANT]
    orthography = np.where(simplified > traditional, "Hans", np.where(traditional > simplified, "Hant", "Hani"))
    names = np.where(han_first, orthography, names)
    names = np.where(han_first & (kana >= 0.1 * (han + kana)), "Jpan", names)
    names = np.where(names == "Hang", "Kore", names)
    return pa.array(np.where(letters == 0, "Zyyy", names).tolist(), pa.string())


def _predict(text: pa.Array, model: Path, chars: int) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64]]:
    """Run the model on windows of each text. fastText takes Python strings; only the windows are converted."""
    import polars as pl

    series = pl.from_arrow(text)
    assert isinstance(series, pl.Series)  # noqa: S101 - for the type checker
    piece = chars // _WINDOWS
    length = pl.col("text").str.len_chars().cast(pl.Int64)
    windows = [
        pl.col("text").str.slice(((length - chars).clip(0) * k) // (_WINDOWS - 1) + piece * k, piece)
        for k in range(_WINDOWS)
    ]
    heads = (
        pl.DataFrame({"text": series})
        .select(pl.concat_str(windows).str.replace_all(r"\s+", " ").alias("head"))
        .get_column("head")
        .to_list()
    )
    loaded = _load(str(model))
    labels, confidences = loaded.predict(heads, k=1)
    codes = np.array([label[0].removeprefix("__label__") if label else "und" for label in labels], dtype="U8")
    for label, tag in _TAGS.items():
        codes[codes == label] = tag
    score = np.array([float(value[0]) if len(value) else 0.0 for value in confidences], np.float64)
    return codes, score.clip(0.0, 1.0)


@functools.lru_cache(maxsize=2)
def _load(path: str) -> Any:
    """Load a model once per process."""
    import fasttext

    return fasttext.load_model(path)
