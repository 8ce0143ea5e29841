from __future__ import annotations

import numpy as np
import pytest

from jobs.text.likelihood import GENERIC, languages, likelihood


def best(text):
    return languages()[int(likelihood(text).nats.argmax())]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die Bäume blühen früh, und die Vögel hören nicht auf zu singen", "de"),
        ("Les élèves préfèrent la forêt où l’été ne s’achève jamais", "fr"),
        ("Дети сидели под старым деревом и читали книги", "ru"),
        ("Діти сиділи під старим деревом і читали її книжки", "uk"),
        ("Τα παιδιά κάθονταν κάτω από το παλιό δέντρο και διάβαζαν", "el"),
        ("孩子们坐在老树下看书，没有人会找到我们", "zh-Hans"),
        ("孩子們坐在老樹下看書，沒有人會找到我們", "zh-Hant"),
        ("子どもたちは古い木の下で本を読んでいた", "ja"),
        ("아이들은 오래된 나무 아래에서 책을 읽었다", "ko"),
        ("బాలలు పాత చెట్టు కింద కూర్చుని చదువుతున్నారు", GENERIC),
    ],
)
def test_text_is_likeliest_in_its_language(text, language):
    assert best(text) == language


def test_ascii_alone_is_not_read():
    found = likelihood("int main(void) { return 0; }")
    assert (found.count, found.read) == (0, 0)


def test_only_the_neighbourhood_of_what_is_not_ascii_is_read():
    near = likelihood("/* Größe */")
    far = likelihood("x = y + z;\n" * 100 + "/* Größe */" + "\nint q;" * 100)
    assert near.count == far.count
    assert far.read <= near.read + 1
    np.testing.assert_allclose(near.nats, far.nats, atol=2)


def test_what_wrong_decoding_makes_is_less_likely():
    for text, encoding, wrong in (
        ("Die Bäume blühen früh", "utf-8", "cp1252"),
        ("Дети сидели под деревом", "koi8-r", "cp1251"),
        ("孩子们坐在老树下看书", "gb18030", "big5hkscs"),
    ):
        other = text.encode(encoding).decode(wrong, "replace")
        assert likelihood(text).nats.max() > likelihood(other).nats.max() + 20
