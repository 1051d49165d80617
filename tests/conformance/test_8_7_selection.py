"""Selected media types and Transfer Syntaxes (PS3.18 §8.7.3 to §8.7.8), row by row and part by part."""

import httpx2
import imagecodecs
import numpy as np
import pytest
from pydicom.uid import UID, HTJ2KLossless

from tests import data
from tests.messages import Sent, encoded, parameters, parts, sent, store

ROOT = "/dicomweb"
DICOM, OCTETS, JSON = "application/dicom", "application/octet-stream", "application/dicom+json"
EXPLICIT, IMPLICIT, BIG, JPEG_2000, JPEG_LS, MPEG4 = (
    f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".4.90", ".4.80", ".4.102")
)

# PS3.18 Tables 8.7.3-4 and 8.7.3-5
COMPRESSED = {
    "image/jpeg": ("4.50", "4.51", "4.57", "4.70"),
    "image/dicom-rle": ("5",),
    "image/jls": ("4.80", "4.81"),
    "image/jp2": ("4.90", "4.91"),
    "image/jpx": ("4.92", "4.93"),
    "image/jphc": ("4.201", "4.202", "4.203"),
    "image/jxl": ("4.110", "4.111", "4.112"),
    "video/mpeg2": ("4.100", "4.101"),
    "video/mp4": ("4.102", "4.103", "4.104", "4.105", "4.106"),
    "video/H265": ("4.107", "4.108"),
}
ROWS = [(media_type, f"1.2.840.10008.1.2.{tail}") for media_type, tails in COMPRESSED.items() for tail in tails]


def stored(http: httpx2.Client, *made: Sent) -> list[Sent]:
    assert store(http, ROOT, *(one.content for one in made)).status_code == 200
    return list(made)


def get(http: httpx2.Client, path: str, accept: str | None = None) -> httpx2.Response:
    return http.get(ROOT + path, headers={} if accept is None else {"Accept": accept})


@pytest.fixture(scope="module")
def mixed(http: httpx2.Client) -> list[Sent]:
    """A Series of four Instances: native, JPEG 2000, JPEG-LS and a film that nothing decodes."""
    uids = {"StudyInstanceUID": data.uid(), "SeriesInstanceUID": data.uid()}
    pixels = imagecodecs.jpeg2k_encode(np.arange(64, dtype=np.uint8).reshape(8, 8), level=0, reversible=True)
    made = [
        sent(data.image(bits=8)),
        encoded(pixels, syntax=JPEG_2000),
        encoded(b"jls!"),
        encoded(b"film", syntax=MPEG4),
    ]
    syntaxes = EXPLICIT, JPEG_2000, JPEG_LS, MPEG4
    for one in made:
        one.dataset.StudyInstanceUID, one.dataset.SeriesInstanceUID = (
            uids["StudyInstanceUID"],
            uids["SeriesInstanceUID"],
        )
    return stored(
        http,
        *(Sent(one.dataset, data.file(one.dataset, syntax)) for one, syntax in zip(made, syntaxes, strict=True)),
    )  # fmt: skip


def _in(syntax: str) -> Sent:
    """A Frame that says it is in a Transfer Syntax. pydicom does not know JPEG XL, but one with a UID as long."""
    if UID(syntax).is_transfer_syntax:
        return encoded(b"code", syntax=syntax)
    made = encoded(b"code", syntax=HTJ2KLossless)
    return Sent(made.dataset, made.content.replace(HTJ2KLossless.encode(), syntax.encode()))


# --- Media types of Frames (Tables 8.7.3-4 and 8.7.3-5)


@pytest.mark.parametrize(("media_type", "syntax"), ROWS)
def test_frames_in_the_media_type_of_their_transfer_syntax(http: httpx2.Client, media_type: str, syntax: str) -> None:
    (made,) = stored(http, _in(syntax))
    expected = f"{media_type}; transfer-syntax={syntax}"
    for accept in (
        None,
        f'multipart/related; type="{media_type}"',
        f'multipart/related; type="{media_type}"; transfer-syntax={syntax}',
        f'multipart/related; type="{media_type}"; transfer-syntax=*',
    ):
        (part,) = parts(get(http, f"{made.instance}/frames/1", accept))
        assert (part.headers["Content-Type"], part.content) == (expected, b"code"), accept
    answer = get(http, f"{made.instance}/frames/1", media_type)
    assert (answer.headers["Content-Type"], answer.content) == (expected, b"code")


