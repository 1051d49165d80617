import pytest

from filmroom.dicom.resources import Resource
from filmroom.dicom.wording import AZURE
from filmroom.errors import BadParameter, BadTarget
from filmroom.protocol import targets


@pytest.mark.parametrize("text", ["1.2.3", "1.2.3 ", "1.2.3\0", " 1.2.3", "1.2.3 \0"])
def test_padding_is_trimmed(text: str) -> None:
    assert targets.uid(text, "StudyInstanceUid") == "1.2.3"


@pytest.mark.parametrize("text", ["1", "0", "1.02.3", "1..2", "." * 63 + "1", "9" * 64])
def test_uids_as_real_files_have_them(text: str) -> None:
    assert targets.uid(text, "StudyInstanceUid") == text


@pytest.mark.parametrize("text", ["", " ", "1.", "a.1", "1.2a", "1.2-3", "b" * 65, "9" * 65, "1.٣", "1.2\n"])
def test_what_is_no_uid(text: str) -> None:
    with pytest.raises(BadTarget) as error:
        targets.uid(text, "SopInstanceUid", AZURE)
    assert str(error.value) == (
        "Dicom element 'SopInstanceUid' failed validation for VR 'UI': DICOM Identifier is invalid. "
        "Value length should not exceed the maximum length of 64 characters. "
        "Value should contain characters in '0'-'9' and '.'. "
        "Each component must start with non-zero number."
    )


def test_the_plain_sentences_name_what_is_wrong() -> None:
    with pytest.raises(BadTarget, match="The Series Instance UID is not a UID: a UID is digits and dots"):
        targets.resource("1", "x")
    with pytest.raises(BadTarget, match="'a' is not a Frame number: they are whole numbers from 1, as in /frames/1"):
        targets.frame_numbers("1,a")
    with pytest.raises(BadTarget, match="No Frame is named: Frame numbers begin at 1"):
        targets.frame_numbers("0")


def test_an_identifier_names_a_resource_of_any_level() -> None:
    assert targets.identifier("1") == Resource("1")
    assert targets.identifier("1/2/3", 7) == Resource("1", "2", "3", 7)
    for wrong in ("", "1/2/3/4", "1/", "x"):
        with pytest.raises(BadTarget):
            targets.identifier(wrong)


def test_a_resource_checks_each_uid() -> None:
    assert targets.resource("1 ", "2\0", "3", partition=7) == Resource("1", "2", "3", 7)
    assert targets.resource() == Resource()


@pytest.mark.parametrize(
    ("study", "series", "instance", "name"),
    [("x", "2", "3", "StudyInstance"), ("1", "x", "3", "SeriesInstance"), ("1", "2", "x", "SopInstance")],
)
def test_a_resource_says_which_uid_is_wrong(study: str, series: str, instance: str, name: str) -> None:
    with pytest.raises(BadTarget, match=f"'{name}Uid'"):
        targets.resource(study, series, instance, said=AZURE)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("1", (1,)), ("3,1,3", (3, 1, 3)), (" 2 , 1.0", (2, 1)), ("+4", (4,)), ("2147483647", (2**31 - 1,))],
)
def test_frame_numbers_keep_their_order(text: str, numbers: tuple[int, ...]) -> None:
    assert targets.frame_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", " ", "0", "-1", "1,-1", "0,1"])
def test_frame_numbers_begin_at_1(text: str) -> None:
    with pytest.raises(
        BadTarget, match="At least one frame must be present, and all requested frames must have value greater than 0"
    ):
        targets.frame_numbers(text, AZURE)


@pytest.mark.parametrize("text", ["x", "1,x", "1,", "1.5", "2147483648", "9" * 5000])
def test_frame_numbers_are_integers(text: str) -> None:
    with pytest.raises(
        BadTarget, match=r"The query parameter 'frames' is invalid. Unable to parse value '.*' as Int32."
    ):
        targets.frame_numbers(text, AZURE)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("pacs.example:8080", 8080, "http://pacs.example:8080/v2"),
        ("pacs.example", 8080, "http://pacs.example:8080/v2"),
        ("pacs.example", 80, "http://pacs.example/v2"),
        ("pacs.example", 443, "http://pacs.example/v2"),
        ("pacs.example:81", 80, "http://pacs.example:81/v2"),
        ("pacs.example", None, "http://pacs.example/v2"),
        ("[::1]", 8080, "http://[::1]:8080/v2"),
        ("[::1]:9", 8080, "http://[::1]:9/v2"),
        (None, 8080, "http://localhost:8080/v2"),
        ('evil"/../', 8080, "http://localhost:8080/v2"),
    ],
)
def test_the_root_from_the_host_header(host: str | None, port: int | None, url: str) -> None:
    assert targets.service_root("http", host, port, None, "/v2") == url


@pytest.mark.parametrize("public", ["https://pacs.example/images", "https://pacs.example/images/"])
def test_the_configured_url_wins(public: str) -> None:
    assert targets.service_root("http", "inner:8080", 8080, public, "/v2") == "https://pacs.example/images/v2"


@pytest.mark.parametrize(("text", "value"), [(None, 100), ("1", 1), ("100", 100), ("+7", 7)])
def test_quality(text: str | None, value: int) -> None:
    assert targets.quality(text) == value


@pytest.mark.parametrize("text", ["0", "101", "-1", "high", "", "1.5", "9" * 20])
def test_a_quality_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadParameter):
        targets.quality(text)


@pytest.mark.parametrize(("header", "name"), [("a.b:80", "a.b"), ("[::1]:8080", "[::1]"), ("a,b", None), (None, None)])
def test_only_a_name_is_repeated_as_host(header: str | None, name: str | None) -> None:
    assert targets.host(header) == name
