"""Updates of what the service has stored, of both clients: attributes of all Instances of Studies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from filmroom.client._answers import json_of
from filmroom.client._messages import JsonBody, Request, Transaction
from filmroom.client._operations import Operation
from filmroom.client._service import Service
from filmroom.client.exceptions import BadResponse
from filmroom.dicom import attributes
from filmroom.dicom.values import COMPONENT_GROUPS

T = TypeVar("T")
Values = Mapping[str, Any]


class Updates:
    """Methods of the synchronous client."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        def _run(self, transaction: Transaction[T]) -> T: ...

        def wait_for_operation(
            self, operation_id: str, *, timeout: float | None = None, poll: float = 1.0
        ) -> Operation: ...

    def update_studies(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
    ) -> str:
        """Give attributes of all Instances of Studies new values; the id of the operation that does so.

        `values` are by keyword or tag: {"PatientName": "Doe^Jane"}; None makes one empty, a list has several values.
        Of one Study the UIDs can be changed, and a Series or an Instance be named that alone is updated. What has
        become of it tells `wait_for_operation`. A retrieve with `request_original=True` still gets the first version.
        """
        body = _body(study_instance_uids, values, series_instance_uid, sop_instance_uid)
        return self._run(_start(self._service, body))

    def update_studies_and_wait(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        timeout: float | None = None,
    ) -> Operation:
        """The same, and the operation when it has ended, however it did: look at `.succeeded` and `.results`."""
        started = self.update_studies(
            study_instance_uids,
            values,
            series_instance_uid=series_instance_uid,
            sop_instance_uid=sop_instance_uid,
        )
        return self.wait_for_operation(started, timeout=timeout)


class AsyncUpdates:
    """Methods of the asynchronous client, which are those of `Updates`."""

    _service: Service

    if TYPE_CHECKING:  # the client has them

        async def _run(self, transaction: Transaction[T]) -> T: ...

        async def wait_for_operation(
            self, operation_id: str, *, timeout: float | None = None, poll: float = 1.0
        ) -> Operation: ...

    async def update_studies(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
    ) -> str:
        body = _body(study_instance_uids, values, series_instance_uid, sop_instance_uid)
        return await self._run(_start(self._service, body))

    async def update_studies_and_wait(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        timeout: float | None = None,
    ) -> Operation:
        started = await self.update_studies(
            study_instance_uids,
            values,
            series_instance_uid=series_instance_uid,
            sop_instance_uid=sop_instance_uid,
        )
        return await self.wait_for_operation(started, timeout=timeout)


def _body(studies: str | Iterable[str], values: Values, series: str | None, instance: str | None) -> dict[str, Any]:
    body = {
        "studyInstanceUids": [studies] if isinstance(studies, str) else list(studies),
        "changeDataset": dict(_element(name, value) for name, value in values.items()),
        "seriesInstanceUid": series,
        "sopInstanceUid": instance,
    }
    return {name: value for name, value in body.items() if value is not None}


def _element(name: str, value: Any) -> tuple[str, dict[str, Any]]:
    tag = attributes.parse(name)
    vr = None if tag is None else attributes.vr(tag)
    if tag is None or vr is None:
        raise ValueError(f"{name!r} is no attribute: name its keyword, such as PatientName, or its tag.")
    several = isinstance(value, Sequence) and not isinstance(value, str)
    values = [] if value is None else list(value) if several else [value]
    return attributes.key(tag), {"vr": vr, "Value": [_name(str(one)) if vr == "PN" else one for one in values]}


def _name(text: str) -> dict[str, str]:
    """A person name by its component groups, as in "A=I=P"."""
    groups = zip(COMPONENT_GROUPS, text.split("=", 2), strict=False)
    return {name: group for name, group in groups if group}


def _start(service: Service, body: Mapping[str, Any]) -> Transaction[str]:
    sent = JsonBody(orjson.dumps(body))
    headers = {"accept": "application/json"} | sent.headers
    answer = yield Request("POST", service.url("/studies/$bulkUpdate"), headers, sent)
    found = json_of(answer, "operation")
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        raise BadResponse("The answer names no operation.")
    return str(found["id"])
