"""What is asked of the archive of a million: the rows of its table, and what each answer must be."""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlencode

from bench.bulk import BATCH
from bench.checks import value
from bench.client import WrongAnswerError
from bench.population import Patient, Series, Study
from filmroom.archive import Archive
from filmroom.dicom.resources import Level, Resource
from filmroom.index import changes
from filmroom.index import search as index
from filmroom.index.answers import by_tag
from filmroom.index.transaction import Transaction
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.parameters import LARGEST_INTEGER
from filmroom.services import search

Elements = dict[str, Any]
Parameters = Sequence[tuple[str, str]]
T = TypeVar("T")
LIMIT = 100
DEEP = 0.9  # of all
MOST = 60  # questions of a row
_LIMITED = ("limit", str(LIMIT))
_UIDS = {Level.STUDY: "0020000D", Level.SERIES: "0020000E", Level.INSTANCE: "00080018"}


@dataclass(frozen=True, slots=True)
class Question:
    """One request: its path under the root of a service, the same of the index alone, and the check of the answer.

    What is asked for `through` the Link of another answer has the path of that one.
    """

    path: str
    directly: Callable[[Archive], Callable[[Transaction], Sequence[Any]]]
    check: Callable[[Sequence[Any]], None]
    through: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table."""

    name: str
    title: str
    questions: "Questions"
    peer: bool = True  # whether another server understands it
    shifts: bool = False  # whether the answer changes when others store


class Asked:
    """An archive's Studies, in which to look for what to ask, and for what must be found."""

    def __init__(self, studies: Sequence[Study]) -> None:
        self.studies = studies

    @cached_property
    def series(self) -> list[tuple[Study, Series]]:
        """All Series."""
        return [(study, series) for study in self.studies for series in study.series]

    @cached_property
    def instances(self) -> int:
        """How many there are."""
        return sum(series.instances for _, series in self.series)

    def some(self, suits: Callable[[Study], bool] = bool) -> list[Study]:
        """Studies from all over the archive."""
        found = [study for study in self.studies if suits(study)]
        return found[:: max(1, len(found) // MOST)][:MOST]

    def patients(self) -> list[Patient]:
        """Patients likewise, whose names need no folding of accents: not every server knows that."""
        return [study.patient for study in self.some(lambda one: one.patient.name.isascii())]

    def first_series(self) -> list[Series]:
        """The first Series of some Studies."""
        return [study.series[0] for study in self.some()]


Questions = Callable[[Asked], Iterable[Question]]


def folded(text: str) -> str:
    """Without case and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _search(level: Level, scope: Resource, keys: Parameters, check: Callable[[Sequence[Any]], None]) -> Question:
    parts = [("studies", scope.study), ("series", scope.series)]
    path = "".join(f"/{name}/{uid}" for name, uid in parts if uid) + f"/{('studies', 'series', 'instances')[level - 1]}"

    def directly(archive: Archive) -> Callable[[Transaction], Sequence[Any]]:
        query, _ = queries.parse(DICOMWEB, level, scope, keys, lambda: search.known_tags(archive))
        return lambda tx: [by_tag(match.found) for match in index.search(tx, query)]

    return Question(f"{path}?{urlencode(keys)}", directly, check)


def _found(level: Level, count: int, of: Level, among: Collection[str]) -> Callable[[Sequence[Any]], None]:
    """So many different rows of a level, and all of them belong to certain Studies or Series."""

    def check(answer: Sequence[Any]) -> None:
        own = {value(one, _UIDS[level]) for one in answer}
        if len(answer) != count or len(own) != count:
            raise WrongAnswerError(
                f"{len(answer)} data sets, {len(own)} of them different, where {count} were expected"
            )
        if not among >= {value(one, _UIDS[of]) for one in answer}:  # type: ignore[operator]
            raise WrongAnswerError("the search found what does not match")

    return check


def study_rows(
    values: Callable[[Asked], Iterable[T]], keys: Callable[[T], Parameters], suits: Callable[[T, Study], bool]
) -> Questions:
    """For each value a search for Studies, and which of them suit."""

    def questions(asked: Asked) -> Iterator[Question]:
        for one in dict.fromkeys(values(asked)):
            found = {study.uid for study in asked.studies if suits(one, study)}
            check = _found(Level.STUDY, min(LIMIT, len(found)), Level.STUDY, found)
            yield _search(Level.STUDY, Resource(), [*keys(one), _LIMITED], check)

    return questions


def lower_rows(
    level: Level,
    values: Callable[[Asked], Iterable[T]],
    keys: Callable[[T], Parameters],
    suits: Callable[[T, Study, Series], bool],
) -> Questions:
    """The same for Series, or for their Instances."""

    def questions(asked: Asked) -> Iterator[Question]:
        for one in dict.fromkeys(values(asked)):
            found = [series for study, series in asked.series if suits(one, study, series)]
            count = sum(series.instances for series in found) if level is Level.INSTANCE else len(found)
            check = _found(level, min(LIMIT, count), Level.SERIES, {series.uid for series in found})
            yield _search(level, Resource(), [*keys(one), _LIMITED], check)

    return questions


def name_rows(
    parts: Callable[[str], str], key: Callable[[str], str], suits: Callable[[str, str], bool], *, fuzzy: bool = False
) -> Questions:
    """Searches by a part of a Patient's Name."""
    more = [("fuzzymatching", "true")] if fuzzy else []
    return study_rows(
        lambda asked: (parts(folded(one.name)) for one in asked.patients()),
        lambda part: [("PatientName", key(part)), *more],
        lambda part, study: suits(part, folded(study.patient.name)),
    )


def follow(parts: str, name: str) -> bool:
    """Whether neighbouring words of a name begin with these."""
    words, starts = name.replace("=", "^").split("^"), parts.split()
    neighbours = (words[place : place + len(starts)] for place in range(len(words) - len(starts) + 1))
    return any(all(map(str.startswith, some, starts)) for some in neighbours)


def date_rows(days: int) -> Questions:
    return study_rows(
        lambda asked: (study.on for study in asked.some()),
        lambda first: [("StudyDate", days_from(first, days))],
        lambda first, study: first <= study.on < first + timedelta(days=days),
    )


def days_from(first: date, days: int) -> str:
    return f"{first:%Y%m%d}-{first + timedelta(days=days - 1):%Y%m%d}"


def of_modality(modality: str) -> Callable[[Study], bool]:
    return lambda study: study.series[0].kind.modality == modality


def modality_rows(modality: str) -> Questions:
    return study_rows(
        lambda _: [modality], lambda said: [("ModalitiesInStudy", said)], lambda said, study: of_modality(said)(study)
    )


def newest(keys: Parameters = ()) -> Questions:
    def questions(asked: Asked) -> Iterator[Question]:
        newest = {study.uid for study in asked.studies[-LIMIT - BATCH :]}
        check = _found(Level.STUDY, min(LIMIT, len(asked.studies)), Level.STUDY, newest)
        yield _search(Level.STUDY, Resource(), [*keys, _LIMITED], check)

    return questions


def newest_instances(asked: Asked) -> Iterator[Question]:
    newest = {study.uid for study in asked.studies[-LIMIT - BATCH :]}
    check = _found(Level.INSTANCE, min(LIMIT, asked.instances), Level.STUDY, newest)
    yield _search(Level.INSTANCE, Resource(), [_LIMITED], check)


def deep(level: Level) -> Questions:
    def questions(asked: Asked) -> Iterator[Question]:
        among = {study.uid for study in asked.studies}
        total = asked.instances if level is Level.INSTANCE else len(asked.studies)
        for place in range(min(20, total - int(total * DEEP))):
            offset = int(total * DEEP) + place
            check = _found(level, min(LIMIT, total - offset), Level.STUDY, among)
            yield _search(level, Resource(), [_LIMITED, ("offset", str(offset))], check)

    return questions


def deep_by_cursor(level: Level) -> Questions:
    """The same places, each reached through the Link of the page before."""

    def questions(asked: Asked) -> Iterator[Question]:
        among = {study.uid for study in asked.studies}
        total = asked.instances if level is Level.INSTANCE else len(asked.studies)
        for place in range(20):
            offset = max(int(total * DEEP) + place - LIMIT, 0)
            left = total - LIMIT - offset
            if left <= 0:
                break  # so small an archive has no next page there
            check = _found(level, min(LIMIT, left), Level.STUDY, among)
            before = _search(level, Resource(), [_LIMITED, ("offset", str(offset))], check)
            yield replace(before, directly=_behind(level, offset), through=True)

    return questions


def _behind(level: Level, offset: int) -> Callable[[Archive], Callable[[Transaction], Sequence[Any]]]:
    def directly(archive: Archive) -> Callable[[Transaction], Sequence[Any]]:
        query, _ = queries.parse(DICOMWEB, level, Resource(), [_LIMITED, ("offset", str(offset))])
        with archive.index.read() as tx:
            place = index.places(tx, query)[-1]
        following = replace(query, offset=0, after=place)
        return lambda tx: [by_tag(match.found) for match in index.search(tx, following)]

    return directly


def of_study(asked: Asked) -> Iterator[Question]:
    for one in asked.some():
        check = _found(Level.SERIES, len(one.series), Level.SERIES, {series.uid for series in one.series})
        yield _search(Level.SERIES, Resource(one.uid), [("limit", "1000")], check)


def of_series(keys: Parameters = ()) -> Questions:
    def questions(asked: Asked) -> Iterator[Question]:
        for one in asked.some(lambda study: study.series[0].kind.modality == "CT"):
            series = one.series[0]
            check = _found(Level.INSTANCE, series.instances, Level.SERIES, {series.uid})
            yield _search(Level.INSTANCE, Resource(one.uid, series.uid), [*keys, ("limit", "1000")], check)

    return questions


def feed(*, metadata: bool) -> Questions:
    def questions(asked: Asked) -> Iterator[Question]:
        for place in range(20):
            after = int(asked.instances * place / 20)
            count = min(LIMIT, asked.instances - after)
            keys = [("since", str(after)), ("limit", str(LIMIT)), ("includemetadata", str(metadata).lower())]
            yield Question(
                f"/changefeed?{urlencode(keys)}", _changes(after, metadata=metadata), _numbered(after, count)
            )

    return questions


def _changes(after: int, *, metadata: bool) -> Callable[[Archive], Callable[[Transaction], Sequence[Any]]]:
    def fetch(tx: Transaction) -> Sequence[Any]:
        found = changes.fetch_after(tx, after, LARGEST_INTEGER, LIMIT, metadata=metadata)
        return [{"sequence": one.sequence, "metadata": one.metadata} for one in found]

    return lambda _: fetch


def _numbered(after: int, count: int) -> Callable[[Sequence[Any]], None]:
    """At least so many entries, without a gap: others may have stored meanwhile."""

    def check(answer: Sequence[Any]) -> None:
        found = [one["sequence"] for one in answer]
        if len(found) < count or found != list(range(after + 1, after + len(found) + 1)):
            raise WrongAnswerError("the page of the change feed has a gap or is of another place")

    return check


def questions(row: Row, asked: Asked) -> list[Question]:
    """Those of a row: a few dozen, so that no answer is asked for again and again."""
    return list(islice(row.questions(asked), MOST))
