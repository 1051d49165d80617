"""Responses: with what a representation is sent, and whether it is sent at all (RFC 9110 §8.8, §13, §14)."""

import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from filmroom.dicom.resources import Level, Resource
from filmroom.protocol import byte_ranges, codings, offers, validators
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.validators import Validator
from filmroom.server.messages import Multipart, Ranges, content_type
from filmroom.server.requests import base_of, wants_original
from filmroom.server.work import Body
from filmroom.services.content import Content, Read, Stream
from filmroom.services.retrieve import Zip

DICOM_JSON = "application/dicom+json"

# A cache must ask each time whether what it has is still so, and one that several people share must keep nothing.
CACHING = {"Vary": "Accept", "Cache-Control": "private, no-cache"}
# What others wrote, or what is made of it, is shown by browsers under our name: it may load and run nothing.
POLICY = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
_CONDITIONAL = frozenset(
    {b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since", b"range", b"if-range"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """All of a response but its sending. It is made in a thread; without a body there is none to send (204, 304)."""

    headers: Mapping[str, str]
    body: Body | None
    length: int | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request says of the version that the client has, and of the bytes that it wants."""

    head: bool
    validating: bool  # whether the dialect tells versions
    original: bool  # whether the first versions of what was updated are asked for
    dated: bool  # whether one Instance is asked for: of several, one that is gone leaves no date
    if_match: Sequence[str] = ()
    if_unmodified_since: str | None = None
    if_none_match: Sequence[str] = ()
    if_modified_since: str | None = None
    range: str | None = None
    if_range: str | None = None

    @classmethod
    def of(cls, dialect: Dialect, request: Request, target: Resource) -> "Conditions":
        headers, validating, original = request.headers, dialect.validators, wants_original(request)
        dated = target.level is Level.INSTANCE and not original  # what is sent by default may be younger
        # Looking one up costs as much as going through all, and hardly a request has any.
        if not validating or _CONDITIONAL.isdisjoint([name for name, _ in headers.raw]):
            return cls(request.method == "HEAD", validating, original, dated)
        return cls(
            request.method == "HEAD",
            validating,
            original,
            dated,
            headers.getlist("if-match"),
            headers.get("if-unmodified-since"),
            headers.getlist("if-none-match"),
            headers.get("if-modified-since"),
            headers.get("range"),
            headers.get("if-range"),
        )

    def check(self, validator: Validator) -> None:
        """Refuse another version than the request is about."""
        validators.check(validator, self.if_match, self.if_unmodified_since)

    def known(self, validator: Validator, *, made: bool = True) -> bool:
        """Whether the client has this version. Before it is `made`, what is sent may be refused or another version:
        then only its own ETag tells."""
        if made:
            return validators.is_known(validator, self.if_none_match, self.if_modified_since)
        return validators.is_named(validator, self.if_none_match)

    def ranges(self, validator: Validator, length: int) -> list[tuple[int, int]] | None:
        """The ranges to send; None is everything. HEAD knows no Range (RFC 9110 §14.2)."""
        if self.range is None or self.head or not validators.allows_range(validator, self.if_range):
            return None
        return byte_ranges.parse(self.range, length)

    def whole(self, headers: Mapping[str, str], media_type: str, chunks: Iterable[bytes], length: int | None) -> Answer:
        """Everything; to tell a known length to HEAD, nothing is read."""
        body = Body(() if self.head and length is not None else chunks)
        return Answer({**headers, "Content-Type": media_type}, body, length)


async def send_contents(
    dialect: Dialect,
    request: Request,
    target: Resource,
    service: Callable[[], Sequence[Content] | Stream],
    *,
    parts_have_ranges: bool = False,
) -> Response:
    """Run the service and take the first batch in one hop; then answer in one part or in several."""
    root, conditions = described_root(dialect, request), Conditions.of(dialect, request, target)

    def begin() -> Answer:
        return represent(service(), root, conditions, parts_have_ranges=parts_have_ranges)

    return send(request, await request.state.lane.run(begin))


def described_root(dialect: Dialect, request: Request) -> str | None:
    """What is put before Content-Location; None where the dialect describes no parts."""
    return base_of(dialect, request) if dialect.described_parts else None


def represent(
    contents: Sequence[Content] | Stream, root: str | None, conditions: Conditions, *, parts_have_ranges: bool = False
) -> Answer:
    """Contents in one part or in several.

    A Range means bytes of the content; where it comes in a part of a multipart message, only if `parts_have_ranges`,
    as clients take it to be with bulk data (PS3.18 §10.4.1.1.5).
    """
    if isinstance(contents, Stream):
        return _represent_stream(contents, root, conditions)
    validator = _validator(contents, conditions)
    single = contents[0] if len(contents) == 1 else None
    made = single is None or single.convert is None
    if made:  # else only making it tells what the request is about
        conditions.check(validator)
    if conditions.known(validator, made=made):
        return Answer(_headers(validator, single, root, conditions), None, status=304)
    if single is None:
        return _message(Multipart(contents, root), validator, conditions)
    content = single.ready()
    if content.form != single.form:  # the next best, instead
        validator = _validator([content], conditions)
    if not made:
        conditions.check(validator)
        if conditions.known(validator):
            return Answer(_headers(validator, content, root, conditions), None, status=304)
    return _represent_one(content, validator, root, conditions, parts_have_ranges=parts_have_ranges)


def _represent_stream(stream: Stream, root: str | None, conditions: Conditions) -> Answer:
    validator = None if stream.version is None else Validator(stream.version, weak=True)
    if validator is not None:
        conditions.check(validator)
        if conditions.known(validator, made=False):
            return Answer(_headers(validator, None, root, conditions), None, status=304)
    begun = list(islice(stream.contents, 2))
    if validator is not None and conditions.known(validator):
        return Answer(_headers(validator, None, root, conditions), None, status=304)
    if len(begun) == 1 and not begun[0].multipart:
        return _represent_one(begun[0], validator, root, conditions, parts_have_ranges=False)
    return _message(Multipart(chain(begun, stream.contents), root), validator, conditions)


def _message(message: Multipart, validator: Validator | None, conditions: Conditions) -> Answer:
    headers = _headers(validator, None, None, conditions)
    return conditions.whole(headers, message.content_type, message.chunks(), message.length)


def _headers(
    validator: Validator | None, single: Content | None, root: str | None, conditions: Conditions
) -> dict[str, str]:
    """What is said of an answer besides its type, also with 206 and 304 (RFC 9110 §15.3.7, §15.4.5)."""
    headers: dict[str, str] = {}
    if conditions.validating:
        headers = (validator.headers if validator else {}) | CACHING
    if single is not None and not single.multipart:
        if root is not None:
            headers["Content-Location"] = root + single.location
        if single.media_type.startswith("text/"):
            headers |= POLICY
    return headers


def _represent_one(
    content: Content,
    validator: Validator | None,
    root: str | None,
    conditions: Conditions,
    *,
    parts_have_ranges: bool,
) -> Answer:
    headers = _headers(validator, content, root, conditions)
    ranged = conditions.validating and (parts_have_ranges or not content.multipart)
    if ranged and validator is not None and content.read and content.length is not None:
        headers["Accept-Ranges"] = byte_ranges.UNIT
        ranges = conditions.ranges(validator, content.length)
        if ranges is not None and (len(ranges) == 1 or not content.multipart):
            return _partial(content, content.read, content.length, ranges, root, headers)
    if content.multipart:
        message = Multipart([content], root)
        return conditions.whole(headers, message.content_type, message.chunks(), message.length)
    return conditions.whole(headers, content_type(content), content.chunks, content.length)


def _validator(contents: Sequence[Content], conditions: Conditions) -> Validator:
    """The version of what is sent. First versions have one of their own, which ends as the newest ones do."""
    made = _version(contents, conditions.dated)
    return replace(made, tag=f"{made.tag}-original") if conditions.original else made


def _version(contents: Sequence[Content], dated: bool) -> Validator:
    """The boundary of a multipart message differs each time, a conversion may."""
    first = contents[0]
    modified = first.created if dated else None
    if len(contents) == 1 and not first.multipart:
        return Validator(f"{first.watermark}-{first.form}", modified, weak=first.is_converted)
    newest = max([content.watermark for content in contents])
    forms = sorted({content.form for content in contents})
    form = forms[0] if len(forms) == 1 else f"{zlib.crc32(','.join(forms).encode()):x}"
    return Validator(f"{newest}-{len(contents)}-{form}", modified, weak=True)


def _partial(
    content: Content,
    read: Read,
    length: int,
    ranges: Sequence[tuple[int, int]],
    root: str | None,
    headers: Mapping[str, str],
) -> Answer:
    """Ranges of a content."""
    offset, size = ranges[0]
    place = {"Content-Range": byte_ranges.content_range(offset, size, length)}
    message: Multipart | Ranges
    if content.multipart:
        message = Multipart([content], root, ranges[0])
    elif len(ranges) > 1:
        message, place = Ranges(content, ranges), {}
    else:
        head = {**headers, **place, "Content-Type": content_type(content)}
        return Answer(head, Body(read(offset, size)), size, 206)
    head = {**headers, **place, "Content-Type": message.content_type}
    return Answer(head, Body(message.chunks()), message.length, 206)


def represent_zip(made: Zip, target: Resource, contents: Sequence[Content], conditions: Conditions) -> Answer:
    """The Instances in one ZIP archive, for a browser to save."""
    validator = _validator(contents, conditions)
    validator = replace(validator, tag=f"{validator.tag}-{'dicomdir' if made.dicomdir else 'zip'}", weak=True)
    headers = validator.headers | CACHING
    conditions.check(validator)
    if conditions.known(validator):
        return Answer(headers, None, status=304)
    headers["Content-Disposition"] = f'attachment; filename="{target.path.rpartition("/")[2]}.zip"'
    return conditions.whole(headers, offers.ZIP, made.chunks, made.length)


def coded(request: Request, chunks: Iterable[bytes]) -> tuple[Iterable[bytes], dict[str, str]]:
    """A text in a content coding that the request accepts, if that is worth it, and the headers that say so."""
    coding, encoded = codings.encode(chunks, request.headers.getlist("accept-encoding"))
    vary = {"Vary": "Accept, Accept-Encoding"}
    return encoded, vary if coding is None else vary | {"Content-Encoding": coding}


def send(request: Request, answer: Answer) -> Response:
    """A body that is complete in its first batch goes at once; a longer one is streamed, and for HEAD left alone."""
    body, headers = answer.body, dict(answer.headers)
    if body is None:
        return Response(status_code=answer.status, headers=headers)
    if answer.length is not None:
        headers["Content-Length"] = str(answer.length)
    if body.whole:
        return Pieces(body.first, answer.status, headers)
    if request.method == "HEAD":
        body.close()
        return StreamingResponse(_nothing(), answer.status, headers)
    return StreamingResponse(body.stream(request.state.lane), answer.status, headers)


class Pieces(Response):
    """A body that is there, in pieces that are not copied into one."""

    def __init__(self, pieces: Sequence[bytes], status: int, headers: Mapping[str, str]) -> None:
        first, *self._rest = pieces or [b""]
        length = {} if "Content-Length" in headers else {"Content-Length": str(sum(map(len, pieces)))}
        super().__init__(first, status, {**headers, **length})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces one after the other."""
        if not self._rest:
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        for number, piece in enumerate(self._rest, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(self._rest)})


async def _nothing() -> AsyncIterator[bytes]:
    for _ in ():
        yield b""
