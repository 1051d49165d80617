"""The Python client for any DICOMweb service, sync and async."""

from filmroom.client._answers import Datasets, Metadata
from filmroom.client._changes import Change
from filmroom.client._found import AsyncFound, Found
from filmroom.client._json import Bulkdata
from filmroom.client._operations import Operation, OperationError
from filmroom.client._options import Progress
from filmroom.client._partitions import Partition
from filmroom.client._parts import Content
from filmroom.client._query_tags import NewQueryTag, QueryTag, QueryTagError
from filmroom.client._retry import Retry
from filmroom.client._saved import ContentFile
from filmroom.client._store_result import Outcome, StoreResult
from filmroom.client.async_client import AsyncClient
from filmroom.client.client import Client
from filmroom.client.exceptions import (
    BadRequest,
    BadResponse,
    ClientError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    MissingFile,
    NotAcceptable,
    NotFound,
    ResponseError,
    ServiceFailed,
    ServiceWarning,
    StoreFailed,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)

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
]
