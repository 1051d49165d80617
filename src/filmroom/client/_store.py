"""A store of many Instances as transactions of bounded size, which either client may run several of at once."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any, Self

from pydicom.dataset import Dataset

from filmroom.client import exceptions
from filmroom.client._answers import Answer, announce, warnings_of
from filmroom.client._folders import PassedOver
from filmroom.client._messages import JSON, Request, Transaction
from filmroom.client._options import OnProgress, Progress
from filmroom.client._service import Service, path
from filmroom.client._sources import Body, Instances, Source, Unreadable, source, totals
from filmroom.client._store_answers import response_of
from filmroom.client._store_result import Outcome, StoreResult, confirmed, of_answer, refused, unreadable
from filmroom.client.exceptions import ClientError, Interrupted, MissingFile, StoreFailed
from filmroom.protocol import expiry

GRACE = 3.0  # seconds that the requests under way still have for their answers after Ctrl-C
INTERRUPTED = "the store was interrupted before the service answered; it may be stored"
REQUEST_BYTES = 64 << 20  # a request that holds as many takes no further Instance

# With these, the next request can't fare better, so nothing more is sent.
FATAL = (
    exceptions.ConnectionFailed,
    exceptions.Unauthorized,
    exceptions.Forbidden,
    exceptions.NotFound,
    exceptions.Unavailable,
)


class Stopped(Exception):
    """The store was given up while a request was being sent."""


class Upload:
    """One call of `store_instances`: what is still to be sent, and what became of the rest.

    `transactions` may be run by several threads; each takes the next Instances that nobody has taken.
    Leaving the `with` gives up whatever is not finished.
    """

    def __init__(
        self,
        service: Service,
        given: Instances,
        study: str | None = None,
        *,
        replace: bool = False,
        expires: timedelta | None = None,
        per_request: int = 20,
        parallel: int = 4,
        progress: OnProgress | None = None,
        partition: str | None = None,
        additional_params: Mapping[str, Any] | None = None,
    ) -> None:
        if per_request < 1 or parallel < 1:
            raise ValueError("per_request and parallel are at least 1.")
        if expires is not None and expires <= timedelta():
            raise ValueError("expires is a time to come, as timedelta(days=30).")
        self._expiry = {} if expires is None else expiry.fields(expires.total_seconds())
        self._passed_over = PassedOver()
        items, self._count, self._length = totals(given, self._passed_over)
        requests = parallel if self._count is None else -(-self._count // per_request)
        self.parallel = max(1, min(parallel, requests))
        self._sources = (source(number, item) for number, item in enumerate(items))
        self._held: list[Source] = []  # taken, and left for the next request
        self._per_request = per_request
        self._method = "PUT" if replace else "POST"
        self._url = service.url(path(study) if study is not None else "/studies", (), partition, additional_params)
        self._progress = progress
        self._taking = threading.Lock()  # held while files are opened and Datasets encoded, so nothing else is
        self._lock = threading.RLock()
        self._stopped = False
        self._fatal: ClientError | None = None
        self._errors: list[ClientError] = []
        self._outcomes: list[Outcome] = []
        self._answers: list[tuple[Dataset, Answer]] = []
        self._sent = self._done = self._missing = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True

    def run(self, work: Callable[[Self], None]) -> None:
        """Have threads do the work. Ctrl-C is given what is stored by then."""
        pool = ThreadPoolExecutor(self.parallel)
        workers = [pool.submit(work, self) for _ in range(self.parallel)]
        patient = True
        try:
            for worker in workers:
                worker.result()
        except KeyboardInterrupt:
            self._stopped, patient = True, False
            with contextlib.suppress(KeyboardInterrupt):
                wait(workers, GRACE)
            raise Interrupted(self._so_far()) from None
        finally:
            self._stopped = True
            pool.shutdown(wait=patient)

    def transactions(self) -> Iterator[Transaction[None]]:
        """Requests until nothing is left."""
        while not self._stopped and (batch := self._take()):
            yield self._store(batch)

    def _take(self) -> list[Source]:
        """The next Instances: at most `per_request`, none more once there are many bytes, and none twice.

        An answer tells Instances by their UIDs, so of two with the same UID the second goes into the next request.
        """
        batch: list[Source] = []
        with self._taking:
            for taken in self._next():
                if isinstance(taken, Unreadable):
                    self._missing += taken.missing
                    self._record([unreadable(taken)])
                    continue
                if taken.uid is not None and any(taken.uid == other.uid for other in batch):
                    self._held.append(taken)
                    break
                batch.append(taken)
                if len(batch) == self._per_request or sum(s.size or REQUEST_BYTES for s in batch) >= REQUEST_BYTES:
                    break
        return batch

    def _next(self) -> Iterator[Source | Unreadable]:
        while self._held:
            yield self._held.pop()
        for taken in self._sources:  # noqa: UP028 - `yield from` would close it with this generator
            yield taken

    def _store(self, batch: list[Source]) -> Transaction[None]:
        """Send one request and note what became of its Instances (PS3.18 §10.5).

        Those of which the answer does not tell which is which are sent once more, one by one.
        """
        outcomes, strangers, waiting = yield from self._ask(batch, self._on_bytes)
        self._record(outcomes)
        for alone in waiting:
            if self._fatal is not None:
                self._record(refused([alone], self._fatal))
            else:
                outcomes, _, _ = yield from self._ask([alone], lambda _: self._on_bytes(0))
                self._record([confirmed(outcome, strangers) for outcome in outcomes])

    def _ask(
        self, batch: list[Source], on_bytes: Callable[[int], None]
    ) -> Transaction[tuple[list[Outcome], list[Outcome], list[Source]]]:
        """Send one request; what `of_answer` makes of its answer."""
        body = Body(batch, on_bytes)
        try:
            answer = yield Request(self._method, self._url, {"accept": JSON} | self._expiry | body.headers, body)
            response = response_of(answer)
        except ClientError as failure:
            return self._fail(batch, failure), [], []
        except OSError as failure:
            which = (body.reading and body.reading.path) or "A file"
            changed = ClientError(f"{which} could not be read while it was being sent: {failure.strerror or failure}")
            return self._fail(batch, changed), [], []
        with self._lock:
            self._answers.append((response, answer))
        return of_answer(batch, response, answer.succeeded)

    def _fail(self, batch: list[Source], failure: ClientError) -> list[Outcome]:
        with self._lock:
            if self._stopped and self._fatal is None and isinstance(failure, exceptions.ConnectionFailed):
                failure = ClientError(INTERRUPTED)  # it was given up, so nobody is to blame
            self._errors.append(failure)
            if isinstance(failure, FATAL):
                self._fatal, self._stopped = self._fatal or failure, True
        return refused(batch, failure)

    def _record(self, outcomes: list[Outcome]) -> None:
        with self._lock:
            self._outcomes += outcomes
            self._done += len(outcomes)
            self._report()

    def _on_bytes(self, count: int) -> None:
        if self._stopped and self._fatal is None:
            raise Stopped
        with self._lock:
            self._sent += count
            self._report()

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(Progress(self._done, self._count, self._sent, self._length))

    def result(self) -> StoreResult:
        """What became of all. Raises when the store broke off, and when not one Instance was stored."""
        found = self._so_far()
        failure = self._fatal
        if failure is None and not found.stored:
            failure = self._errors[0] if self._errors else self._nothing_stored(found)
        if failure is not None:
            failure.result = found
            raise failure
        announce(found.warnings)
        return found

    def _so_far(self) -> StoreResult:
        with self._lock:
            texts = [text for _, answer in self._answers for text in warnings_of(answer.headers)]
            return StoreResult(self._outcomes, [response for response, _ in self._answers], texts, self._passed_over)

    def _nothing_stored(self, found: StoreResult) -> ClientError:
        if not found.outcomes:
            seen = f"; {found.passed_over} passed over" if found.passed_over else ""
            return MissingFile(f"There is nothing to store: no DICOM file in what was given{seen}.")
        first = found.failed[0]
        which = f"of the first, {first.path}" if first.path else "of the first"
        message = f"none of {len(found.failed)} Instances was stored; {which}: {first.explanation}"
        if not self._answers:
            kind = MissingFile if self._missing == len(found.failed) else ClientError
            return kind(f"Nothing could be sent: {message}.")
        response, answer = self._answers[0]
        return StoreFailed(answer.status, message, answer.headers, response, found.warnings)
