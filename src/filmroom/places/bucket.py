"""A part of a bucket as a place, by obstore."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain

from filmroom.blobs import buckets
from filmroom.blobs.buckets import Absent, Refused
from filmroom.errors import BadRequest, Conflict, NotFound, Unavailable
from filmroom.places.place import CHUNK, Entry, checked

with suppress(ModuleNotFoundError):  # of filmroom[objects]; `buckets` says so
    import obstore
    from obstore.exceptions import InvalidPathError

_PAGE = 1000
_NO_CONTAINER = "Azure Blob Storage container '{}' does not exist in account '{}'."  # the Azure service's words


class BucketPlace:
    """A part of a bucket: `within` is its URL as `buckets` takes it, `url` the one that people know."""

    def __init__(self, url: str, within: str, options: Mapping[str, str]) -> None:
        self.url = url
        self._store = buckets.connect(within, options, "place", "places_options")
        self._container = within.split("/")[2]
        self._attributes = buckets.attributes(options)

    def check(self) -> None:
        try:
            with buckets.translated("read", "place"):
                next(iter(obstore.list(self._store, chunk_size=1)), None)
        except InvalidPathError:
            pass  # it is there
        except Absent:
            raise BadRequest("The bucket does not exist.") from None
        except Refused as error:
            if error.code == "ContainerNotFound":
                account = getattr(self._store, "config", {}).get("account_name", "")
                raise BadRequest(_NO_CONTAINER.format(self._container, account)) from None
            if error.code == "NoSuchBucket":
                raise BadRequest("The bucket does not exist.") from None
            if error.general:
                raise BadRequest(str(error)) from None
            # Who may not list may still be one who may write.

    def entries(self, after: str = "") -> Iterator[Entry]:
        pages = iter(obstore.list(self._store, offset=after or None, chunk_size=_PAGE))
        while (page := self._next(pages)) is not None:
            for found in page:
                # An object without content stands for a folder, in the consoles of the stores.
                if found["size"] and found["path"] != after:
                    yield Entry(found["path"], int(found["size"]), None)

    def _next(self, pages: Iterator[Sequence["obstore.ObjectMeta"]]) -> Sequence["obstore.ObjectMeta"] | None:
        try:
            with buckets.translated("listed", "place"):
                return next(pages, None)
        except InvalidPathError:
            raise Conflict(
                "The bucket has an object whose name has an empty part, '.' or '..': rename it, or import a prefix "
                "without it."
            ) from None
        except Refused as error:
            if error.general:
                raise
            raise Conflict(str(error)) from None

    def stream(self, name: str) -> Iterator[bytes]:
        with _of_one("read", NotFound):
            chunks = iter(obstore.get(self._store, checked(name)).stream(CHUNK))
        while True:
            with _of_one("read", NotFound):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield bytes(chunk)

    def write(self, name: str, content: Iterable[bytes]) -> None:
        chunks, head = iter(content), bytearray()
        for chunk in chunks:
            head += chunk
            if len(head) > buckets.PART:
                with _of_one("written", Conflict):
                    whole = chain((bytes(head),), chunks)
                    buckets.put_in_parts(self._store, checked(name), whole, self._attributes)
                return
        buckets.persistently(lambda: self._put(name, bytes(head)))

    def _put(self, name: str, content: bytes) -> None:
        with _of_one("written", Conflict):
            obstore.put(self._store, checked(name), content, attributes=self._attributes, use_multipart=False)

    def size(self, name: str) -> int:
        with _of_one("read", NotFound):
            return int(obstore.head(self._store, checked(name))["size"])

    def settle(self) -> None:
        """A store has what it has acknowledged."""


@contextmanager
def _of_one(doing: str, kind: type[NotFound | Conflict]) -> Iterator[None]:
    """What a store refuses of one file is no fault of the place."""
    try:
        with buckets.translated(doing, "place"):
            yield
    except Absent:
        if doing == "written":
            raise Unavailable("The place can't be written: there is no such bucket; make it.") from None
        raise NotFound("The file can't be read: there is none of that name.") from None
    except InvalidPathError:
        raise kind(f"The file can't be {doing}: the name is not one that can be used here.") from None
    except Refused as error:
        if error.general:
            raise
        raise kind(f"The file can't be {doing}: {error.reason}.") from None
