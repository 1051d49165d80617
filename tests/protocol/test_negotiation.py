"""What clients really send and what both dialects make of it."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.errors import BadRequest, NotAcceptable
from filmroom.protocol.dialects import DICOMWEB, V2
from filmroom.protocol.negotiation import STORED, Kind, Offers, Selected, select

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
JPEG, JPEG_LOSSLESS, JPEG_2000, MPEG4 = (f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "70", "90", "102"))
DICOM, OCTETS, JSON = "application/dicom", "application/octet-stream", "application/dicom+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def multipart(media_type: str, syntax: str | None = None) -> str:
    return f'multipart/related; type="{media_type}"' + (f"; transfer-syntax={syntax}" if syntax else "")


def standard(kind: Kind, *accept: str, parameter: str | None = None) -> Selected:
    return select(accept, parameter, DICOMWEB.offers[kind])


def azure(kind: Kind, *accept: str) -> Selected:
    return select(accept, None, V2.offers[kind])


def triple(selected: Selected) -> tuple[str, str, bool]:
    return selected.media_type, selected.transfer_syntax, selected.multipart


# --- The Azure service


@pytest.mark.parametrize(
    ("kind", "accept", "expected"),
    [
        (Kind.STUDY, multipart(DICOM), (DICOM, EXPLICIT, True)),
        (Kind.STUDY, multipart(DICOM, "*"), (DICOM, STORED, True)),
        (Kind.STUDY, f'multipart/related; type="{DICOM}";transfer-syntax="{JPEG_2000}"', (DICOM, JPEG_2000, True)),
        (Kind.STUDY, multipart("*/*"), (DICOM, STORED, True)),
        (Kind.STUDY, "*/*", (DICOM, STORED, True)),
        (Kind.INSTANCE, DICOM, (DICOM, EXPLICIT, False)),
        (Kind.INSTANCE, f'{DICOM};transfer-syntax="*"', (DICOM, STORED, False)),
        (Kind.INSTANCE, "*/*", (DICOM, STORED, True)),
        (Kind.INSTANCE, multipart(DICOM), (DICOM, EXPLICIT, True)),
        (Kind.FRAMES, OCTETS, (OCTETS, EXPLICIT, False)),
        (Kind.FRAMES, f"multipart/related; type={OCTETS}; transfer-syntax=*", (OCTETS, STORED, True)),
        (Kind.FRAMES, multipart("image/jp2"), ("image/jp2", JPEG_2000, True)),
        (Kind.FRAMES, "*/*", (OCTETS, STORED, True)),
        (Kind.FRAMES, multipart("*/*", EXPLICIT), (OCTETS, EXPLICIT, True)),
    ],
)
def test_azure_accepts(kind: Kind, accept: str, expected: tuple[str, str, bool]) -> None:
    assert triple(azure(kind, accept)) == expected


@pytest.mark.parametrize(
    ("kind", "accept"),
    [
        (Kind.STUDY, DICOM),
        (Kind.STUDY, "multipart/related"),
        (Kind.STUDY, multipart(DICOM, IMPLICIT)),
        (Kind.INSTANCE, "application/*"),
        (Kind.FRAMES, "image/jp2"),
        (Kind.FRAMES, multipart("image/*")),
        (Kind.FRAMES, multipart(OCTETS, JPEG_2000)),
        (Kind.FRAMES, multipart("image/jp2", "*")),
    ],
)
def test_azure_does_not_accept(kind: Kind, accept: str) -> None:
    with pytest.raises(NotAcceptable, match=r"^The request headers are not acceptable$"):
        azure(kind, accept)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in V2.offers and kind is not Kind.RENDERED])
def test_azure_wants_an_accept(kind: Kind) -> None:
    with pytest.raises(NotAcceptable):
        azure(kind)


def test_azure_renders_as_jpeg_without_one() -> None:
    assert azure(Kind.RENDERED).media_type == "image/jpeg"


@pytest.mark.parametrize("kind", [Kind.METADATA, Kind.SEARCH, Kind.STORE])
@pytest.mark.parametrize(
    "accept",
    [JSON, "application/DICOM+json; charset=utf-8", "application/json", "application/*", "*/*", f"a/b, {JSON}"],
)
def test_azure_accepts_for_json(kind: Kind, accept: str) -> None:
    assert triple(azure(kind, accept)) == (JSON, STORED, False)


@pytest.mark.parametrize("accept", [DICOM, "application/dicom+json+something", "image/png", "nonsense", ""])
def test_azure_does_not_accept_for_json(accept: str) -> None:
    with pytest.raises(NotAcceptable, match=r"^$"):
        azure(Kind.SEARCH, accept)


def test_a_line_of_azure_that_begins_as_multipart_is_multipart() -> None:
    line = f"{multipart('text/plain')}, {DICOM}; transfer-syntax=*"
    assert triple(azure(Kind.INSTANCE, line)) == (DICOM, STORED, True)
    assert triple(azure(Kind.INSTANCE, multipart("text/plain"), DICOM)) == (DICOM, EXPLICIT, False)
    assert triple(standard(Kind.INSTANCE, line)) == (DICOM, STORED, False)


def test_azure_has_one_choice() -> None:
    assert azure(Kind.INSTANCE, DICOM, "*/*").alternatives == ()


# --- Preference


@pytest.mark.parametrize("answer", [azure, standard])
@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        ([f"{DICOM}; transfer-syntax={JPEG_2000}; q=0.5", DICOM], EXPLICIT),
        ([f"{DICOM}; transfer-syntax={JPEG_2000}, {DICOM}"], JPEG_2000),
        ([f"{DICOM}, {DICOM}; transfer-syntax=*"], STORED),
        ([f"{DICOM}, {DICOM}; transfer-syntax=*; q=0.9"], EXPLICIT),
    ],
)
def test_q_then_stored_then_order(answer: Callable[..., Selected], accept: list[str], syntax: str) -> None:
    assert answer(Kind.INSTANCE, *accept).transfer_syntax == syntax


@pytest.mark.parametrize("answer", [azure, standard])
def test_q_of_0_refuses_the_type(answer: Callable[..., Selected]) -> None:
    with pytest.raises(NotAcceptable):
        answer(Kind.INSTANCE, f"{DICOM}; q=0, {DICOM}; transfer-syntax=*; q=0.1")


# --- The Standard: PS3.18 §8.7


@pytest.mark.parametrize(
    "accept", [(), ("",), ("*/*",), ("*",), ("application/*",), ("multipart/related",), (BROWSER,)]
)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.STUDY, (DICOM, STORED, True)),
        (Kind.INSTANCE, (DICOM, STORED, True)),
        (Kind.FRAMES, (OCTETS, EXPLICIT, True)),
        (Kind.BULKDATA, (OCTETS, STORED, True)),
    ],
)
def test_the_default_of_a_resource(accept: tuple[str, ...], kind: Kind, expected: tuple[str, str, bool]) -> None:
    assert triple(standard(kind, *accept)) == expected


@pytest.mark.parametrize("accept", [(), (JSON,), ("application/json",), ("application/*",), ("*/*",), (BROWSER,)])
@pytest.mark.parametrize("kind", [Kind.METADATA, Kind.SEARCH, Kind.STORE])
def test_json_is_the_default(accept: tuple[str, ...], kind: Kind) -> None:
    assert triple(standard(kind, *accept)) == (JSON, STORED, False)


@pytest.mark.parametrize(
    ("kind", "accept", "expected"),
    [
        (Kind.INSTANCE, multipart(DICOM, "*"), (DICOM, STORED, True)),
        (Kind.INSTANCE, f"{DICOM}; transfer-syntax=*", (DICOM, STORED, False)),
        (Kind.INSTANCE, f'multipart/related; transfer-syntax={JPEG}; type="{DICOM}"', (DICOM, JPEG, True)),
        (Kind.STUDY, f'multipart/related;type="{DICOM}";transfer-syntax=*', (DICOM, STORED, True)),
        (Kind.FRAMES, f'multipart/related; type="{OCTETS}"; transfer-syntax="*"', (OCTETS, STORED, True)),
        (Kind.FRAMES, f"{OCTETS}; transfer-syntax=*", (OCTETS, STORED, False)),
        (Kind.FRAMES, OCTETS, (OCTETS, EXPLICIT, False)),
        (Kind.FRAMES, multipart("*/*"), (OCTETS, EXPLICIT, True)),
        (Kind.FRAMES, multipart("*/*", "*"), (OCTETS, STORED, True)),
        (Kind.FRAMES, "image/jp2", ("image/jp2", JPEG_2000, False)),
        (Kind.FRAMES, multipart("image/jpeg", JPEG), ("image/jpeg", JPEG, True)),
        (Kind.FRAMES, multipart("image/x-jls"), ("image/jls", "1.2.840.10008.1.2.4.80", True)),
        (Kind.BULKDATA, f"{OCTETS}; transfer-syntax=*", (OCTETS, STORED, False)),
        (Kind.BULKDATA, f"{multipart('text/plain')}, {multipart(OCTETS)}", (OCTETS, STORED, True)),
        (Kind.BULKDATA, f"{multipart('application/pdf')}, {multipart(OCTETS)}", ("application/pdf", STORED, True)),
        (Kind.STORE, "application/dicom+xml", (JSON, STORED, False)),
    ],
)
def test_the_standard_accepts(kind: Kind, accept: str, expected: tuple[str, str, bool]) -> None:
    assert triple(standard(kind, accept)) == expected


@pytest.mark.parametrize("kind", [Kind.STUDY, Kind.INSTANCE])
def test_without_transfer_syntax_the_stored_one_will_do(kind: Kind) -> None:
    assert standard(kind, multipart(DICOM)).fallback
    assert not standard(kind, multipart(DICOM, EXPLICIT)).fallback
    assert standard(kind, multipart(DICOM)).transfer_syntax == EXPLICIT


def test_the_query_parameter_wins() -> None:
    assert standard(Kind.FRAMES, OCTETS, parameter="image/jp2").media_type == "image/jp2"
    assert standard(Kind.SEARCH, "image/png", parameter="*").media_type == JSON
    assert select(["*/*"], "image/jp2", V2.offers[Kind.FRAMES]).media_type == OCTETS


def test_a_plus_of_the_query_may_have_become_a_blank() -> None:
    assert standard(Kind.METADATA, "image/png", parameter="text/html, application/dicom json").media_type == JSON


def test_a_refused_type_is_not_sent_for_a_range() -> None:
    with pytest.raises(NotAcceptable):
        standard(Kind.SEARCH, f"{JSON}; q=0, */*")


def test_the_refusal_says_what_would_do() -> None:
    with pytest.raises(
        NotAcceptable, match=r'here: multipart/related; type="application/dicom", application/zip, \*/\*'
    ):
        standard(Kind.STUDY, DICOM)


@given(st.lists(st.text(), max_size=3), st.sampled_from([*DICOMWEB.offers.values(), *V2.offers.values()]))
def test_any_text_selects_or_is_refused(accept: list[str], offers: Offers) -> None:
    with suppress(NotAcceptable):
        assert select(accept, None, offers).q > 0


# --- When it is known what is stored


def fit(accept: str, stored: str, *can: str, kind: Kind = Kind.FRAMES) -> tuple[str, str] | None:
    fitting = standard(kind, accept).fit(stored, lambda syntax: syntax in can)
    return (fitting.media_type, fitting.transfer_syntax) if fitting else None


def test_equal_choices_go_by_what_is_stored() -> None:
    either = f"{multipart('image/jp2', JPEG_2000)}, {multipart(OCTETS, EXPLICIT)}"
    assert fit(either, EXPLICIT, JPEG_2000) == (OCTETS, EXPLICIT)
    assert fit(either, JPEG_2000, EXPLICIT) == ("image/jp2", JPEG_2000)
    assert fit(either, JPEG, EXPLICIT, JPEG_2000) == ("image/jp2", JPEG_2000)
    assert fit(either, JPEG, EXPLICIT) == (OCTETS, EXPLICIT)
    assert fit(either, JPEG) is None


def test_q_counts_more_than_what_is_stored() -> None:
    accept = f"{multipart('image/jp2', JPEG_2000)}, {multipart(OCTETS, EXPLICIT)}; q=0.5"
    assert fit(accept, EXPLICIT, JPEG_2000) == ("image/jp2", JPEG_2000)


def test_any_image_is_the_stored_one_or_one_that_can_be_made() -> None:
    assert fit(multipart("image/*"), JPEG) == ("image/jpeg", JPEG)
    assert fit(multipart("image/jpeg"), JPEG) == ("image/jpeg", JPEG)
    assert fit(multipart("image/jpeg", "*"), JPEG) == ("image/jpeg", JPEG)
    assert fit(multipart("image/*"), EXPLICIT, JPEG_2000) == ("image/jp2", JPEG_2000)


def test_a_probe_for_what_can_not_be_made() -> None:
    assert fit(multipart("image/jpeg", JPEG), EXPLICIT, JPEG_2000) is None


def test_the_stored_one_is_better_than_nothing() -> None:
    assert fit(multipart(DICOM), MPEG4, kind=Kind.STUDY) == (DICOM, STORED)
    assert fit(multipart(DICOM), MPEG4, EXPLICIT, kind=Kind.STUDY) == (DICOM, EXPLICIT)
    assert fit(multipart(DICOM, EXPLICIT), MPEG4, kind=Kind.STUDY) is None
    assert azure(Kind.STUDY, multipart(DICOM)).fit(MPEG4, lambda syntax: False) is None


def test_the_microscopy_viewer_gets_what_is_stored() -> None:
    accept = ", ".join([multipart("image/jls", "1.2.840.10008.1.2.4.80"), multipart(OCTETS, "*")])
    assert fit(accept, JPEG) == (OCTETS, STORED)


def test_several_parts_need_multipart() -> None:
    single = azure(Kind.FRAMES, OCTETS)
    assert single.for_parts(1) is single
    with pytest.raises(BadRequest, match="The accept header is supported for single frame retrieval"):
        single.for_parts(2)
    either = standard(Kind.FRAMES, OCTETS, multipart(OCTETS))
    assert not either.for_parts(1).multipart
    assert either.for_parts(2).multipart
