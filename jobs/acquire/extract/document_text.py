"""The text of a document's bytes: decoded, and taken out of formats that are no text."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.acquire.decoding import Decoded, decode
from jobs.acquire.extract.catalogue import translated_text
from jobs.acquire.extract.extracted import Extracted
from jobs.acquire.extract.manual_page import is_manual_page, manual_text
from jobs.acquire.extract.pdf import pdf_text
from jobs.acquire.file_guard import RejectedError

PDF, CATALOGUE, MANUAL_PAGE = "application/pdf", "text/x-gettext-translation", "text/troff"
# Characters that a PDF file may give.
_RATIO, _LEAST = 100, 1 << 20
_NO_TEXT = ("image/", "audio/", "video/", "application/zip")


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document's text.

    Args:
        decoded: The text as it was decoded, or, of a document that is no text, as it was taken out of it.
        extracted: What was taken out of a document that is no text; None of one that is.
    """

    decoded: Decoded
    extracted: Extracted | None = None


def document_text(data: bytes, media_type: str, modality: str, language: str, least_confidence: float) -> DocumentText:
    """Return the text of a file.

    Of PDF that is the text of its pages, of a manual page what it shows, of a gettext catalogue its translations; code
    is kept as it is.

    Args:
        data: Its bytes, not compressed.
        media_type: Its IANA media type.
        modality: text or code.
        language: BCP 47 hint.
        least_confidence: Of a detected encoding.

    Raises:
        RejectedError: If it is empty, is not text, or no reading of it is certain.
    """
    if media_type == PDF:
        extracted = pdf_text(data, len(data) * _RATIO + _LEAST)
        return DocumentText(Decoded(extracted.text, "utf-8", "extracted"), extracted)
    if media_type.startswith(_NO_TEXT):
        raise RejectedError(f"not text: its first bytes are those of {media_type}")
    decoded = decode(data, media_type, language, least_confidence)
    if modality == "code":
        return DocumentText(decoded)
    if media_type == CATALOGUE:
        return DocumentText(decoded, translated_text(decoded.text))
    # Names end in a digit for other reasons, too.
    if media_type == MANUAL_PAGE and is_manual_page(decoded.text):
        return DocumentText(decoded, manual_text(decoded.text))
    return DocumentText(decoded)
