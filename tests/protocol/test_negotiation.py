"""What clients really send and what both dialects make of it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.errors import BadParameter, BadRequest, NotAcceptable
from filmroom.protocol.dialects import DICOMWEB, V2
from filmroom.protocol.negotiation import STORED, Kind, Offers, Selected, check_charset, select

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
JPEG, JPEG_LOSSLESS, JPEG_2000, MPEG4 = (f"1.2.840.10008.1.2.4.{tail}" for tail in ("50", "70", "90", "102"))
DICOM, OCTETS, JSON = "application/dicom", "application/octet-stream", "application/dicom+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


def multipart(media_type: str, syntax: str | None = None) -> str:
    return f'multipart/related; type="{media_type}"' + (f"; transfer-syntax={syntax}" if syntax else "")


def standard(kind: Kind, *accept: str, parameter: str | None = None) -> Selected:
    return select(accept, () if parameter is None else (parameter,), DICOMWEB.offers[kind])


def azure(kind: Kind, *accept: str) -> Selected:
    return select(accept, (), V2.offers[kind])


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


_TAGS = {Kind.STARTED, Kind.QUERY_TAG, Kind.QUERY_TAGS, Kind.TAG_ERRORS}
_LONG = {Kind.OPERATION, Kind.EXPORT, Kind.UPDATE}
_SENT_ANYHOW = {Kind.RENDERED, Kind.CHANGES, Kind.LATEST_CHANGE, Kind.PARTITIONS, *_LONG, *_TAGS}


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind in V2.offers and kind not in _SENT_ANYHOW])
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


PREFERENCES = [
    ([f"{DICOM}; transfer-syntax={JPEG_2000}; q=0.5", DICOM], EXPLICIT),
    ([f"{DICOM}; transfer-syntax={JPEG_2000}, {DICOM}"], JPEG_2000),
    ([f"{DICOM}, {DICOM}; transfer-syntax=*"], STORED),
    ([f"{DICOM}, {DICOM}; transfer-syntax=*; q=0.9"], EXPLICIT),
]


@pytest.mark.parametrize(("accept", "syntax"), PREFERENCES)
def test_q_then_stored_then_order(accept: list[str], syntax: str) -> None:
    assert azure(Kind.INSTANCE, *accept).transfer_syntax == syntax
    fitting = standard(Kind.INSTANCE, *accept).fit(JPEG, lambda syntax: True)
    assert fitting
    assert fitting.transfer_syntax == syntax


def test_q_of_0_refuses_the_type_at_azure() -> None:
    with pytest.raises(NotAcceptable):
        azure(Kind.INSTANCE, f"{DICOM}; q=0, {DICOM}; transfer-syntax=*; q=0.1")


# --- The Standard: PS3.18 §8.7


ANYTHING = [(), ("",), ("*/*",), ("*",), ("multipart/related",), ("multipart/*",), (BROWSER,)]


@pytest.mark.parametrize("accept", [*ANYTHING, ("application/*",), (multipart("*/*"),)])
@pytest.mark.parametrize(("kind", "media_type"), [(Kind.STUDY, DICOM), (Kind.INSTANCE, DICOM), (Kind.BULKDATA, OCTETS)])
def test_the_default_of_a_resource(accept: tuple[str, ...], kind: Kind, media_type: str) -> None:
    assert triple(standard(kind, *accept)) == (media_type, STORED, True)


@pytest.mark.parametrize("accept", ANYTHING)
@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (EXPLICIT, (OCTETS, EXPLICIT, True)),
        (IMPLICIT, (OCTETS, EXPLICIT, True)),  # the same bytes
        (JPEG, ("image/jpeg", JPEG, True)),
        (JPEG_2000, ("image/jp2", JPEG_2000, True)),
        (MPEG4, ("video/mp4", MPEG4, True)),
        ("1.2.3", (OCTETS, STORED, True)),
    ],
)
def test_frames_by_default_are_as_stored(accept: tuple[str, ...], stored: str, expected: tuple[str, str, bool]) -> None:
    fitting = standard(Kind.FRAMES, *accept).fit(stored, lambda syntax: stored == IMPLICIT)
    assert fitting
    assert triple(fitting) == expected


@pytest.mark.parametrize("accept", ["application/*", multipart("*/*"), multipart("application/*")])
def test_parts_of_any_type_by_name_are_samples(accept: str) -> None:
    assert triple(standard(Kind.FRAMES, accept)) == (OCTETS, EXPLICIT, True)


@pytest.mark.parametrize(
    "accept", [(), (JSON,), (f"{JSON};charset=utf-8",), ("application/json",), ("application/*",), ("*/*",), (BROWSER,)]
)
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


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("image/*;q=0.5, image/jpeg;q=0.1, */*", ["image/png", "image/webp", "image/gif", "image/jpeg"]),
        ("image/jpeg;q=0.2, image/png;q=0.1, */*", ["image/webp", "image/gif", "image/jpeg", "image/png"]),
        ("*/*, image/jpeg;q=0.5, image/png", ["image/png", "image/webp", "image/gif", "image/jpeg"]),
        ("image/jpeg;q=0, */*;q=0.1", ["image/png", "image/webp", "image/gif"]),
        ("image/png;q=0, image/*", ["image/jpeg", "image/webp", "image/gif"]),
    ],
)
def test_the_more_specific_value_counts(accept: str, expected: list[str]) -> None:
    selected = standard(Kind.THUMBNAIL, accept)
    assert [choice.media_type for choice in (selected, *selected.alternatives)] == expected


def test_a_transfer_syntax_is_more_specific_than_any() -> None:
    accept = f"{DICOM};transfer-syntax={JPEG};q=0, {DICOM};transfer-syntax=*, {DICOM};transfer-syntax={EXPLICIT};q=0.5"
    assert fit(accept, JPEG, EXPLICIT, kind=Kind.INSTANCE) == (DICOM, EXPLICIT)
    assert fit(accept, JPEG, kind=Kind.INSTANCE) is None
    assert fit(accept, JPEG_2000, EXPLICIT, kind=Kind.INSTANCE) == (DICOM, STORED)


def test_a_type_may_be_refused_but_for_one_transfer_syntax() -> None:
    assert standard(Kind.INSTANCE, f"{DICOM}; q=0, {DICOM}; transfer-syntax=*; q=0.1").transfer_syntax == STORED


def test_a_media_type_in_quotes_may_have_parameters() -> None:
    accept = f'multipart/related; type="{DICOM}; transfer-syntax={JPEG}"'
    assert triple(standard(Kind.STUDY, accept)) == (DICOM, JPEG, True)


def test_the_header_counts_if_nothing_of_the_query_can_be_sent() -> None:
    assert standard(Kind.SEARCH, JSON, parameter="image/png").media_type == JSON
    with pytest.raises(NotAcceptable):
        standard(Kind.SEARCH, "text/html", parameter="image/png")


@pytest.mark.parametrize("values", [(), ("utf-8",), ("UTF-8;q=0.5,iso-8859-1",), ("ISO_IR 192",), ("*",)])
def test_text_is_utf_8(values: tuple[str, ...]) -> None:
    check_charset(values, DICOMWEB.offers[Kind.SEARCH])
    check_charset(("latin1",), DICOMWEB.offers[Kind.INSTANCE])
    with pytest.raises(BadParameter, match="charset=utf-8"):
        check_charset(("latin1",), DICOMWEB.offers[Kind.SEARCH])


def test_the_query_parameter_wins() -> None:
    assert standard(Kind.FRAMES, OCTETS, parameter="image/jp2").media_type == "image/jp2"
    assert standard(Kind.SEARCH, "image/png", parameter="*").media_type == JSON
    assert select(["*/*"], ["image/jp2"], V2.offers[Kind.FRAMES]).media_type == OCTETS


def test_values_without_end_are_refused() -> None:
    endless = ",".join(f"{DICOM};transfer-syntax=1.2.{number}" for number in range(33))
    with pytest.raises(BadRequest, match="More than 32 media types"):
        standard(Kind.INSTANCE, endless)
    assert standard(Kind.INSTANCE, endless.rpartition(",")[0]).transfer_syntax == "1.2.0"


def test_a_plus_of_the_query_may_have_become_a_blank() -> None:
    assert standard(Kind.METADATA, "image/png", parameter="text/html, application/dicom json").media_type == JSON


def test_a_refused_type_is_not_sent_for_a_range() -> None:
    with pytest.raises(NotAcceptable):
        standard(Kind.STORE, f"{JSON}; q=0, */*")


def test_the_refusal_says_what_would_do() -> None:
    with pytest.raises(NotAcceptable, match=r"Acceptable here: application/dicom, application/zip, \*/\*\.$"):
        standard(Kind.STUDY, "image/png")


def test_the_refusal_names_transfer_syntaxes_if_these_are_the_reason() -> None:
    with pytest.raises(NotAcceptable, match=f"image/jls, image/jp2; transfer-syntax={JPEG_2000}, "):
        standard(Kind.FRAMES, f"image/jp2; transfer-syntax={JPEG}")


def test_the_refusal_names_the_transfer_syntaxes_that_can_be_made() -> None:
    selected = standard(Kind.INSTANCE, f"{DICOM}; transfer-syntax={JPEG}")
    with pytest.raises(NotAcceptable, match=f"stored in the Transfer Syntax {MPEG4} .*; transfer-syntax={EXPLICIT}"):
        selected.fitting(MPEG4, lambda syntax: syntax == EXPLICIT)
    with pytest.raises(NotAcceptable, match=r"^The specified transcoding is not supported.$"):
        azure(Kind.INSTANCE, f"{DICOM}; transfer-syntax={JPEG_2000}").fitting(MPEG4, lambda syntax: False)


@given(st.lists(st.text(), max_size=3), st.sampled_from([*DICOMWEB.offers.values(), *V2.offers.values()]))
def test_any_text_selects_or_is_refused(accept: list[str], offers: Offers) -> None:
    with suppress(NotAcceptable, BadRequest):
        assert select(accept, (), offers).media_type


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


def test_what_is_refused_by_name_is_not_sent_in_the_end() -> None:
    accept = f"{multipart(DICOM)}, {multipart(DICOM, MPEG4)}; q=0"
    assert fit(accept, MPEG4, kind=Kind.STUDY) is None
    assert fit(accept, JPEG, kind=Kind.STUDY) == (DICOM, STORED)


def test_several_parts_need_multipart() -> None:
    single = azure(Kind.FRAMES, OCTETS)
    assert single.for_parts(1) is single
    with pytest.raises(BadRequest, match="The accept header is supported for single frame retrieval"):
        single.for_parts(2)
    with pytest.raises(
        NotAcceptable, match='several parts to send.*Acceptable here: multipart/related; type="application/dicom"'
    ):
        standard(Kind.STUDY, DICOM).for_parts(2)
    either = standard(Kind.FRAMES, OCTETS, multipart(OCTETS))
    assert not either.for_parts(1).multipart
    assert either.for_parts(2).multipart


def test_what_else_would_do_follows_in_order() -> None:
    accept = f"{DICOM}; transfer-syntax={JPEG_2000}, {DICOM}; transfer-syntax=*; q=0.1, {multipart(DICOM)}; q=0.5"
    first = standard(Kind.INSTANCE, accept).fitting(JPEG, lambda _: True)
    second, third, last = first.next, first.next and first.next.next, first.alternatives[-1]
    assert (first.transfer_syntax, first.multipart) == (JPEG_2000, False)
    assert second is not None
    assert (second.transfer_syntax, second.multipart) == (EXPLICIT, True)
    assert third is not None
    assert (third.transfer_syntax, third.multipart) == (STORED, False)
    assert (last.transfer_syntax, last.multipart, last.next) == (STORED, True, None)
    assert standard(Kind.INSTANCE, f"{DICOM}; transfer-syntax={JPEG_2000}").fitting(JPEG, lambda _: True).next is None
