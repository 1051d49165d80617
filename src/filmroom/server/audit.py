"""The audit of requests: a record for each, when its answer is sent. Pure ASGI; it knows who, for it looks afterwards.

What is audited: all under the roots, every answer 401 and 403, and what a limit refused. What is done inside adds what
it knows (`gathered`).
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.audit import gathered
from filmroom.audit.alerts import REFUSED
from filmroom.audit.chain import LIMITED
from filmroom.audit.gathered import note
from filmroom.audit.records import MOST_NAMED, Facts
from filmroom.audit.writer import Audit
from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.dicom.store_response import Outcome
from filmroom.errors import BadRequest, Unavailable
from filmroom.protocol.negotiation import Kind
from filmroom.server.allowance import client_of
from filmroom.server.methods import Method
from filmroom.server.paths import BESIDE

T = TypeVar("T")

LONGEST_QUERY = 1024  # bytes of one that are written down: nobody needs a token to send 64 KB of it
UNKNOWN = "unknown"  # what was asked for
# What clients of the Azure service want written down, such as for whom they ask: so many headers, so many signs each.
CUSTOM, MOST_CUSTOM, LONGEST_CUSTOM = b"x-ms-azuredicom-audit-", 10, 2048
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
# What opens doors is never written down, whatever it is called.
_SECRET = re.compile(
    rb"((?:^|&)(?:access_|id_)?(?:token|code|sig|signature|secret|password|key|api_?key)=)[^&]*", re.IGNORECASE
)
_RETRIEVED = dict.fromkeys(
    (Kind.STUDY, Kind.INSTANCE, Kind.FRAMES, Kind.BULKDATA, Kind.PIXELDATA, Kind.URI), "retrieve"
) | dict.fromkeys((Kind.RENDERED, Kind.RENDERED_MANY, Kind.THUMBNAIL), "retrieve-rendered")
# As the Azure service names them, and in its manner what it does not have. What is not here has the name of its method.
_ACTIONS: Mapping[Kind, str] = {
    **_RETRIEVED,
    Kind.METADATA: "retrieve-metadata",
    Kind.SEARCH: "query",
    Kind.PATIENTS: "query",
    Kind.STORE: "store",
    Kind.CHANGES: "change-feed",
    Kind.LATEST_CHANGE: "change-feed",
    Kind.EXPORT: "export",
    Kind.IMPORT: "import",
    Kind.UPDATE: "update-study",
    Kind.SWEEP: "sweep",
    Kind.OPERATION: "operation",
    Kind.OPERATIONS: "operation",
    Kind.OPERATION_ERRORS: "operation",
    Kind.CANCELLATION: "cancel-operation",
    Kind.PARTITIONS: "partition",
    Kind.CAPABILITIES: "capabilities",
    Kind.STARTED: "add-extended-query-tag",
    Kind.QUERY_TAGS: "get-all-extended-query-tag",
    Kind.TAG_ERRORS: "get-extended-query-tag-errors",
}
_OF_TAGS = {"GET": "get", "PATCH": "update", "DELETE": "remove"}


def action_of(method: Method) -> str:
    """What the audit calls it."""
    if method.kind is Kind.QUERY_TAG or (method.kind is None and "querytags" in method.path):
        return f"{_OF_TAGS[method.verb]}-extended-query-tag"
    if method.kind is None and method.verb == "DELETE":
        return "delete"
    found = None if method.kind is None else _ACTIONS.get(method.kind)
    return found or method.name.lower().replace(" ", "-")


def custom(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """What a client wants written down; None if nothing. BadRequest if that is too much, as at the Azure service."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.startswith(CUSTOM):
            called, text = name.decode("latin-1").upper(), value.decode("latin-1")
            found[called] = f"{found[called]},{text}" if called in found else text
    if len(found) > MOST_CUSTOM:
        raise BadRequest(
            f"The maximum number of custom audit headers allowed is {MOST_CUSTOM}. The number of custom audit headers "
            f"supplied is {len(found)}."
        )
    for called, text in found.items():
        if len(text) > LONGEST_CUSTOM:
            raise BadRequest(
                f"The maximum length of a custom audit header value is {LONGEST_CUSTOM}. The supplied custom audit "
                f"header '{called}' has length of {len(text)}."
            )
    return found or None


def counted(results: Iterable[T]) -> Iterator[T]:
    """The results of a search; how many were taken is noted when the answer ends."""
    number = 0
    try:
        for one in results:
            number += 1
            yield one
    finally:
        note(results=number)


def stored(outcomes: Iterable[Outcome], patients: Mapping[str, str]) -> dict[str, Any]:
    """What a store did, a record for each Study; `patients` are their Patient IDs."""
    studies: defaultdict[str, list[Outcome]] = defaultdict(list)
    refused = 0
    for one in outcomes:
        if one.failure is None and one.study is not None:
            studies[one.study].append(one)
        else:
            refused += 1
    each = [{"study": study, **_stored(found, patients.get(study))} for study, found in studies.items()]
    facts: dict[str, Any] = {"refused": refused} if refused else {}
    return facts | ({"each": each} if each else {})


