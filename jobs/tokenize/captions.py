"""Which of a picture's captions it is learnt with.

A picture makes one sample, with one caption. Among the declared languages that it has a caption in, a keyed
hash picks one, each as likely; among the tags of that language (zh-CN, zh-TW) another hash picks the caption.
A picture with none of them is learnt with any caption that it has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobs.chance import keyed
from lakehouse.declare.relations import Dialect
from lakehouse.errors import ConfigError

CAPTION_LANGUAGES = ("zh", "en")


def caption_tag(captions: str, sample_id: str, languages: Sequence[str], seed: int, dialect: Dialect = "spark") -> str:
    """Return the SQL of the chosen caption's tag, null where there is no caption.

    Args:
        captions: SQL of a map from tag to caption.
        sample_id: SQL of the id.
        languages: Primary language subtags.
        seed: Seed of the choice.
        dialect: Whose SQL; both give the same tag.

    Raises:
        ConfigError: If a language is no primary subtag.
    """
    wrong = [name for name in languages if not re.fullmatch(r"[a-z]{2,3}", name)]
    if wrong:
        raise ConfigError(f"caption language {wrong[0]!r} is no primary subtag", "write zh or en")
    primary = "lower(regexp_extract(tag, '^[A-Za-z]+', 0))"
    rank = (
        f"concat({keyed(seed, 'caption/language', f'{sample_id}, {primary}', dialect)}, "
        f"{keyed(seed, 'caption/tag', f'{sample_id}, tag', dialect)}, tag)"
    )
    wanted = ", ".join(f"'{name}'" for name in languages) or "''"
    spark = dialect == "spark"
    arrow = "tag ->" if spark else "lambda tag:"
    keep, change, least = (
        ("filter", "transform", "array_min") if spark else ("list_filter", "list_transform", "list_min")
    )
    length = "length" if spark else "strlen"
    present = f"{keep}(map_keys({captions}), {arrow} coalesce({length}(trim({captions}[tag])), 0) > 0)"
    preferred = f"{keep}({present}, {arrow} {primary} IN ({wanted}))"

    def first(tags: str) -> str:
        # Two hashes of 64 digits come before the tag.
        return f"substring({least}({change}({tags}, {arrow} {rank})), 129)"

    return f"coalesce({first(preferred)}, {first(present)})"
