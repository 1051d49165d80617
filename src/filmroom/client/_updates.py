"""Updates of what the service has stored, of both clients: attributes of all Instances of Studies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from filmroom.client._messages import Transaction
from filmroom.client._operations import Operation, started
from filmroom.client._service import Service
from filmroom.dicom import attributes
from filmroom.dicom.values import person_name

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
        partition: str | None = None,
    ) -> str:
        """Give attributes of all Instances of Studies new values; the id of the operation that does so.

        `values` are by keyword or tag: {"PatientName": "Doe^Jane"}; None makes one empty, a list has several values.
        Of one Study the UIDs can be changed, and a Series or an Instance be named that alone is updated. What has
        become of it tells `wait_for_operation`. A retrieve with `request_original=True` still gets the first version.
        """
        body = _body(study_instance_uids, values, series_instance_uid, sop_instance_uid)
        return self._run(_start(self._service, partition, body))

    def update_studies_and_wait(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        partition: str | None = None,
        timeout: float | None = None,
    ) -> Operation:
        """The same, and the operation when it has ended, however it did: look at `.succeeded` and `.results`."""
        operation_id = self.update_studies(
            study_instance_uids,
            values,
            series_instance_uid=series_instance_uid,
            sop_instance_uid=sop_instance_uid,
            partition=partition,
        )
        return self.wait_for_operation(operation_id, timeout=timeout)


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
        partition: str | None = None,
    ) -> str:
        body = _body(study_instance_uids, values, series_instance_uid, sop_instance_uid)
        return await self._run(_start(self._service, partition, body))

    async def update_studies_and_wait(
        self,
        study_instance_uids: str | Iterable[str],
        values: Values,
        *,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
        partition: str | None = None,
        timeout: float | None = None,
    ) -> Operation:
        operation_id = await self.update_studies(
            study_instance_uids,
            values,
            series_instance_uid=series_instance_uid,
            sop_instance_uid=sop_instance_uid,
            partition=partition,
        )
        return await self.wait_for_operation(operation_id, timeout=timeout)


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
    if vr == "PN":
        values = [person_name(str(one)) or {} for one in values]
    return attributes.key(tag), {"vr": vr, "Value": values}


def _start(service: Service, partition: str | None, body: Mapping[str, Any]) -> Transaction[str]:
    return (yield from started(service.url("/studies/$bulkUpdate", partition=partition), body))
