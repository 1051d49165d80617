"""The OpenAPI 3.1 document: the tables of all dialects, for programs that make clients, and for tests."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from filmroom import __version__
from filmroom.protocol import dialects, media_types
from filmroom.protocol.dialects import Dialect
from filmroom.protocol.negotiation import Kind
from filmroom.protocol.offers import JSON
from filmroom.protocol.updates import MOST_STUDIES
from filmroom.server import methods as described
from filmroom.server import table
from filmroom.server.methods import Method, Parameter

VERSION = "3.1.1"

_VARIABLE = re.compile(r"\{(\w+)(?::path)?\}")
_BINARY: Mapping[str, Any] = {}  # any bytes (OpenAPI 3.1 has no schema for these)
_TEXT: Mapping[str, Any] = {"type": "string"}
_ELEMENTS: Mapping[str, Any] = {"$ref": "#/components/schemas/DataSet"}
_SCHEMAS: Mapping[str, Any] = {
    "DataSet": {
        "description": "A data set in the DICOM JSON Model (PS3.18 Annex F)",
        "type": "object",
        "propertyNames": {"pattern": "^[0-9A-F]{8}$"},
        "additionalProperties": {
            "type": "object",
            "required": ["vr"],
            "properties": {"vr": {"type": "string", "pattern": "^[A-Z]{2}$"}},
        },
    },
    "DataSets": {"type": "array", "items": _ELEMENTS},
    "Change": {
        "description": "An entry of the change feed",
        "type": "object",
        "required": [
            "sequence",
            "partitionName",
            "studyInstanceUid",
            "seriesInstanceUid",
            "sopInstanceUid",
            "action",
            "timestamp",
            "state",
        ],
        "properties": {
            "sequence": {"type": "integer"},
            "partitionName": _TEXT,
            "studyInstanceUid": _TEXT,
            "seriesInstanceUid": _TEXT,
            "sopInstanceUid": _TEXT,
            "action": {"enum": ["Create", "Update", "Delete"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "state": {"enum": ["Current", "Replaced", "Deleted"]},
            "metadata": _ELEMENTS,
        },
    },
    "Changes": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
    "Operation": {
        "description": "A long operation, and how far it is",
        "type": "object",
        "required": ["operationId", "type", "createdTime", "lastUpdatedTime", "status"],
        "properties": {
            "operationId": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "type": _TEXT,
            "createdTime": {"type": "string", "format": "date-time"},
            "lastUpdatedTime": {"type": "string", "format": "date-time"},
            "status": {"enum": ["notStarted", "running", "succeeded", "completed", "failed", "canceled"]},
            "percentComplete": {"type": "integer", "minimum": 0, "maximum": 100},
            "partitionName": _TEXT,
            "resources": {"type": "array", "items": _TEXT},
            "results": {"type": "object"},
            "error": _TEXT,
        },
    },
    "Partitions": {
        "type": "array",
        "items": {
            "description": "A data partition",
            "type": "object",
            "required": ["partitionKey", "partitionName", "createdDate"],
            "properties": {
                "partitionKey": {"type": "integer", "minimum": 1},
                "partitionName": _TEXT,
                "createdDate": {"type": "string", "format": "date-time"},
            },
        },
    },
    "Reference": {
        "description": "Where to ask how far an operation is",
        "type": "object",
        "required": ["id", "href"],
        "properties": {"id": {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "href": _TEXT},
    },
    "Operations": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
    "OperationErrors": {
        "type": "array",
        "items": {
            "description": "An item that an operation could not do",
            "type": "object",
            "required": ["item", "createdTime", "errorMessage"],
        },
    },
    "QueryTag": {
        "description": "An attribute that was made searchable",
        "type": "object",
        "required": ["path", "vr", "level", "status", "queryStatus"],
        "properties": {
            "path": _TEXT,
            "vr": _TEXT,
            "privateCreator": _TEXT,
            "level": {"enum": ["study", "series", "instance"]},
            "status": {"enum": ["adding", "ready", "deleting"]},
            "queryStatus": {"enum": ["enabled", "disabled"]},
            "errors": {"type": "object"},
            "operation": {"$ref": "#/components/schemas/Reference"},
        },
    },
    "QueryTags": {"type": "array", "items": {"$ref": "#/components/schemas/QueryTag"}},
    "QueryTagErrors": {
        "type": "array",
        "items": {
            "description": "An Instance with a value that is not valid",
            "type": "object",
            "required": [
                "studyInstanceUid",
                "seriesInstanceUid",
                "sopInstanceUid",
                "partitionName",
                "createdTime",
                "errorMessage",
            ],
        },
    },
}
_JSON_OF: Mapping[Kind, Mapping[str, Any]] = {
    Kind.STORE: _ELEMENTS,
    Kind.SEARCH: {"$ref": "#/components/schemas/DataSets"},
    Kind.PATIENTS: {"$ref": "#/components/schemas/DataSets"},
    Kind.METADATA: {"$ref": "#/components/schemas/DataSets"},
    Kind.CAPABILITIES: {"type": "object"},
    Kind.CHANGES: {"$ref": "#/components/schemas/Changes"},
    Kind.LATEST_CHANGE: {"$ref": "#/components/schemas/Change"},
    Kind.OPERATION: {"$ref": "#/components/schemas/Operation"},
    Kind.OPERATIONS: {"$ref": "#/components/schemas/Operations"},
    Kind.OPERATION_ERRORS: {"$ref": "#/components/schemas/OperationErrors"},
    Kind.CANCELLATION: {"$ref": "#/components/schemas/Operation"},
    Kind.PARTITIONS: {"$ref": "#/components/schemas/Partitions"},
    Kind.SWEEP: {"$ref": "#/components/schemas/Reference"},
    Kind.EXPORT: {"$ref": "#/components/schemas/Reference"},
    Kind.IMPORT: {"$ref": "#/components/schemas/Reference"},
    Kind.UPDATE: {"$ref": "#/components/schemas/Reference"},
    Kind.STARTED: {"$ref": "#/components/schemas/Reference"},
    Kind.QUERY_TAG: {"$ref": "#/components/schemas/QueryTag"},
    Kind.QUERY_TAGS: {"$ref": "#/components/schemas/QueryTags"},
    Kind.TAG_ERRORS: {"$ref": "#/components/schemas/QueryTagErrors"},
}
_EMPTY = frozenset({204, 304})


def document(*, partitions: bool = False) -> dict[str, Any]:
    """The whole document. Its URLs are relative, so that it holds wherever the service is reached.

    `partitions`: whether data partitions are in use.
    """
    paths: dict[str, dict[str, Any]] = {"/health/check": {"get": _HEALTH}}
    for dialect in dialects.ALL:
        for method in table.methods(dialect, partitions=partitions):
            path = dialect.root + _VARIABLE.sub(r"{\1}", method.path).rstrip("/")
            paths.setdefault(path, {})[method.verb.lower()] = _operation(method, dialect)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Filmroom",
            "version": __version__,
            "summary": "DICOMweb as the Standard has it (/dicomweb), and as the Azure DICOM service has it (/v1, /v2)",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS, "securitySchemes": {"token": _TOKEN}},
        "security": [{"token": []}, {}],  # settings say whether a token is needed
    }


_TOKEN: Mapping[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of the identity provider, or one that `filmroom token` made",
}
_HEALTH: Mapping[str, Any] = {
    "operationId": "health_Check",
    "summary": "Whether all parts of the service are well",
    "tags": ["health"],
    "security": [],
    "responses": {
        str(status): {"description": text, "content": {"application/json": {"schema": {"type": "object"}}}}
        for status, text in ((200, "All is well"), (503, "Something is not"))
    },
}


def _operation(method: Method, dialect: Dialect) -> dict[str, Any]:
    variables = [_parameter(name, "path", required=True) for name in _VARIABLE.findall(method.path)]
    queried = [
        _parameter(name, "query", required=name in method.required) for name in described.parameters(method, dialect)
    ]
    operation: dict[str, Any] = {
        "operationId": f"{dialect.name}_{method.identifier}",
        "summary": method.name,
        "tags": [dialect.name],
        "parameters": [*variables, *queried, *(_parameter(name, "header") for name in method.headers)],
        "responses": _responses(method, dialect),
    }
    if method.section:
        operation["externalDocs"] = {"url": _SECTION.format(method.section), "description": f"PS3.18 §{method.section}"}
    if method.receives:
        content = {
            _bare(media_type): {
                "schema": _BODIES.get(method.kind, _JSON_BODIES[method.verb]) if _bare(media_type) == JSON else _BINARY
            }
            for media_type in method.receives
        }
        operation["requestBody"] = {"required": True, "content": content}
    return operation


# What is received as application/json: query tags to be, and what is to be changed of one.
_JSON_BODIES: Mapping[str, Any] = {
    "POST": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["path", "level"],
            "properties": {"path": _TEXT, "vr": _TEXT, "privateCreator": _TEXT, "level": _TEXT},
        },
    },
    "PATCH": {
        "type": "object",
        "required": ["queryStatus"],
        "properties": {"queryStatus": {"enum": ["Enabled", "Disabled"]}},
    },
}
_PLACE: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "settings"],
    "properties": {"type": _TEXT, "settings": {"type": "object"}},
}
_BODIES: Mapping[Kind | None, Mapping[str, Any]] = {
    Kind.EXPORT: {
        "type": "object",
        "required": ["destination"],
        "properties": {"source": _PLACE, "destination": _PLACE, "deidentify": {"type": "string"}},
    },
    Kind.IMPORT: {"type": "object", "required": ["source"], "properties": {"source": _PLACE}},
    Kind.UPDATE: {
        "type": "object",
        "required": ["studyInstanceUids", "changeDataset"],
        "properties": {
            "studyInstanceUids": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_STUDIES},
            "changeDataset": _ELEMENTS,
            "seriesInstanceUid": _TEXT,
            "sopInstanceUid": _TEXT,
        },
    },
}
_SECTION = "https://dicom.nema.org/medical/dicom/current/output/chtml/part18/sect_{}.html"


def _parameter(name: str, place: str, *, required: bool = False) -> dict[str, Any]:
    parameter = described.find(name)
    made = {"name": name, "in": place, "required": required, "description": parameter.text}
    return {**made, "schema": _schema(parameter)}


def _schema(parameter: Parameter) -> dict[str, Any]:
    if parameter.number is not None:
        least, most = parameter.number
        return {"type": "integer", "minimum": least, "maximum": most}
    return {"type": "string", "pattern": parameter.pattern} if parameter.pattern else {"type": "string"}


def _responses(method: Method, dialect: Dialect) -> dict[str, Any]:
    sent = _content(method, dialect)
    responses: dict[str, Any] = {}
    for status in described.successes(method, dialect):
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if sent and status not in _EMPTY:
            responses[str(status)]["content"] = sent
    for status in described.failures(method, dialect):
        # None of a store could be stored: the body tells why for each.
        told = sent if status == HTTPStatus.CONFLICT and method.kind is Kind.STORE else None
        content = told or {"text/plain": {"schema": _TEXT}}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    return responses


def _content(method: Method, dialect: Dialect) -> dict[str, Any]:
    if method.kind is None:
        return {}
    json = _JSON_OF.get(method.kind, _BINARY)
    listed = dict.fromkeys(map(_bare, described.media_types(method, dialect)))
    return {media_type: {"schema": json if media_type.endswith("json") else _BINARY} for media_type in listed}


def _bare(media_type: str) -> str:
    return media_types.parse(media_type).type
