"""What a client call can raise, as one tree under `filmroom.errors.Error`.

ClientError
    ConnectionFailed            the service was not reached, or the connection broke off or timed out
    MissingFile                 no file to be stored exists, or no folder holds DICOM; a FileNotFoundError too
    BadResponse                 an answer that breaks PS3.18: cut off, not DICOM, not what was asked for
    ResponseError               an answer with an error status: .status, .headers, .payload, .warnings
        BadRequest              400 and every other 4xx that has no class of its own
        Unauthorized            401
        Forbidden               403
        NotFound                404, 410
        NotAcceptable           406
        Conflict                409
            StoreFailed         not one Instance was stored: .result says why, Instance by Instance
        TooLarge                413
        UnsupportedMediaType    415
        Unavailable             408, 429, 502, 503, 504, after the last retry
        ServiceFailed           500 and every other 5xx

Where `filmroom.errors` has the same word for what the service itself raises, the class inherits it too, so
`except filmroom.errors.NotFound` catches both.
"""

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset

from filmroom import errors

Payload = Dataset | dict[str, Any] | list[Any] | str | None


class ClientError(errors.Error):
    """The root of all errors that the client raises on purpose.

    `result` is set when a store broke off half way: the `StoreResult` of what was answered until then.
    `service` is the base URL of the service that it is about.
    """

    result: Any = None
    service: str | None = None


class ConnectionFailed(ClientError):
    """The service could not be reached, or the connection broke off or timed out. The cause is in `__cause__`."""


class MissingFile(ClientError, FileNotFoundError):
    """There is nothing to store: not one of the files exists, or nothing that was given holds DICOM."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a store. `result` is the `StoreResult` of what was answered until then."""

    def __init__(self, result: Any) -> None:
        super().__init__("The store was interrupted.")
        self.result = result


class BadResponse(ClientError):
    """The answer is not what PS3.18 says it must be: cut off, not DICOM, not JSON, or too few parts."""


class ResponseError(ClientError):
    """The service answered with an error status.

    status    the HTTP status
    headers   the headers, readable in any letter case
    message   what the service said, as text; the status' name when it said nothing readable
    payload   the parsed body: a Dataset (DICOM JSON), a dict or list (other JSON), a str (text, JSON text without
              its quotes), or None when it was empty
    warnings  the texts of its Warning headers
    """

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        payload: Payload = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message
        self.headers: Mapping[str, str] = {} if headers is None else headers
        self.payload = payload
        self.warnings = warnings


class BadRequest(ResponseError, errors.BadRequest):
    """400, or a 4xx without a class of its own: the service does not understand the request or will not do it."""


class Unauthorized(ResponseError):
    """401: the service wants credentials, or does not take those that were sent."""


class Forbidden(ResponseError, errors.Forbidden):
    """403: these credentials do not allow it."""


class NotFound(ResponseError, errors.NotFound):
    """404 or 410: there is no such Study, Series, Instance, Frame or bulk value, or no such service."""


class NotAcceptable(ResponseError, errors.NotAcceptable):
    """406: the service can't send any of the media types and Transfer Syntaxes that were asked for."""


class Conflict(ResponseError, errors.Conflict):
    """409: the state of what is stored forbids it."""


class StoreFailed(Conflict):
    """Not one Instance was stored. `result.failed` says why, Instance by Instance; `payload` is the answer."""


class TooLarge(ResponseError, errors.TooLarge):
    """413: an Instance or a request is above the service's limit."""


class UnsupportedMediaType(ResponseError, errors.UnsupportedMediaType):
    """415: the service does not take a body of this kind."""


class Unavailable(ResponseError, errors.Unavailable):
    """408, 429, 502, 503 or 504, and it stayed so over all retries. Trying again later may help."""


class ServiceFailed(ResponseError):
    """500, or a 5xx without a class of its own: the service failed."""


class ServiceWarning(UserWarning):
    """A Warning header of an answer (RFC 7234 §5.5, PS3.18 §10.6.3): the request succeeded, but not wholly as asked."""


BY_STATUS: Mapping[int, type[ResponseError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    406: NotAcceptable,
    408: Unavailable,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    415: UnsupportedMediaType,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def of_status(status: int) -> type[ResponseError]:
    """The class for an HTTP status that is no success."""
    return BY_STATUS.get(status, ServiceFailed if status >= 500 else BadRequest)