def _stored(found: list[Outcome], patient: str | None) -> dict[str, Any]:
    series = {one.series for one in found}
    classes: defaultdict[str, int] = defaultdict(int)
    for one in found:
        classes[one.sop_class or ""] += 1
    return {
        "patient": patient,
        "series": series.pop() if len(series) == 1 else None,
        "instances": len(found),
        "classes": classes,
        "named": [one.instance for one in found[:MOST_NAMED]],
    }


class Audited:
    """Wraps the application, outside of what finds out who asks."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write down what became of it."""
        audit: Audit | None = scope["state"]["archive"].audit if scope["type"] == "http" else None
        if audit is None or not audit.on:
            await self.app(scope, receive, send)
            return
        if audit.required and (problem := audit.problem()) and scope["path"].lower() not in BESIDE:
            await _refuse(send, f"The audit trail can't be written: {problem}. Nothing is done without it.")
            return
        await _Record(audit, scope, send).of(self.app, receive)


class _Record:
    """The record of one request."""

    __slots__ = (
        "_audit",
        "_before",
        "_began",
        "_bytes",
        "_complete",
        "_gathered",
        "_scope",
        "_send",
        "_started",
        "_status",
    )

    def __init__(self, audit: Audit, scope: Scope, send: Send) -> None:
        self._audit, self._scope, self._send = audit, scope, send
        self._began, self._started = time.time(), time.perf_counter()
        self._status = self._bytes = 0
        self._complete = False
        self._before = audit.required and scope["method"] not in _READS  # it is written before the answer is sent
        self._gathered = gathered.begin()

    async def of(self, app: ASGIApp, receive: Receive) -> None:
        if self._before:
            await self._before_the_answer(app, receive)
            return
        try:
            await app(self._scope, receive, self._watched)
        finally:
            self._put()

    async def _watched(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        else:
            self._bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
        await self._send(message)

    async def _before_the_answer(self, app: ASGIApp, receive: Receive) -> None:
        """Who changed something is told so when it is written down that they did."""
        answered = refused = False

        async def held(message: Message) -> None:
            nonlocal answered, refused
            if message["type"] == "http.response.start":
                self._status, answered = message["status"], True
                facts = self._facts()
                if facts and facts["action"] == LIMITED:
                    self._audit.put(facts)  # nothing was done; and who is refused because of a flood must not wait
                elif facts:
                    try:
                        await asyncio.wrap_future(self._audit.settled(facts))
                    except Unavailable as error:
                        refused = True
                        await _refuse(self._send, str(error))
            if not refused:
                await self._send(message)

        try:
            await app(self._scope, receive, held)
        finally:
            if not answered:
                self._put()

    def _put(self) -> None:
        """Write down what is known. Without an answer a thread may be at work still, for the service ends: what that
        does comes behind it."""
        facts = self._facts()
        if facts:
            known = dict(facts)
            self._audit.put(facts)
            if not self._status:
                self._gathered.close(lambda late: self._audit.put({**known, **late, "time": time.time()}))

    def _facts(self) -> Facts | None:
        scope, status = self._scope, self._status
        action = scope.get("audited")
        if action is None:
            if status not in REFUSED:
                return None
            action = UNKNOWN
        access, client = scope.get("access"), scope.get("client")
        path: Mapping[str, str] = scope.get("path_params") or {}
        query: bytes = scope["query_string"]
        facts = {
            "time": self._began,
            "action": action,
            "who": "anonymous" if access is None else access.name,
            "who_id": (access.id or None) if access is not None else None,
            "roles": (list(map(str, access.roles)) or None) if access is not None else None,
            "client": client[0] if client else "unknown",
            "request": scope.get("request_id"),
            "method": scope["method"],
            "route": scope.get("template", "none"),
            "status": status,
            "partition": path.get("partition"),
            "partition_key": scope.get("partition", DEFAULT_PARTITION),
            "study": path.get("study"),
            "series": path.get("series"),
            "instance": path.get("instance"),
            "frames": path.get("frames"),
            "query": _shown(query) if query else None,
            "bytes": None if self._before else self._bytes,
            "ms": round((time.perf_counter() - self._started) * 1000, 1),
        }
        if status in REFUSED or action == LIMITED:
            facts |= {"counted_as": client_of(scope), "query": None if status == 401 else facts["query"]}
        if not (self._complete or (self._before and status)):
            facts["broken_off"] = True
        facts.update(self._gathered.facts)
        return facts


def _shown(query: bytes) -> str:
    text = _SECRET.sub(rb"\1...", query)
    return text[:LONGEST_QUERY].decode("latin-1") + ("..." if len(text) > LONGEST_QUERY else "")


async def _refuse(send: Send, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"5")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": why.encode()})
