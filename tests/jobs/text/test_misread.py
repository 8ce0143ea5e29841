from __future__ import annotations

import pyarrow as pa

from jobs.text.misread import ENCODINGS, bytes_of, count_sequences


def test_sequences_are_counted_for_each_encoding():
    texts = ["Ã©tÃ© and naÃ¯ve", "РџСЂРёРІРµС‚", "plain", "déjà vu", None, "â€œ", "É® É…"]
    counts = count_sequences(pa.array(texts))
    cp1252, cp1251 = counts[:, ENCODINGS.index("cp1252")], counts[:, ENCODINGS.index("cp1251")]
    assert cp1252.tolist() == [3, 0, 0, 0, 0, 1, 2]
    assert cp1251.tolist()[1:4] == [6, 0, 0]


def test_bytes_without_a_character_are_controls():
    assert bytes_of("cp1252")[0x81] == 0x81
    assert bytes_of("cp1252")[ord("€")] == 0x80
    assert len(bytes_of("mac_roman")) == 128
