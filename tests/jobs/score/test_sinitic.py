from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.assets import asset
from jobs.score.documents import LID
from jobs.score.language import Models, languages
from jobs.score.sinitic import sinitic

# Sentences of our own, of everyday things.
SPOKEN = {
    "yue": "佢哋話唔使諗咁多，嗰啲嘢遲啲先講，你哋快啲嚟食飯啦。我哋喺度等咗好耐，佢都未嚟，唔知佢去咗邊度。",
    "wuu": "伊拉讲今朝天气蛮好个，阿拉一道到公园里去白相伐？侬勿要忘记脱带眼吃个物事，伊屋里个囡囡也要去个，伊欢喜看花个。",
    "hak": "佢讲今晡日唔去街路，𠊎个阿姆在屋下煮饭，佢个老弟唔食肉，食脉个都做得，𠊎个细妹唔爱去学堂读书。",
    "gan": "渠话今日冇工夫，我俚个崽哩要去学堂里念书，箇只屋是渠俚个，渠个老婆也冇来，箇样个事冇人晓得。",
}
MANDARIN = {
    "modern": "他们说不用想那么多，那些事情以后再说，你们快点来吃饭吧。我们在这里等了很久，他还没有来，不知道他去了哪里。",
    "number": "这个问题有三个方面，每个人都有两个选择，那个时候每个地方都有几个不同的办法，一个一个地说明也不难。",
    "classical": "皎皎白駒，食我場苗。縶之維之，以永今朝。所謂伊人，於焉逍遙。勿以善小而不為，勿以惡小而為之。予欲無言。",
    "poem": "鸠雨细，燕风斜，春悄谢娘家。一重帘外即天涯，何必暮云遮。钏金寒，钗玉冷，薄醉欲成还醒，孤负几韶华。",
}


@pytest.mark.parametrize("tag", SPOKEN)
def test_spoken_languages_are_told_from_mandarin(tag):
    assert sinitic(SPOKEN[tag]) == (tag, 0.9)


@pytest.mark.parametrize("kind", MANDARIN)
def test_mandarin_and_classical_chinese_stay_chinese(kind):
    assert sinitic(MANDARIN[kind]) == ("zh", 0.0)


def test_short_text_says_nothing():
    assert sinitic("佢哋唔嚟") == ("zh", 0.0)
    assert sinitic("") == ("zh", 0.0)


def test_documents_without_a_hint_or_with_that_of_chinese_get_their_own_language():
    texts = [*SPOKEN.values(), MANDARIN["modern"], SPOKEN["yue"]]
    hints = [None, "zh", "und", "zh-CN", "zh-CN", "yue-HK"]
    found = languages(pa.array(texts), pa.array(hints, pa.string()), Models(str(asset(LID))))
    assert found.language.to_pylist() == ["yue", "wuu", "hak", "gan", "zh-CN", "yue-HK"]
    assert [parts[0]["language"] for parts in found.shares.to_pylist()] == found.language.to_pylist()
    assert (found.score >= 0.5).all()
