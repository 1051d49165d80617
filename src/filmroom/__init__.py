"""Filmroom: a DICOMweb service, with a Python client and a command line.

`from filmroom import Client` gives the client alone; nothing of the server is loaded. What belongs to the client is
loaded when it is first asked for, so that the server and the command line do not pay for it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from filmroom.client import (
        AsyncClient,
        AsyncFound,
        BadRequest,
        BadResponse,
        Bulkdata,
        Change,
        Client,
        ClientError,
        Conflict,
        ConnectionFailed,
        Content,
        ContentFile,
        Datasets,
        Forbidden,
        Found,
        Metadata,
        MissingFile,
        NewQueryTag,
        NotAcceptable,
        NotFound,
        Operation,
        OperationError,
        Outcome,
        Partition,
        Progress,
        QueryTag,
        QueryTagError,
        ResponseError,
        Retry,
        ServiceFailed,
        ServiceWarning,
        StoreFailed,
        StoreResult,
        TooLarge,
        Unauthorized,
        Unavailable,
        UnsupportedMediaType,
    )

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncFound",
    "BadRequest",
    "BadResponse",
    "Bulkdata",
    "Change",
    "Client",
    "ClientError",
    "Conflict",
    "ConnectionFailed",
    "Content",
    "ContentFile",
    "Datasets",
    "Forbidden",
    "Found",
    "Metadata",
    "MissingFile",
    "NewQueryTag",
    "NotAcceptable",
    "NotFound",
    "Operation",
    "OperationError",
    "Outcome",
    "Partition",
    "Progress",
    "QueryTag",
    "QueryTagError",
    "ResponseError",
    "Retry",
    "ServiceFailed",
    "ServiceWarning",
    "StoreFailed",
    "StoreResult",
    "TooLarge",
    "Unauthorized",
    "Unavailable",
    "UnsupportedMediaType",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load the client when one of its names is asked for."""
    if name in __all__:
        return getattr(importlib.import_module("filmroom.client"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