@pytest.mark.parametrize(("media_type", "syntax"), ROWS)
def test_frames_as_octets_say_their_transfer_syntax(http: httpx2.Client, media_type: str, syntax: str) -> None:
    (made,) = stored(http, _in(syntax))
    accept = f'multipart/related; type="{OCTETS}"; transfer-syntax=*'
    (part,) = parts(get(http, f"{made.instance}/frames/1", accept))
    assert (part.headers["Content-Type"], part.content) == (f"{OCTETS}; transfer-syntax={syntax}", b"code")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_native_frames_by_default(http: httpx2.Client, syntax: str) -> None:
    made = data.image(bits=8)
    stored(http, Sent(made, data.file(made, syntax)))
    (part,) = parts(get(http, f"{Sent(made, b'').instance}/frames/1"))
    assert (part.headers["Content-Type"], part.content) == (f"{OCTETS}; transfer-syntax={EXPLICIT}", made.PixelData)


# --- Several Transfer Syntaxes, and each part by itself (§8.7.8)


def test_every_part_has_the_best_that_can_be_made_of_it(http: httpx2.Client, mixed: list[Sent]) -> None:
    accept = ", ".join(
        f'multipart/related; type="{DICOM}"; transfer-syntax={syntax}; q={q}'
        for syntax, q in ((JPEG_2000, 0.9), (EXPLICIT, 0.8), ("*", 0.1))
    )
    found = [part.headers["Content-Type"] for part in parts(get(http, mixed[0].series, accept))]
    assert found == [f"{DICOM}; transfer-syntax={syntax}" for syntax in (JPEG_2000, JPEG_2000, JPEG_LS, MPEG4)]


def test_of_equal_ones_that_which_needs_no_conversion(http: httpx2.Client, mixed: list[Sent]) -> None:
    syntaxes = (EXPLICIT, MPEG4, JPEG_LS, JPEG_2000)
    accept = ", ".join(f'multipart/related; type="{DICOM}"; transfer-syntax={syntax}' for syntax in syntaxes)
    found = parts(get(http, mixed[0].study, accept))
    assert [part.content for part in found] == [one.content for one in mixed]


def test_without_transfer_syntax_the_default_where_it_can_be_made(http: httpx2.Client, mixed: list[Sent]) -> None:
    found = parts(get(http, mixed[0].study, f'multipart/related; type="{DICOM}"'))
    types = [part.headers["Content-Type"].rpartition("=")[2] for part in found]
    assert types == [EXPLICIT, EXPLICIT, JPEG_LS, MPEG4]


def test_one_that_cannot_be_sent_is_406_and_says_what_could(http: httpx2.Client, mixed: list[Sent]) -> None:
    answer = get(http, mixed[0].study, f'multipart/related; type="{DICOM}"; transfer-syntax={EXPLICIT}')
    assert answer.status_code == 406
    assert "Acceptable here: transfer-syntax=*" in answer.text


def test_a_refused_transfer_syntax_is_not_sent(http: httpx2.Client, mixed: list[Sent]) -> None:
    accept = f"{DICOM}; transfer-syntax={JPEG_2000}; q=0, {DICOM}; transfer-syntax=*, {DICOM}; q=0.2"
    assert get(http, mixed[1].instance, accept).headers["Content-Type"] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert get(http, mixed[3].instance, accept).headers["Content-Type"] == f"{DICOM}; transfer-syntax={MPEG4}"


# --- One part, or several (§8.7.2)


def test_a_study_of_one_instance_fits_in_one_part(http: httpx2.Client) -> None:
    (made,) = stored(http, sent())
    for path in (made.study, made.series, made.instance):
        answer = get(http, path, DICOM)
        assert (answer.headers["Content-Type"], answer.content) == (
            f"{DICOM}; transfer-syntax={EXPLICIT}",
            made.content,
        )


def test_a_study_of_several_does_not(http: httpx2.Client, mixed: list[Sent]) -> None:
    answer = get(http, mixed[0].study, f"{DICOM}; transfer-syntax=*")
    assert answer.status_code == 406
    assert f'multipart/related; type="{DICOM}"' in answer.text


