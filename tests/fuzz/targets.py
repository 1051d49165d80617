"""What is fuzzed: functions that take bytes from the network, each with inputs to begin with.

A target passes if it returns or raises an error of ours (`filmroom.errors.Error`). Everything else is a finding.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from filmroom.errors import Error
from filmroom.protocol import (
    byte_ranges,
    change_feed,
    codings,
    cursors,
    dialects,
    expiry,
    included,
    media_types,
    multipart,
    negotiation,
    query_tags,
    rendering,
    targets,
    transfers,
    updates,
    validators,
    wado_uri,
)
from filmroom.protocol.validators import Validator
from tests.fuzz import files, searches

CR_LF = b"\r\n"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz. `dictionary` are words that mean something to it."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    dictionary: tuple[str, ...] = ()
    longest: int = 4096


def lines(content: bytes) -> list[str]:
    """The lines of an input, as header fields and URLs come to the parsers: a letter for each byte."""
    return content.decode("latin-1").split("\n")


def _multipart(content: bytes) -> None:
    """However the body is cut into chunks, its parts are the same, and no byte of them is invented."""
    size, body = (content[0] or 1, content[1:]) if content else (1, b"")
    whole, cut = _parts([body]), _parts([body[at : at + size] for at in range(0, len(body), size)])
    assert whole == cut, "chunks make a difference"
    if isinstance(whole, list):
        assert sum(len(part) for _, part in whole) <= len(body)


def _parts(chunks: Iterable[bytes]) -> list[tuple[dict[str, str], bytes]] | str:
    decoder = multipart.Decoder("frontier", most_parts=50)
    parts: list[tuple[dict[str, str], bytes]] = []
    try:
        for chunk in chunks:
            for event in decoder.feed(chunk):
                if isinstance(event, multipart.Headers):
                    parts.append((dict(event.fields), b""))
                elif isinstance(event, multipart.Data):
                    parts[-1] = (parts[-1][0], parts[-1][1] + bytes(event.content))
        decoder.close()
    except Error as error:
        return type(error).__name__
    return parts


def _multipart_seeds() -> Iterable[bytes]:
    head = b"--frontier\r\nContent-Type: application/dicom\r\n\r\n"
    yield b"\x07" + head + b"content" + CR_LF + b"--frontier--\r\n"
    yield b"\x01preamble\r\n" + head + b"a\r\n--frontierx" + CR_LF + head + CR_LF + b"--frontier--"
    yield b"\x40" + head.replace(CR_LF, b"\n") + b"\n--frontier \t\n folded: a\n b\n\n\n--frontier--epilogue"


def _negotiation(content: bytes) -> None:
    """Accept, `accept`, charset, Accept-Encoding and Content-Type, for all that any dialect offers."""
    accept, query, rest = (*lines(content), "", "")[:3]
    for text in (accept, query, rest):
        media_types.parse(text)
        codings.select([text])
        with suppress(Error):
            multipart.boundary_of(text)
    for dialect in dialects.ALL:
        for offers in dict.fromkeys(dialect.offers.values()):
            with suppress(Error):
                negotiation.select([accept] if accept else [], [query] if query else [], offers)
            with suppress(Error):
                negotiation.check_charset([rest], offers)


def _negotiation_seeds() -> Iterable[bytes]:
    yield b'multipart/related; type="application/dicom"; transfer-syntax=*;q=0.5, */*;q=0.1\nimage/jpeg\nutf-8'
    yield b'multipart/related; type=application/octet-stream; transfer-syntax="1.2.840.10008.1.2.4.50"'
    yield b"application/dicom+json, application/dicom+xml;q=0.9, text/csv\n\niso-8859-1"
    yield b'\nmultipart/related;type="image/jpeg",image/gif;q=0\ngzip;q=0.5, zstd'


def _headers(content: bytes) -> None:
    """Ranges, validators, expiry, and what targets are named by."""
    one, two, three = (*lines(content), "", "")[:3]
    validator = Validator("7-x", 1.7e9, weak=bool(len(content) % 2))
    for text in (one, two, three):
        for length in (0, 1, 1000, 1 << 40):
            with suppress(Error):
                for offset, size in byte_ranges.parse(text, length) or ():
                    assert 0 <= offset < length
                    assert 0 < size <= length - offset
        for read in (targets.frame_numbers, targets.identifier, targets.partition, targets.quality, targets.dicomdir):
            with suppress(Error):
                read(text)
        targets.service_root("http", text, 8080, None, "/dicomweb")
        with suppress(Error):
            cursors.unseal(b"secret", b"search", text)
        with suppress(Error):
            query_tags.parse_path(text)
    with suppress(Error):
        validators.check(validator, [one], two)
    validators.is_known(validator, [one], two)
    validators.allows_range(validator, three)
    with suppress(Error):
        expiry.lifetime([one], [two], [three])


def _headers_seeds() -> Iterable[bytes]:
    yield b'bytes=0-9,20-,-5\nWed, 21 Oct 2015 07:28:00 GMT\n"7-x"'
    yield b'W/"7-x", *\nbytes=-0\nbytes=99999999999999999999-'
    yield b"86400\nRelativeToNow\nStudy"
    yield b"1,2,3\n1.2.840/1.2.3/4\nhost.example:8080"
    yield cursors.seal(b"secret", b"search", ("a", 1, None)).encode() + b"\n00400275.0020000D\ntrue"


def _by_uri(content: bytes) -> None:
    """Queries of the URI Service, of rendered images, of the change feed and of Metadata."""
    given = parse_qsl(content.decode("latin-1"), keep_blank_values=True)
    with suppress(Error):
        wado_uri.parse(given)
    lower = {name.lower(): value for name, value in given}
    for read in (rendering.parse, rendering.parse_thumbnail):
        with suppress(Error):
            read(lower)
    for dialect in dialects.ALL:
        with suppress(Error):
            change_feed.parse(dialect, given)
        with suppress(Error):
            change_feed.includes_metadata(dialect, given)
        included.of_metadata(dialect, given)


def _by_uri_seeds() -> Iterable[bytes]:
    uids = b"studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4"
    yield b"requestType=WADO&" + uids + b"&contentType=image/jpeg;q=0.5,application/dicom&frameNumber=3"
    yield b"requestType=WADO&" + uids + b"&rows=10&columns=20&region=0,0,0.5,1&windowCenter=4e1&windowWidth=80"
    yield b"quality=7&window=40,400,linear-exact&viewport=100,100,,,-5,20&annotation=patient,technique&iccprofile=yes"
    yield b"startTime=2024-01-31T10:00:00.5%2B01:00&endTime=2025-01-01T00:00Z&offset=0&limit=5&includeMetadata=true"
    yield b"since=5&limit=7&includefield=PatientName,00081032.CodeValue,0010xxxx,all"


def _bodies(content: bytes) -> None:
    """JSON bodies: updates, query tags, exports, imports."""
    for dialect in dialects.ALL:
        with suppress(Error):
            files.amended(updates.parse(dialect, content).changes)
        with suppress(Error):
            query_tags.parse(dialect, content)
    for read in (query_tags.parse_update, transfers.parse_export, transfers.parse_import):
        with suppress(Error):
            read(content)


def _bodies_seeds() -> Iterable[bytes]:
    yield b'{"studyInstanceUids":["1.2.3"],"changeDataset":{"00100010":{"vr":"PN","Value":[{"Alphabetic":"A^B"}]}}}'
    yield b'{"studyInstanceUids":["1.2"],"changeDataset":{"00100030":{"vr":"DA","Value":["20200101"]},"00101030":{}}}'
    yield b'[{"path":"00101010","vr":"AS","level":"Study"},{"path":"00091001","privateCreator":"X","level":0}]'
    yield b'{"queryStatus":"Disabled"}'
    yield (
        b'{"source":{"type":"identifiers","settings":{"values":["1.2","1.2/3/4"]}},"destination":'
        b'{"type":"azureblob","settings":{"blobContainerUri":"https://a.blob.core.windows.net/c?sig=x"}}}'
    )
    yield b'{"source":{"type":"file","settings":{"uri":"file:///srv/in"}}}'


_JSON_WORDS = (
    "studyInstanceUids", "seriesInstanceUid", "sopInstanceUid", "changeDataset", "vr", "Value", "Alphabetic", "path",
    "level", "privateCreator", "queryStatus", "source", "destination", "type", "settings", "values", "identifiers",
    "azureblob", "blobContainerUri", "blobContainerName", "connectionString", "useManagedIdentity", "file", "uri",
    "00100010", "00100020", "0020000D", "00081111", "PN", "SQ", "DA", "\\ud800", "1e999", "null", "true",
    "InlineBinary",
)  # fmt: skip
_URI_WORDS = (
    *wado_uri.NAMES, "quality=", "window=", "viewport=", "annotation=", "iccprofile=",
    "startTime=", "endTime=", "includeMetadata=", "since=", "offset=", "limit=", "nan", "inf",
    "1e400", "-0", "%00", "%FF", "+", "&",
)  # fmt: skip
_TYPES = (
    "multipart/related", "type=", "transfer-syntax=", "application/dicom", "application/dicom+json", "image/jpeg",
    "application/octet-stream", "boundary=", "q=", "*/*", "1.2.840.10008.1.2.4.50", "charset=", '"', "\\", ";", ",",
)  # fmt: skip

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "multipart": Target(_multipart, _multipart_seeds, ("--frontier", "--frontier--", "\r\n\r\n", "\r\n", ": ")),
        "files": Target(files.check, files.seeds, files.WORDS, 16384),
        "negotiation": Target(_negotiation, _negotiation_seeds, _TYPES, 600),
        "searches": Target(searches.check, searches.seeds, searches.WORDS, 600),
        "bodies": Target(_bodies, _bodies_seeds, _JSON_WORDS),
        "headers": Target(_headers, _headers_seeds, ("bytes=", "W/", "GMT", "RelativeToNow", "Study", "-", ","), 300),
        "by_uri": Target(_by_uri, _by_uri_seeds, _URI_WORDS, 500),
    }
)
