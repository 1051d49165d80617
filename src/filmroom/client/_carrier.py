"""How the synchronous client carries requests out and answers back."""

import contextlib
import time
from collections.abc import Generator, Iterator
from typing import TypeVar

import httpx2

from filmroom.client import _link, _redirects
from filmroom.client._answers import Answer
from filmroom.client._messages import Request, Stream, Transaction
from filmroom.client._moved import Moved
from filmroom.client._rest import Rest
from filmroom.client._store import Upload
from filmroom.client.exceptions import ClientError

T = TypeVar("T")


class Carrier(Moved):
    """The part of `Client` that sends."""

    _http: httpx2.Client

    def _run(self, transaction: Transaction[T]) -> T:
        """Carry the requests of a transaction out and their answers back."""
        request = next(transaction)
        while True:
            try:
                answer: Answer | Exception = self._fetch(request)
            except (ClientError, OSError) as failure:
                answer = failure
            try:
                with self._link.translated():
                    request = transaction.throw(answer) if isinstance(answer, Exception) else transaction.send(answer)
            except StopIteration as stop:
                result: T = stop.value
                return result

    def _upload(self, upload: Upload) -> None:
        for transaction in upload.transactions():
            self._run(transaction)

    def _stream(self, stream: Stream[T]) -> Generator[T, None, None]:
        """What `stream` makes of each part of its answer."""
        with (
            self._link.translated(),
            self._open(stream.request) as response,
            stream.splitter(response) as splitter,
            contextlib.closing(self._chunks(stream.request, response)) as chunks,
        ):
            for chunk in chunks:
                for part in splitter.feed(chunk):
                    yield stream.finish(part)
            for part in splitter.close():
                yield stream.finish(part)

    def _chunks(self, request: Request, response: httpx2.Response) -> Generator[bytes, None, None]:
        """The bytes of an answer. Where it breaks off, the rest is asked for if the service can send that."""
        rest = Rest(self._link, request, response)
        try:
            while True:
                try:
                    for chunk in response.iter_bytes(self._chunk_size):
                        rest.count(chunk)
                        yield chunk
                    return
                except httpx2.TransportError as failure:
                    broken = failure
                    time.sleep(rest.after_failure(failure))
                response.close()
                response, _ = self._send(rest.request, stream=True)
                if not rest.begins(response):
                    raise broken
        finally:
            response.close()

    def _only(self, stream: Stream[T]) -> T:
        [only] = list(self._stream(stream))  # to its end, where the stream says what is wrong
        return only

    @contextlib.contextmanager
    def _open(self, request: Request) -> Iterator[httpx2.Response]:
        response, _ = self._send(request, stream=True)
        try:
            if not response.is_success:
                with self._link.translated():
                    response.read()
            _link.check(response)
            yield response
        finally:
            response.close()

    def _fetch(self, request: Request) -> Answer:
        response, repeated = self._send(request, stream=False)
        return _link.whole(response, repeated)

    def _send(self, request: Request, *, stream: bool) -> tuple[httpx2.Response, bool]:
        """An answer, and whether an earlier try may have reached the service. Tries again as `Retry` says."""
        attempts = self._link.attempts(request)
        with self._link.translated():
            while True:
                try:
                    response = _redirects.send(self._http, self._link, request, stream)
                except httpx2.TransportError as failure:
                    wait = attempts.after_failure(failure)
                else:
                    if (again := attempts.after_answer(response)) is None:
                        return response, attempts.repeated
                    wait = again
                    response.close()
                time.sleep(wait)
