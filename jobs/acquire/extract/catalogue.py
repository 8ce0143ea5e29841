"""Translated texts of gettext catalogues (.po)."""

from __future__ import annotations

from jobs.acquire.extract.extracted import Extracted
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.languages import UNKNOWN, bcp47


def translated_text(content: str) -> Extracted:
    """Return the translations of a catalogue, one a paragraph, in their order; of plurals all forms.

    What is untranslated, obsolete or marked as doubtful (fuzzy) is left out. The language is the header's.

    Args:
        content: The catalogue, decoded.

    Raises:
        RejectedError: If it is no catalogue, or holds no translation.
    """
    import polib

    # polib takes a text that names a file for the file; one that begins with a comment names none.
    with guarded("it is no catalogue of gettext"):
        entries = polib.pofile(f"#\n{content}")
    texts = [
        form.strip()
        for entry in entries
        if not (entry.obsolete or entry.fuzzy)
        for form in (entry.msgstr, *(entry.msgstr_plural[number] for number in sorted(entry.msgstr_plural)))
        if form.strip()
    ]
    if not texts:
        raise RejectedError("the catalogue holds no translation")
    stated = str(entries.metadata.get("Language", ""))
    title = " ".join(str(entries.metadata.get("Project-Id-Version", "")).split())
    language = bcp47(stated) if stated else UNKNOWN
    named = title and not title.startswith(("PACKAGE", "VERSION"))
    return Extracted("\n\n".join(texts), language, title if named else None)
