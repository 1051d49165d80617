"""What handlers read out of a request: the target, what is to be sent, the URL of the root."""

from starlette.requests import Request

from filmroom.dicom.resources import Resource
from filmroom.protocol import expiry, negotiation, targets
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind, Selected


def target_of(dialect: Dialect, request: Request) -> Resource:
    """The Study, Series or Instance that the path names."""
    path = request.path_params
    return targets.resource(path.get("study"), path.get("series"), path.get("instance"), said=dialect.wording)


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
    return targets.service_root(request.scope["scheme"], request.headers.get("host"), port, public_url, dialect.root)
