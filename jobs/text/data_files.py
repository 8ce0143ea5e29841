"""The files beside this package's code, which make flows stale where they change."""

from __future__ import annotations

from pathlib import Path

# See `jobs.text.likelihood`, `jobs.text.language_facts`.
LIKELIHOOD = Path(__file__).with_name("likelihood.npz")
LANGUAGE_FACTS = Path(__file__).with_name("language_facts.txt")
