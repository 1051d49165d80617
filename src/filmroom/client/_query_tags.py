"""Extended query tags of the service, of both clients: attributes that it is told to make searchable."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from filmroom.client._answers import Answer, check, json_of
from filmroom.client._messages import JsonBody, Request, Transaction
from filmroom.client._operations import started
from filmroom.client._service import Service, encoded, segment
from filmroom.client.exceptions import BadResponse

T = TypeVar("T")

_MOST = 200  # in one answer; a service has 128 tags at most
_ACCEPT = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class NewQueryTag:
    """An attribute to make searchable.

    path             keyword or eight hexadecimal digits; Filmroom's /dicomweb also takes attributes inside sequences,
                     as "OtherPatientIDsSequence.PatientID"
    level            study, series or instance: the attribute is searched by at that level and below
    vr               needed of a private attribute
    private_creator  likewise
    """

    path: str
    level: str
    vr: str | None = None
    private_creator: str | None = None


@dataclass(frozen=True, slots=True)
class QueryTag:
    """An attribute that was made searchable.

    status     adding: what is stored is being indexed, by the operation of the id `operation`; ready; deleting
    enabled    searches by it are not refused
    errors     how many Instances have a value for it that is not valid
    json       the answer as it came
    """

    path: str
    level: str
    vr: str
    private_creator: str | None
    status: str
    enabled: bool
    errors: int
    operation: str | None
    json: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueryTagError:
    """An Instance with a value for a query tag that is not valid; `json` is the answer as it came."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    created: datetime
    message: str
    json: Mapping[str, Any]


class QueryTags:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _run(self, transaction: Transaction[T]) -> T: ...

    def add_query_tags(self, *tags: NewQueryTag) -> str:
        """Make attributes searchable; the id of the operation that indexes what is stored.

        Searches know them when it has ended: see `wait_for_operation`. What is stored meanwhile is indexed, too.
        """
        return self._run(_add(self._service, tags))

    def query_tags(self) -> list[QueryTag]:
        """The attributes that were made searchable."""
        return self._run(_list(self._service))

    def query_tag(self, path: str) -> QueryTag:
        """One of them, by its keyword or tag."""
        return self._run(_one(Request("GET", _url(self._service, path), _ACCEPT)))

    def update_query_tag(self, path: str, *, enabled: bool) -> QueryTag:
        """Enable or disable searches by an attribute: values that are not valid disable them."""
        return self._run(_one(_update(self._service, path, enabled)))

    def delete_query_tag(self, path: str) -> None:
        """Make an attribute searchable no more."""
        self._run(_delete(self._service, path))

    def query_tag_errors(self, path: str, *, limit: int = 100, offset: int = 0) -> list[QueryTagError]:
        """The Instances whose values are not valid, at most 200 at once."""
        return self._run(_errors(self._service, path, limit, offset))


class AsyncQueryTags:
    """Methods of the asynchronous client, which are those of `QueryTags`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        async def _run(self, transaction: Transaction[T]) -> T: ...

    async def add_query_tags(self, *tags: NewQueryTag) -> str:
        return await self._run(_add(self._service, tags))

    async def query_tags(self) -> list[QueryTag]:
        return await self._run(_list(self._service))

    async def query_tag(self, path: str) -> QueryTag:
        return await self._run(_one(Request("GET", _url(self._service, path), _ACCEPT)))

    async def update_query_tag(self, path: str, *, enabled: bool) -> QueryTag:
        return await self._run(_one(_update(self._service, path, enabled)))

    async def delete_query_tag(self, path: str) -> None:
        await self._run(_delete(self._service, path))

    async def query_tag_errors(self, path: str, *, limit: int = 100, offset: int = 0) -> list[QueryTagError]:
        return await self._run(_errors(self._service, path, limit, offset))


def _url(service: Service, path: str, end: str = "") -> str:
    return f"{service.base_url}/extendedquerytags/{segment(path)}{end}"  # tags are of no partition


def _add(service: Service, tags: Collection[NewQueryTag]) -> Transaction[str]:
    for tag in tags:
        if not isinstance(tag, NewQueryTag):
            raise TypeError(f'add_query_tags() takes tags such as NewQueryTag("ProtocolName", "series"), not {tag!r}.')
    entries = [
        {"path": tag.path, "vr": tag.vr, "level": tag.level, "privateCreator": tag.private_creator} for tag in tags
    ]
    given = [{name: value for name, value in entry.items() if value is not None} for entry in entries]
    return (yield from started(f"{service.base_url}/extendedquerytags", given))


def _list(service: Service) -> Transaction[list[QueryTag]]:
    answer = yield Request("GET", f"{service.base_url}/extendedquerytags?limit={_MOST}", _ACCEPT)
    return [_read(one) for one in _listed(answer, "list of query tags")]


def _update(service: Service, path: str, enabled: bool) -> Request:
    body = JsonBody(orjson.dumps({"queryStatus": "Enabled" if enabled else "Disabled"}))
    return Request("PATCH", _url(service, path), _ACCEPT | body.headers, body)


def _one(request: Request) -> Transaction[QueryTag]:
    return _read(json_of((yield request), "query tag"))


def _delete(service: Service, path: str) -> Transaction[None]:
    answer = yield Request("DELETE", _url(service, path), _ACCEPT)
    if not (answer.status == 404 and answer.repeated):  # a try whose answer was lost had deleted it
        check(answer)


def _errors(service: Service, path: str, limit: int, offset: int) -> Transaction[list[QueryTagError]]:
    page = encoded([("limit", limit), ("offset", offset)])
    answer = yield Request("GET", f"{_url(service, path, '/errors')}?{page}", _ACCEPT)
    return [_read_error(one) for one in _listed(answer, "list of errors")]


def _listed(answer: Answer, what: str) -> list[Any]:
    found = json_of(answer, what)
    if found is None:  # 204
        return []
    if not isinstance(found, list):
        raise BadResponse(f"The answer is no {what}.")
    return found


def _read(json: Any) -> QueryTag:
    try:
        return QueryTag(
            path=json["path"],
            level=json["level"].lower(),
            vr=json["vr"],
            private_creator=json.get("privateCreator"),
            status=json["status"].lower(),
            enabled=json["queryStatus"].lower() == "enabled",
            errors=(json.get("errors") or {}).get("count", 0),
            operation=(json.get("operation") or {}).get("id"),
            json=json,
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise BadResponse("The answer is no query tag: it lacks what each has.") from error


def _read_error(json: Any) -> QueryTagError:
    try:
        return QueryTagError(
            json["studyInstanceUid"],
            json["seriesInstanceUid"],
            json["sopInstanceUid"],
            datetime.fromisoformat(json["createdTime"]),
            json["errorMessage"],
            json,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadResponse("The answer is no list of errors: one lacks what each has.") from error
