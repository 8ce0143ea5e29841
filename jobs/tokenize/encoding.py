"""Text to ids: Qwen's byte-pair encoding, through tiktoken."""

from __future__ import annotations

import base64
import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.assets import asset
from lakehouse.errors import ConfigError

if TYPE_CHECKING:
    from tiktoken import Encoding

# The pre-tokeniser of Qwen2 (its tokenizer.json): digits one by one, a leading space joins its word.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@functools.lru_cache(maxsize=2)
def encoding(ranks: str = "") -> Encoding:
    """Return the encoding, loaded once per process (0.2 s).

    Args:
        ranks: One's own file of ``base64 rank`` lines; empty for the pinned one.

    Raises:
        ConfigError: If the file holds something else.
        MachineError: If the pinned file cannot be fetched.
    """
    from tiktoken import Encoding

    path = asset("qwen.tiktoken", ranks)
    try:
        lines = (line.split() for line in path.read_bytes().splitlines() if line)
        table = {base64.b64decode(piece): int(rank) for piece, rank in lines}
    except ValueError as error:
        raise ConfigError(f"{path} is no rank file: {error}", "give lines of base64 and rank") from None
    return Encoding("qwen", pat_str=PATTERN, mergeable_ranks=table, special_tokens={})


def encode(text: str, ranks: str = "") -> npt.NDArray[np.uint32]:
    """Return the ids of one text; spellings of specials are text like any other.

    The pre-tokeniser gives up on runs of about a million spaces; such a text is encoded in halves, which
    decode to the same text.
    """
    try:
        return encoding(ranks).encode_to_numpy(text, disallowed_special=())
    except ValueError:
        if len(text) < 2:
            raise
        middle = len(text) // 2
        return np.concatenate([encode(text[:middle], ranks), encode(text[middle:], ranks)])


def encode_column(texts: pa.Array, ranks: str = "") -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return the ids of a column of texts on end, and where each text's begin.

    A text becomes a Python string, as the encoder takes no other, one at a time; ids never become Python
    numbers.

    Args:
        texts: string [n]; null counts as empty.
        ranks: One's own rank file.

    Returns:
        ids int32 [total], offsets int64 [n + 1].
    """
    encoded = [encode(text.as_py() or "", ranks) for text in texts]
    offsets = np.zeros(len(encoded) + 1, np.int64)
    np.cumsum([len(ids) for ids in encoded], out=offsets[1:])
    ids = np.concatenate(encoded).astype(np.int32) if encoded else np.zeros(0, np.int32)
    return ids, offsets
