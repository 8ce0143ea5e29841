from __future__ import annotations

import pyarrow as pa
import pytest

from jobs.clean.mojibake import repair
from jobs.clean.mojibake_structure import is_odd, structure, total
from jobs.text.misread import bytes_of

# Correct text of languages that the model of neighbouring characters does not know, with letters that form sequences.
UNKNOWN = {
    "smn": "Puoh ulmuuh šaddeh rijjân já oovtviärdásâžžân jieijâs áárvu já vuoigâdvuođâi háárán.",
    "az-Cyrl": "Бүтүн инсанлар ләјагәт вә һүгугларына ҝөрә азад вә бәрабәр доғулурлар; бәшәријјәтин виҹданы.",
    "nv": "Bilaʼashdlaʼii tʼáá ałtso yinílnííh dóó ałkʼidą́ą́ʼ áłą́ą́ʼ kééhatʼį́.",
    "ee": "Wodzi amegbetɔwo katã ablɔɖeviwoe; bubu kple gomekpɔkpɔ sɔsɔe le wo si ƒãa.",
}
# Sentences of languages without a model, as long as a line.
PLANTED = {
    "ee": "Wodzi amegbetɔwo katã ablɔɖeviwoe eye wodzena bubu kple gomekpɔkpɔ sɔsɔe.",
    "ha": "Su dai ƴan'adam, ana haifuwarsu ne duka ƴantattu, da ƙima da hakƙoƙi ɗaya.",
    "am": "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "mt": "Il-bnedmin kollha jitwieldu ħielsa u ugwali fid-dinjità u d-drittijiet; għandhom ir-raġuni u l-kuxjenza.",
    "yo": "Gbogbo ènìyàn ni a bí ní òmìnira; iyì àti ẹ̀tọ́ kọ̀ọ̀kan sì dọ́gba.",
    "mi": "Ko te katoa o ngā tāngata i te whānaungatanga mai e wātea ana i ngā here katoa; e tauritē ana hoki.",
    "gn": "Mayma yvypóra ou ko yvy ári iñapytyʼỹre ha eteĩcha dignidad ha derecho jeguerekópe; ha ikatu rupi.",
    "uz-Cyrl": "Барча одамлар эркин, қадр-қиммат ва ҳуқуқларда тенг бўлиб туғиладилар.",
}
ENCODINGS = ("cp1252", "iso8859-1", "cp1251", "cp1250", "cp1254", "cp1253", "mac_roman", "cp437", "cp850", "koi8-r")


def misread(text: str, encoding: str) -> str:
    """The UTF-8 of a text as an encoding reads it; bytes without a character are control characters."""
    characters = {byte: chr(point) for point, byte in bytes_of(encoding).items()}
    return "".join(chr(byte) if byte < 0x80 else characters.get(byte, "\ufffd") for byte in text.encode())


@pytest.mark.parametrize("text", [*UNKNOWN.values(), *PLANTED.values()])
def test_correct_text_of_languages_without_a_model_stays(text):
    out, repaired = repair(pa.array([text, text.upper(), f"{text}\n{text}"]))
    assert out.to_pylist() == [text, text.upper(), f"{text}\n{text}"]
    assert not repaired.any()


def test_mojibake_of_languages_without_a_model_is_repaired():
    cases = []
    for tag, text in PLANTED.items():
        for encoding in ENCODINGS:
            once = misread(text, encoding)
            cases += [
                (tag, encoding, broken, text) for broken in (once, misread(once, encoding)) if "\ufffd" not in broken
            ]
    assert len(cases) > 120
    out, _ = repair(pa.array([case[2] for case in cases]))
    wrong = [case[:2] for case, text in zip(cases, out.to_pylist(), strict=True) if text != case[3]]
    # The two encodings of one byte each that differ in a letter cannot be distinguished here.
    assert len(wrong) <= 0.02 * len(cases), wrong


def test_one_misread_line_beside_a_page_of_its_language_is_repaired():
    page = "\n".join(["Дети сидели под деревом. Россия. Сегодня в Риме и Самаре."] * 30)
    out, repaired = repair(pa.array([f"{page}\n{misread('Мама мыла раму утром', 'cp1251')}"]))
    assert out.to_pylist() == [f"{page}\nМама мыла раму утром"]
    assert repaired.tolist() == [17]


def test_a_long_text_is_repaired_as_a_short_one_is():
    text = "\n".join([PLANTED["mt"], PLANTED["yo"]] * 450)
    out, _ = repair(pa.array([misread(text, "cp1252")]))
    assert out.to_pylist() == [text]
    # A few misread lines among many that are right.
    page = "\n".join([*["« CAFÉ » où l’été — déjà — s’achève"] * 1500, misread("L’été à la forêt, très tôt", "cp1252")])
    assert repair(pa.array([page]))[0][0].as_py().endswith("achève\nL’été à la forêt, très tôt")


def test_short_lines_of_a_misread_text_are_repaired_with_it():
    lines = ["Kɔ", "Sɛ ablɔɖeviwoe", "ŋutɔ", *[PLANTED["ee"]] * 2]
    out, _ = repair(pa.array([misread("\n".join(lines), "cp1252")]))
    assert out.to_pylist() == ["\n".join(lines)]


@pytest.mark.parametrize("text", ["SOCIETÀ™ DIFFICOLTÀ© MENÙ©", "GIÃ¹ è", "PREVEČ± DÉJÀ£", "RÍÃ§ é"])
def test_a_small_letter_or_another_alphabet_within_capitals_is_no_repair(text):
    assert repair(pa.array([text]))[0].to_pylist() == [text]


def test_structures_of_lines_add_up():
    lines = ["\xc3\xa9t\xc3\xa8 \xc3l", "x\xe2\x80\x94y \xb0", ""]
    whole = total(map(structure, lines))
    assert (whole.sequences, whole.rest, whole.last, whole.inside) == (3, 2, {"\xa9", "\xa8", "\x94"}, 2)
    assert whole.alone == {"\xc3": 1}
    assert whole.leads == {"\xc3": 3, "\xe2": 1}
    assert not whole.explains_all
    assert whole.is_misread


def test_what_no_text_holds_is_no_sign_of_mojibake():
    # U+0085 and U+009F: control characters.
    assert not structure("a\xc2\x85b\xc2\x9fc\xc3\xa9d").is_misread


def test_a_character_fits_the_alphabet_and_the_case_of_its_word():
    assert is_odd("GI", "ù", "")
    assert is_odd(" a", "ж", "b")
    assert not is_odd(" N", "ã", "o")
    assert not is_odd("ав", "ж", "б")
    assert not is_odd("CA", "É", "”")
