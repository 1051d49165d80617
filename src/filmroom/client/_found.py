"""Searches by keywords, of both clients, and what they find: an iterator over all pages."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar

from pydicom.dataset import Dataset

from filmroom.client import _search, _tables
from filmroom.client._answers import Datasets
from filmroom.client._messages import Transaction
from filmroom.client._search import Pages, Search
from filmroom.client._service import Service

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")
F = TypeVar("F")


class _Runs(Protocol):
    def __call__(self, transaction: Transaction[T], /) -> T: ...


class _Waits(Protocol):
    async def __call__(self, transaction: Transaction[T], /) -> T: ...


class _Unread:
    """What a list has and results do not that are still with the service."""

    _INSTEAD = "first() for the first, or list(...) for all"
    _COUNT = "total() says how many there are, and len(list(...)) how many were read"

    def __len__(self) -> NoReturn:
        raise TypeError(f"What a search finds has no length before it is read: {self._COUNT}.")

    def __getitem__(self, _: object) -> NoReturn:
        raise TypeError(f"What a search finds has no places before it is read: take {self._INSTEAD}.")

    def __bool__(self) -> bool:  # as of any object, whatever is found
        return True


class Found(_Unread):
    """What a search finds, asked for page by page while it is read. Nothing is sent before that.

    `for study in found` gives data sets. Each reading begins anew, with what is stored by then.
    """

    def __init__(self, run: _Runs, search: Search) -> None:
        self._run = run
        self._search = search

    def __iter__(self) -> Iterator[Dataset]:
        for page in self.pages():
            yield from page

    def pages(self) -> Generator[Datasets, None, None]:
        """Page by page, for who wants the DICOM JSON (`page.json`), the headers or the warnings."""
        pages = Pages(self._search)
        while not pages.ended:
            page = self._run(pages.page())
            if page or pages.first:
                yield page

    def first(self) -> Dataset | None:
        """The first result alone; None if there is none."""
        found = self._run(Pages(self._search.first()).page())
        return found[0] if found else None

    def total(self) -> int | None:
        """How many results there are in all, whatever the limit; None if the service does not say (Filmroom does)."""
        return self._run(_search.total(self._search))

    def to_pandas(self) -> "pandas.DataFrame":
        """All results as a table of pandas, a column for each attribute. ImportError if there is no pandas."""
        library = _tables.pandas()
        return _tables.frame(library, (_tables.row(item) for page in self.pages() for item in page.json))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._search.level[1:]}>"


class AsyncFound(_Unread):
    """`Found` for asyncio: `async for study in found`, `async for page in found.pages()`; the rest is awaited."""

    _INSTEAD = "await first() for the first, or [study async for study in ...] for all"
    _COUNT = "await total() says how many there are"

    def __init__(self, run: _Waits, search: Search) -> None:
        self._run = run
        self._search = search

    async def __aiter__(self) -> AsyncIterator[Dataset]:
        async for page in self.pages():
            for dataset in page:
                yield dataset

    async def pages(self) -> AsyncGenerator[Datasets, None]:
        pages = Pages(self._search)
        while not pages.ended:
            page = await self._run(pages.page())
            if page or pages.first:
                yield page

    async def first(self) -> Dataset | None:
        found = await self._run(Pages(self._search.first()).page())
        return found[0] if found else None

    async def total(self) -> int | None:
        return await self._run(_search.total(self._search))

    async def to_pandas(self) -> "pandas.DataFrame":
        library = _tables.pandas()
        return _tables.frame(library, [_tables.row(item) async for page in self.pages() for item in page.json])

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._search.level[1:]}>"


class Searches(Generic[F]):
    """Methods of both clients; what they return is read in the way of each.

    Attributes to match are keywords: PatientName="Doe*", StudyDate=(date(2026, 1, 1), None), Modality=["CT", "MR"],
    RequestAttributesSequence={"ScheduledProcedureStepID": "1"}. A tuple is a range, a list any of its values. Dates and
    times are those of Python, or text: "20260131", "2026-01-01..2026-03-31".

    match              further keys, by tag, or by a path into sequences: {"RequestAttributesSequence.00400009": "1"}
    include            attributes to return besides the usual ones; "all" for whatever the service has
    fuzzy              match persons' names by their words
    order_by           "-StudyDate" is newest first; several count one after the other (Filmroom)
    limit              most results, of all pages together
    offset             results to leave out at the beginning
    page_size          how many to ask for at once; None leaves it to the service
    partition, additional_params  as every operation has them
    """

    _service: Service

    if TYPE_CHECKING:  # each client has its own

        def _finds(self, search: Search) -> F: ...

    def search_patients(self, **keys: Any) -> F:
        """Patients that match (Filmroom's /dicomweb). Keywords: attributes, and those of `Searches`."""
        return self._finds(_search.make(self._service, _search.PATIENTS, **keys))

    def search_studies(self, **keys: Any) -> F:
        """Studies that match (PS3.18 §10.6), page by page while they are read. Keywords: attributes, and `Searches`."""
        return self._finds(_search.make(self._service, "/studies", **keys))

    def search_series(self, **keys: Any) -> F:
        """Series that match; of one Study with StudyInstanceUID=. Keywords: attributes, and those of `Searches`."""
        return self._finds(_search.make(self._service, "/series", **keys))

    def search_instances(self, **keys: Any) -> F:
        """Instances that match; of one Study with StudyInstanceUID=, of one Series with SeriesInstanceUID= as well.

        Keywords: attributes, and those of `Searches`.
        """
        return self._finds(_search.make(self._service, "/instances", **keys))
