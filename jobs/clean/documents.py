"""From documents as received to clean text: markup removed, characters normalised, broken text refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.clean.html import HTML, XML, extract
from jobs.clean.mojibake import repair
from jobs.package_data import package_digest
from jobs.text.data_files import LIKELIHOOD
from lakehouse.declare.flow import REJECT, flow
from lakehouse.declare.reads import read
from lakehouse.errors import FlowError
from schemas.documents import documents, landed_documents
from schemas.identity import content_ids
from schemas.lineage import LINEAGE_NAMES


@dataclass(frozen=True, slots=True)
class CleanParams:
    """Parameters of the cleaning of documents.

    Args:
        least_main: Characters under which the main content that was found in a page is doubted.
        most_replaced: Fraction of undecodable characters (U+FFFD) above which a document is refused.
        most_controls: Fraction of control characters above which a document is taken for binary data.
        most_chars: Characters above which a document is refused; 0 means no limit.
    """

    least_main: int = 200
    most_replaced: float = 0.01
    most_controls: float = 0.01
    most_chars: int = 64 << 20

    def __post_init__(self) -> None:
        """Refuse fractions that are none."""
        for name in ("most_replaced", "most_controls"):
            if not 0 <= getattr(self, name) <= 1:
                raise FlowError(f"{name} is {getattr(self, name)}", "give a fraction from 0 to 1")


@flow(
    id="jobs.clean.documents.clean_documents",
    writes=documents,
    reads={"landed": read(landed_documents)},
    params=CleanParams,
    models=lambda _: {LIKELIHOOD.name: package_digest(LIKELIHOOD)},
    tags=("clean",),
    reject_tolerance=1.0,
)
def clean_documents(batch: pa.RecordBatch, params: CleanParams) -> pa.RecordBatch:
    """Clean each document.

    HTML and XML give what they show outside navigation. Text is read again where it is mojibake, and gets one kind of
    line end, normalisation form C and no invisible characters that carry no meaning. Code keeps all but its line ends
    and a byte-order mark at its beginning.

    Args:
        batch: Rows of bronze.documents.
        params: See `CleanParams`.

    Returns:
        Rows of silver.documents, one for each row; ``_reject`` says why a document gives no text.
    """
    from jobs.text import normalise as kernel

    text, extracted, reasons = _plain(batch, params)
    is_code = pc.fill_null(pc.equal(batch.column("modality"), "code"), False)
    text, repaired = _repaired(text, is_code)
    text, findings = _normalised(text, is_code)
    reasons = pc.coalesce(reasons, _reasons(text, findings, params))
    text = pc.cast(text, pa.string()) if text.nbytes < 1 << 31 else text
    columns = {
        **{name: batch.column(name) for name in LINEAGE_NAMES},
        **{name: batch.column(name) for name in ("modality", "kind", "language_hint", "title")},
        "content_id": content_ids(text),
        "repaired": repaired,
        "invisible": findings[:, kernel.INVISIBLE].astype(np.int32),
        "text": text,
        "extracted_words": extracted,
        REJECT: reasons,
    }
    return pa.RecordBatch.from_pydict(columns)


def _plain(batch: pa.RecordBatch, params: CleanParams) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the documents without markup: large_string [n], float64 [n] and string [n].

    These are the texts, the fraction of what a document shows that its text holds, and why one could not be read.
    """
    content = pc.fill_null(batch.column("content").cast(pa.large_string()), "")
    reasons = pa.nulls(len(content), pa.string())
    extracted = pa.nulls(len(content), pa.float64())
    kinds = batch.column("media_type")
    markup = pc.or_(
        pc.is_in(kinds, pa.array([*HTML, *XML])),
        pc.and_(pc.ends_with(kinds, "+xml"), pc.equal(batch["modality"], "text")),
    )
    # Source code that happens to be markup stays as it is.
    markup = pc.fill_null(pc.and_(markup, pc.not_equal(batch.column("modality"), "code")), False)
    if params.most_chars:
        markup = pc.and_(markup, pc.less_equal(pc.binary_length(content), 4 * params.most_chars))
    if pc.any(markup).as_py():
        found, share, why = extract(content.filter(markup), kinds.filter(markup), params.least_main)
        content = pc.replace_with_mask(content, markup, found)
        extracted = pc.replace_with_mask(extracted, markup, share)
        reasons = pc.replace_with_mask(reasons, markup, why)
    return content, extracted, reasons


def _repaired(text: pa.Array, is_code: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Repair mojibake, before normalisation takes its control characters and odd spaces away; code may mean it."""
    repaired = np.zeros(len(text), np.int32)
    is_text = pc.invert(is_code)
    if not pc.any(is_text).as_py():
        return text, repaired
    whole, counts = repair(text.filter(is_text))
    repaired[is_text.to_numpy(zero_copy_only=False)] = counts
    return (pc.replace_with_mask(text, is_text, whole) if counts.any() else text), repaired


def _normalised(text: pa.Array, is_code: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Normalise text and code by their own rules, compose text."""
    from jobs.text import normalise as kernel

    whole, findings = kernel.normalise(text)
    if pc.any(is_code).as_py():
        own, counts = kernel.normalise_code(text.filter(is_code))
        whole = pc.replace_with_mask(whole, is_code, own)
        findings[is_code.to_numpy(zero_copy_only=False)] = counts
    compose = pa.array(findings[:, kernel.MAY_COMPOSE] > 0)
    if pc.any(compose).as_py():
        import polars as pl

        composed = pl.Series(pl.from_arrow(whole.filter(compose))).str.normalize("NFC").to_arrow()
        whole = pc.replace_with_mask(whole, compose, composed.cast(pa.large_string()))
    return whole, findings


def _reasons(text: pa.Array, findings: npt.NDArray[np.int64], params: CleanParams) -> pa.Array:
    """Return why a document is refused, the gravest reason first; null where it is not."""
    from jobs.text import normalise as kernel

    chars = np.maximum(findings[:, kernel.CHARS], 1)
    # A single place is a stray byte, however short the text is.
    most_replaced = np.maximum(params.most_replaced * chars, 1)
    cases = {
        f"longer than {params.most_chars} characters": (params.most_chars > 0) & (chars > params.most_chars),
        "binary data: too many control characters": findings[:, kernel.CONTROLS] > params.most_controls * chars,
        "undecodable: too many replacement characters": findings[:, kernel.REPLACEMENTS] > most_replaced,
        "no text is left after cleaning": pc.equal(pc.binary_length(text), 0).to_numpy(zero_copy_only=False),
    }
    names = np.array([None, *cases], dtype=object)
    first = np.select(list(cases.values()), range(1, len(cases) + 1), 0)
    return pa.array(names[first], pa.string())
