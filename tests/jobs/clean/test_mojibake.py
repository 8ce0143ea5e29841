from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.clean.mojibake import repair

# Capitals and small letters before quotes, ellipses and signs, in fifteen languages.
WORDS = {
    "fr": ("VÉRITÉ", "CAFÉ", "ÉTÉ", "PRIVÉ"), "de": ("Spaß", "Gruß", "MÜLLER", "Fuß"), "sv": ("JA", "SÅ", "NÅ", "TVÅ"),
    "fi": ("HYVÄÄ", "PÄIVÄÄ", "TÄNÄÄN", "MYÖ"), "es": ("AQUÍ", "ALLÁ", "SÍ", "BEBÉ"), "pt": ("NÃO", "AVÓ", "CAFÉ", "MANHÃ"),
    "it": ("CITTÀ", "PERCHÉ", "PIÙ", "COSÌ"), "pl": ("ŻÓŁĆ", "ŚNIEG", "ŁÓDŹ", "DOŚĆ"), "cs": ("VELKÁ", "MALÝ", "NEMÁ", "DALŠÍ"),
    "hu": ("NŐ", "IDŐ", "ESŐ", "ERDŐ"), "da": ("PÅ", "SÅ", "ØST", "BLÅ"), "tr": ("DEĞİL", "AÇIK", "KAPI", "GÜNEŞ"),
    "ro": ("ȚARĂ", "FAȚĂ", "CASĂ", "MASĂ"), "ru": ("ДОМ", "НЕТ", "РОССИЯ", "КАФЕ"), "el": ("ΝΑΙ", "ΌΧΙ", "ΈΛΑ", "ΓΙΑΤΊ"),
}  # fmt: skip
FRAMES = (
    "{0}… {1}… {2}… {3}…", "“{0}” “{1}” “{2}” “{3}”", "»{0}« »{1}« »{2}« »{3}«", "{0}® {1}® {2}® {3}®", "{0}™ {1}© {2}™ {3}©",
    "„{0}“, „{1}“; „{2}“: „{3}“", "‘{0}’ ‘{1}’ ‘{2}’ ‘{3}’", "«{0}» «{1}» «{2}» «{3}»", "{0}— {1}– {2}• {3}·",
    "{0}§ {1}° {2}± {3}£", "{0}¿ {1}¡ {2}€ {3}¥", "{0}\xa0: {1}\xa0! {2}\xa0? {3}\xa0;", "{0}²  {1}³ {2}¹ {3}½", "<<{0}>> ({1}…) [{2}”] {3}“",
)  # fmt: skip
CORRECT = [frame.format(*words) for words in WORDS.values() for frame in FRAMES]

SENTENCES = {
    "fr": "L’été à la forêt, où les élèves préfèrent ne rien faire, fut très long… et déjà fini.",
    "de": "Früh am Morgen hörte man in der Straße „schöne Grüße“ – und dann fließt nur noch das Wasser.",
    "es": "El niño comió una manzana en el jardín; después corrió más rápido que su compañía.",
    "pl": "Źródła łąki pachniały świeżo, a żółte kaczeńce rosły wzdłuż drogi.",
    "cs": "Příliš žluťoučký kůň skákal přes vysoký plot a všichni se smáli.",
    "ru": "Дети сидели под старым деревом и читали книги о далёких морях.",
    "el": "Τα παιδιά κάθονταν κάτω από το παλιό δέντρο και διάβαζαν.",
    "zh": "孩子们坐在老树下看书，没有人会找到我们。",
    "ja": "子どもたちは古い木の下で本を読んでいた。",
    "tr": "Çocuklar eski ağacın altında oturup uzak denizler hakkında kitap okuyorlardı, güneş batıyordu.",
    "sv": "På våren öppnar mjölnaren dammen så att vattnet rinner över ängarna ända till byn.",
}
AS = ("cp1252", "iso8859-1", "cp1251", "cp1250", "cp1254", "cp1253", "mac_roman", "cp437", "cp850", "koi8-r", "cp866")


def planted():
    """Sentences whose UTF-8 was read as another encoding, once and twice."""
    for language, sentence in SENTENCES.items():
        for encoding in AS:
            text = sentence
            for times in (1, 2):
                try:
                    text = text.encode("utf-8").decode(encoding)
                except UnicodeDecodeError:
                    break
                yield language, encoding, times, text, sentence


def test_correct_text_stays_as_it_is():
    assert len(CORRECT) >= 200
    out, repaired = repair(pa.array(CORRECT))
    assert [(a, b) for a, b in zip(CORRECT, out.to_pylist(), strict=True) if a != b] == []
    assert not repaired.any()


def test_mojibake_of_many_encodings_is_repaired():
    cases = list(planted())
    assert len(cases) >= 150
    out, repaired = repair(pa.array([case[3] for case in cases]))
    assert [case[:3] for case, text in zip(cases, out.to_pylist(), strict=True) if text != case[4]] == []
    assert (repaired > 0).all()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Ã©tÃ© en forÃªt", "été en forêt"),
        ("He said â€œquotedâ€\x9d and left", "He said “quoted” and left"),
        ("déjà vu", "déjà vu"),
        ("voilÃ  lâ€™Ã©tÃ© Ã  Paris", "voilà l’été à Paris"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_single_texts(text, wanted):
    assert repair(pa.array([text]))[0].to_pylist() == [wanted]


def test_lines_that_are_right_stay_beside_lines_that_are_repaired():
    text = "« CAFÉ » et « PRIVÉ »\nL’Ã©tÃ© dernier, la forÃªt Ã©tait trÃ¨s belle\n“CAFÉ”"
    assert repair(pa.array([text]))[0][0].as_py() == (
        "« CAFÉ » et « PRIVÉ »\nL’été dernier, la forêt était très belle\n“CAFÉ”"
    )


def test_rows_do_not_mix_and_nulls_stay():
    rows = ["forÃªt et Ã©tÃ©", None, "forêt"]
    out, repaired = repair(pa.array(rows))
    assert out.to_pylist() == ["forêt et été", None, "forêt"]
    assert repaired.tolist() == [3, 0, 0]
