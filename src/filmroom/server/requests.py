"""What handlers read out of a request: the target, what is to be sent, the URL of the root."""

from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request

from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.dicom.views import View
from filmroom.errors import TooLarge, UnsupportedMediaType
from filmroom.protocol import expiry, media_types, negotiation, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind, Selected

JSON = "application/json"
ORIGINAL = "msdicom-request-original"
LARGEST_BODY = 1 << 16  # bytes; 128 query tags take 20,000


def target_of(dialect: Dialect, request: Request) -> Resource:
    """The Study, Series or Instance that the path names, as far as it may be seen."""
    path, partition = request.path_params, partition_of(request)
    named = targets.resource(path.get("study"), path.get("series"), path.get("instance"), partition, dialect.wording)
    return seen(request, named)


def seen(request: Request, named: Resource) -> Resource:
    """What is named, as far as it may be seen (`server/admission`)."""
    view: View = request.scope["view"]
    return named if view.whole else replace(named, view=view)


def partitions_of(request: Request) -> frozenset[str] | None:
    """The names of the data partitions that may be seen; None: all (`server/admission`)."""
    names: frozenset[str] | None = request.scope["partitions"]
    return names


def partition_of(request: Request) -> int:
    """The key of the data partition that the path names, once `server/partitions` has found it."""
    key: int = request.scope.get("partition", DEFAULT_PARTITION)
    return key


def select(dialect: Dialect, request: Request, kind: Kind) -> Selected:
    """What the request accepts, of what there is for this kind of resource."""
    offers, query = dialect.offers[kind], request.query_params
    negotiation.check_charset(query.getlist("charset"), offers)
    return negotiation.select(request.headers.getlist("accept"), query.getlist("accept"), offers)


def lifetime_of(request: Request) -> float | None:
    """In how many seconds what is stored expires; None: never."""
    headers = request.headers
    return expiry.lifetime(*(headers.getlist(name) for name in (expiry.TIME, expiry.OPTION, expiry.LEVEL)))


def root_of(dialect: Dialect, request: Request) -> str:
    """The absolute URL of the dialect's root, as the client reaches it."""
    server = request.scope.get("server")
    port = server[1] if server else None
    public_url = request.state.settings.public_url
    root = request.scope.get("prefix", "") + dialect.root  # of a share link
    return targets.service_root(request.scope["scheme"], request.headers.get("host"), port, public_url, root)


async def body_of(request: Request, largest: int = LARGEST_BODY, *, typed: bool = True) -> bytes:
    """A body in JSON, of so many bytes at most; `typed`: it must say that it is JSON."""
    given = request.headers.get("content-type", "" if typed else JSON)
    media_type = media_types.parse(given).type
    if media_type not in (JSON, "text/json") and not media_type.endswith("+json"):
        raise UnsupportedMediaType(f"The content type '{given}' is not supported here: send application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise TooLarge(f"The request exceeded the allowed limit of {largest} bytes.")
    return bytes(body)


def wants_original(request: Request) -> bool:
    """Whether the first version of what was updated is asked for (Azure)."""
    return request.headers.get(ORIGINAL, "").lower() == "true"


def base_of(dialect: Dialect, request: Request) -> str:
    """The absolute URL under which the Studies of the request lie: the root, or the data partition that it names."""
    root = root_of(dialect, request)
    return f"{root}/partitions/{request.path_params['partition']}" if "partition" in request.scope else root


def bases(dialect: Dialect, request: Request) -> Callable[[str], str]:
    """Gives the absolute URL under which the Studies of a data partition lie, by its name."""
    root = root_of(dialect, request)
    if request.state.settings.partitions:
        return lambda name: f"{root}/partitions/{name}"
    return lambda _: root