def test_what_can_carry_all_is_chosen(http: httpx2.Client, mixed: list[Sent]) -> None:
    accept = f'{DICOM}; transfer-syntax=*, multipart/related; type="{DICOM}"; transfer-syntax=*; q=0.1'
    assert len(parts(get(http, mixed[0].study, accept))) == 4
    assert get(http, mixed[0].instance, accept).content == mixed[0].content


# --- Weights (RFC 9110 §12.5.1)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("image/png;q=0.9, image/jpeg;q=0.1", "image/png"),
        ("image/png;q=0.1, image/*", "image/jpeg"),
        ("image/jpeg;q=0, image/*", "image/png"),
        ("image/jpeg;q=0.2, */*, image/png;q=0.3", "image/webp"),
        ("*/*, image/jpeg;q=0", "image/png"),
        ("image/*, image/jpeg;q=0, text/html", "image/png"),
        ("image/png;level=1;q=1", "image/png"),
        ('IMAGE/PNG;Q="0.5"', "image/png"),
        ("text/html, image/png;q=0.001", "image/png"),
    ],
)
def test_weights(http: httpx2.Client, mixed: list[Sent], accept: str, content_type: str) -> None:
    answer = get(http, f"{mixed[0].instance}/rendered", accept)
    assert answer.headers["Content-Type"] == content_type


def test_several_accept_lines_are_one_list(http: httpx2.Client, mixed: list[Sent]) -> None:
    headers = [("Accept", "image/jpeg;q=0.1"), ("Accept", "image/png")]
    assert http.get(f"{ROOT}{mixed[0].instance}/rendered", headers=headers).headers["Content-Type"] == "image/png"


# --- The query (§8.3.3)


def test_a_query_with_nothing_that_is_here_leaves_it_to_the_header(http: httpx2.Client, mixed: list[Sent]) -> None:
    assert get(http, f"{mixed[0].study}/metadata?accept=image/png", JSON).status_code == 200
    assert get(http, f"{mixed[0].study}/metadata?accept=image/png", "text/html").status_code == 406


def test_a_query_may_name_several(http: httpx2.Client, mixed: list[Sent]) -> None:
    for query in ("accept=image/x-raw,image/png", "accept=image/x-raw&accept=image/png"):
        answer = get(http, f"{mixed[0].instance}/rendered?{query}", "image/jpeg")
        assert answer.headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("path", ["/studies?limit=1&", "{study}/metadata?"])
def test_character_sets(http: httpx2.Client, mixed: list[Sent], path: str) -> None:
    target = path.format(study=mixed[0].study)
    assert get(http, f"{target}charset=utf-8").status_code == 200
    assert get(http, f"{target}charset=latin1,UTF-8;q=0.1").status_code == 200
    refused = get(http, f"{target}charset=latin1")
    assert (refused.status_code, "utf-8" in refused.text) == (400, True)


# --- What every part says (§8.6.1.2, §8.7.3.5)


@pytest.mark.parametrize(
    "path",
    ["{study}", "{series}", "{instance}", "{instance}/frames/1", "{instance}/bulkdata/7FE00010"],
)
@pytest.mark.parametrize("place", range(4))
def test_every_part_says_what_it_is_and_where_it_lies(
    http: httpx2.Client, url: str, mixed: list[Sent], path: str, place: int
) -> None:
    one = mixed[place]
    answer = get(http, path.format(study=one.study, series=one.series, instance=one.instance), "multipart/related")
    assert parameters(answer)[""] == "multipart/related"
    found = parts(answer)
    assert parameters(answer)["type"] == found[0].headers["Content-Type"].partition(";")[0]
    for part in found:
        media_type, _, syntax = part.headers["Content-Type"].partition("; transfer-syntax=")
        assert syntax or media_type == OCTETS  # a value of a native data set has none
        location = part.headers["Content-Location"]
        assert location.startswith(url + ROOT + "/studies/")
        (again,) = parts(http.get(location, headers={"Accept": "multipart/related"}))
        assert again.content == part.content
        assert again.headers["Content-Type"].partition("; transfer-syntax=")[2] == syntax
