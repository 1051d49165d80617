import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.valuerep import TEXT_VR_DELIMS

from filmroom.dicom.character_sets import MAX_ESCAPES, PLAIN, codecs, decode, encode

ESCAPES = [
    b"\x1b(B",
    b"\x1b-F",
    b"\x1b)I",
    b"\x1b(J",
    b"\x1b$B",
    b"\x1b$)C",
    b"\x1b$(D",
    b"\x1b$)A",
    b"\x1b-Z",
    b"\x1b",
]


# The examples of PS3.5 Annexes H, I, J and K.
@pytest.mark.parametrize(
    ("terms", "raw", "text"),
    [
        (
            r"\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            r"ISO 2022 IR 13\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
            "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        ),
        (
            r"\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
        ("GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
        (r"\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^XiaoDong=张^小东="),
        ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        (r"ISO 2022 IR 100\ISO 2022 IR 144", b"\xe9\x1b-L\xbb\xee\r\n\xe9", "éЛю\r\né"),
        ("", b"\xe9", "é"),
    ],
)
def test_examples_of_the_standard(terms: str, raw: bytes, text: str) -> None:
    assert decode(raw, codecs(terms)) == text


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ("ISO-IR 100", ("latin_1",)),
        ("iso ir 192 ", ("UTF8",)),
        ("UTF-8", ("utf_8",)),
        (r"ISO 2022-IR-100\ISO_2022_IR_87", ("latin_1", "iso2022_jp")),
        (r"ISO_IR 192\ISO 2022 IR 87", ("UTF8",)),
        (r"ISO 2022 IR 6\GBK", PLAIN),
        ("zlib", PLAIN),
        ("rot13", PLAIN),
    ],
)
def test_terms_that_are_not_as_they_should_be(terms: str, found: tuple[str, ...]) -> None:
    assert codecs(terms) == found


@pytest.mark.parametrize("terms", ["", r"\ISO 2022 IR 149", r"ISO 2022 IR 13\ISO 2022 IR 87"])
def test_escapes_that_mean_nothing_are_text(terms: str) -> None:
    assert decode(b"\x1b" * (1 << 20) + b"a", codecs(terms)) == "\x1b" * (1 << 20) + "a"


def test_after_too_many_escapes_the_last_is_in_force() -> None:
    raw = b"\x1b-L\xbb" * (MAX_ESCAPES + 1) + b"\x1bZ"
    assert decode(raw, codecs(r"\ISO 2022 IR 144")) == "Л" * MAX_ESCAPES + "\x1b-LЛ\x1bZ"


def test_bytes_that_do_not_fit_are_replaced() -> None:
    assert decode(b"a\xffb", codecs("ISO_IR 192")) == "a\N{REPLACEMENT CHARACTER}b"


terms = st.lists(st.sampled_from(sorted(python_encoding)), min_size=1, max_size=3)
pieces = st.lists(st.sampled_from(ESCAPES) | st.binary(max_size=4) | st.sampled_from([b"^", b"=", b"\r\n"]), max_size=6)


@pytest.mark.filterwarnings("ignore")
@given(terms, pieces.map(b"".join))
def test_what_can_be_decoded_is_what_pydicom_decodes(terms: list[str], raw: bytes) -> None:
    theirs = decode_bytes(raw, convert_encodings(terms), TEXT_VR_DELIMS)
    ours = decode(raw, codecs("\\".join(terms)))
    # pydicom leaves the escape sequence of ISO IR 58 in the text, and does not replace all that is undecodable.
    assert ours == theirs or b"\x1b$)A" in raw or "\N{REPLACEMENT CHARACTER}" in ours


@given(terms, st.binary(max_size=20))
def test_any_bytes_become_text_that_utf_8_can_hold(terms: list[str], raw: bytes) -> None:
    decode(raw, codecs("\\".join(terms))).encode()


@given(st.binary())
def test_any_buffer_will_do(raw: bytes) -> None:
    assert decode(bytearray(raw), PLAIN) == decode(memoryview(raw), PLAIN) == decode(raw, PLAIN)


def test_a_character_set_that_is_no_text_can_say_nothing() -> None:
    assert encode("Ü", "ISO 2022 IR 100\\\0\0") is None
