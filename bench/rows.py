"""The rows of the table: what each stores beforehand, asks for, checks and counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import median

from bench import checks
from bench.client import Answer, Check, Task, Timing
from bench.data import GB_2, KB_10, KB_131, KB_530, MB_262, Instance, Shape, new_run
from bench.processes import Meter, Usage
from bench.service import DICOM, JPEG, JSON, OCTETS, Service

SERIES = 600
STUDY = 1000
STUDIES = 1000
STEP = 7919  # a prime: n * STEP walks through all of a series or all studies in no particular order
MR = Shape(64, 64, modality="MR")
_CENTERS = count(1)  # of windows, of which no round asks for the same again


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    rounds: int
    seconds: float  # of each round that repeats a reading
    stores: float  # factor on the number of instances that the store rows store


FULL = Scale(rounds=5, seconds=2, stores=1)
QUICK = Scale(rounds=1, seconds=1, stores=0.4)


@dataclass(frozen=True, slots=True)
class Work:
    """One round's requests: the n-th task, and how many; None is as many as the time allows."""

    task: Callable[[int], Task]
    count: int | None = None
    after: Task | None = None  # asked once and not measured


@dataclass(frozen=True, slots=True)
class Unit:
    """What a row counts."""

    name: str
    more_is_better: bool
    figure: Callable[[Timing, Usage, Meter], float]
    needs_memory: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `prepare` is called before each round and is not measured."""

    name: str
    title: str
    unit: Unit
    clients: int
    prepare: Callable[[Service, Scale], Work]
    rounds: int | None = None  # at most


def _memory(_: Timing, usage: Usage, meter: Meter) -> float:
    return ((usage.peak_shared or 0) - (meter.idle or 0)) / 1e6


RATE = Unit("/s", True, lambda timing, _, __: len(timing.latencies) / timing.seconds)
LATENCY = Unit("ms", False, lambda timing, _, __: median(timing.latencies) * 1e3)
FIRST_BYTE = Unit("ms", False, lambda timing, _, __: median(timing.first) * 1e3)
THROUGHPUT = Unit("MB/s", True, lambda timing, _, __: timing.received / timing.seconds / 1e6)
MEMORY = Unit("MB", False, _memory, needs_memory=True)


def new_series(at: Service, shape: Shape, count: int) -> list[Instance]:
    """The instances of a new Study of one Series, not yet stored."""
    study = at.new_study()
    return [Instance(shape, at.run, study, 0, number) for number in range(count)]


def series(at: Service) -> list[Instance]:
    """The Series of 600 that the reading rows share."""
    return _kept(at, "series", lambda: new_series(at, KB_131, SERIES))


def studies(at: Service) -> list[Instance]:
    """The 1,000 Studies of one instance that the searching rows share; one in ten is MR."""
    return _kept(at, "studies", _new_studies)


def _new_studies() -> list[Instance]:
    run = new_run()  # names of their own, so that it is known what a search must find
    return [Instance(KB_10 if number % 10 else MR, run, number, 0, 0) for number in range(STUDIES)]


def _kept(at: Service, name: str, make: Callable[[], list[Instance]]) -> list[Instance]:
    if name not in at.kept:
        made = make()
        at.store_all(made)
        at.kept[name] = made
    return at.kept[name]


def store(shape: Shape, count: int) -> Callable[[Service, Scale], Work]:
    """Store `count` instances of a new Series, one a request; afterwards all must be there."""

    def prepare(at: Service, scale: Scale) -> Work:
        instances = new_series(at, shape, max(8, round(count * scale.stores)))
        tasks = [at.store(one) for one in instances]
        return Work(tasks.__getitem__, len(tasks), after=_series_metadata(at, instances)(0))

    return prepare


def cold_metadata(at: Service, _: Scale) -> Work:
    """The Metadata of a Series that nobody has read since it was stored."""
    at.kept.pop("series", None)
    return Work(_series_metadata(at, series(at)), 1)


def warm_metadata(at: Service, _: Scale) -> Work:
    """The Metadata of a Series that was read before."""
    task = _series_metadata(at, series(at))
    at.ask(task(0))
    return Work(task)


def _series_metadata(at: Service, instances: Sequence[Instance]) -> Callable[[int], Task]:
    path = instances[0].series_path + "/metadata"

    def task(number: int) -> Task:
        if number == 0:  # looking at all of it takes long
            return at.get(path, JSON, lambda answer: checks.metadata(answer, instances))
        return at.get(path, JSON, lambda answer: checks.datasets(answer, "00080018", len(instances)))

    return task


def instance_metadata(at: Service, _: Scale) -> Work:
    """The Metadata of one instance after the other."""
    return _each(at, "/metadata", JSON, lambda one: lambda answer: checks.metadata(answer, [one]))


def instance(at: Service, _: Scale) -> Work:
    """One instance after the other."""
    return _each(at, "", DICOM, lambda one: _is(tuple(one.pieces())))


def frame(at: Service, _: Scale) -> Work:
    """The only Frame of one instance after the other."""
    return _each(at, "/frames/1", OCTETS, lambda one: _is(one.frame(1)))


def _each(at: Service, suffix: str, accept: str, check: Callable[[Instance], Check]) -> Work:
    tasks = [at.get(one.path + suffix, accept, check(one)) for one in series(at)]
    return Work(lambda number: tasks[number * STEP % SERIES])


def _is(*contents: Sequence[bytes]) -> Check:
    return lambda answer: checks.parts(answer, contents)


def rendered_cold(at: Service, _: Scale) -> Work:
    """An image of one instance after the other, each in a window that nobody has asked for before."""
    instances = series(at)

    def task(number: int) -> Task:
        path = instances[number * STEP % SERIES].path
        return at.get(f"{path}/rendered?window={next(_CENTERS)},400,linear", JPEG, checks.jpeg)

    return Work(task)


def rendered_warm(at: Service, _: Scale) -> Work:
    """An image that was asked for before."""
    tasks = [at.get(f"{one.path}/rendered?window=40,400,linear", JPEG, checks.jpeg) for one in series(at)[:20]]
    for task in tasks:
        at.ask(task)
    return Work(lambda number: tasks[number % len(tasks)])


def whole_series(at: Service, _: Scale) -> Work:
    """All instances of a Series in one answer."""
    instances = series(at)
    task = at.get(instances[0].series_path, DICOM, _is(*(tuple(one.pieces()) for one in instances)))
    at.ask(task)  # the client's buffer grows
    return Work(lambda _: task)


def whole_study(at: Service, _: Scale) -> Work:
    """All instances of a Study of 1,000 in one answer."""
    instances = _kept(at, "study", lambda: new_series(at, KB_131, STUDY))
    task = at.get(
        instances[0].series_path.partition("/series")[0], DICOM, _is(*(tuple(one.pieces()) for one in instances))
    )
    return Work(lambda _: task)


def large_store(at: Service, _: Scale) -> Work:
    """One object of many Frames."""
    task = at.store(new_series(at, MB_262, 1)[0])
    return Work(lambda _: task, 1)


def first_touch(at: Service, _: Scale) -> Work:
    """The last Frame of a large object that was only just stored."""
    at.kept.pop("multi-frame", None)
    return Work(_last_frame(at, _multi_frame(at)), 1)


def next_touch(at: Service, _: Scale) -> Work:
    """The last Frame of a large object again."""
    task = _last_frame(at, _multi_frame(at))
    at.ask(task(0))
    return Work(task)


def _multi_frame(at: Service) -> Instance:
    return _kept(at, "multi-frame", lambda: new_series(at, MB_262, 1))[0]


def _last_frame(at: Service, one: Instance) -> Callable[[int], Task]:
    last = one.shape.frames
    path = f"{one.path}/frames/{last}"
    return lambda _: at.get(path, OCTETS, _is(one.frame(last)))


def huge_store(at: Service, _: Scale) -> Work:
    """One object that nobody wants whole in memory; afterwards its last Frame must be right."""
    [one] = new_series(at, GB_2, 1)
    return Work(lambda _: at.store(one), 1, _last_frame(at, one)(0))


def search_patient(at: Service, _: Scale) -> Work:
    """Studies by Patient ID: one is found."""

    def task(one: Instance) -> Task:
        return at.search(f"PatientID={one.patient}", lambda answer: checks.studies(answer, {one.uids[0]}, 1))

    tasks = [task(one) for one in studies(at)]
    return Work(lambda number: tasks[number * STEP % STUDIES])


def search_all(at: Service, _: Scale) -> Work:
    """A hundred Studies, whichever."""
    studies(at)
    return Work(lambda _: at.search("limit=100", lambda answer: checks.studies(answer, None, 100)))


def search_name(at: Service, _: Scale) -> Work:
    """Studies by the beginning of the Patient's Name: 25 are found."""
    families: dict[str, set[str]] = {}
    for one in studies(at):
        families.setdefault(one.family, set()).add(one.uids[0])
    found = sorted(families.items())

    def task(number: int) -> Task:
        family, expected = found[number * STEP % len(found)]
        return at.search(f"PatientName={family}*", lambda answer: checks.studies(answer, expected, 25))

    return Work(task)


def search_modality(at: Service, _: Scale) -> Work:
    """The first 25 Studies that have a Series of a modality."""
    studies(at)

    def check(answer: Answer) -> None:
        checks.studies(answer, None, 25)
        checks.has_modality(answer, "MR")

    return Work(lambda _: at.search("ModalitiesInStudy=MR&limit=25", check))


ROWS = (
    Row("store-10k-8", "Store 10 KB, 8 clients", RATE, 8, store(KB_10, 800)),
    Row("store-131k-1", "Store 131 KB, 1 client", RATE, 1, store(KB_131, 300)),
    Row("store-131k-8", "Store 131 KB, 8 clients", RATE, 8, store(KB_131, 600)),
    Row("store-530k-1", "Store 530 KB, 1 client", RATE, 1, store(KB_530, 200)),
    Row("store-530k-8", "Store 530 KB, 8 clients", RATE, 8, store(KB_530, 400)),
    Row("store-262m", "Store one 262 MB object", LATENCY, 1, large_store),
    Row("metadata-cold", "Metadata of 600 instances, never read before", LATENCY, 1, cold_metadata),
    Row("metadata-warm", "Metadata of 600 instances, read before", LATENCY, 1, warm_metadata),
    Row("metadata-instance", "Metadata of one instance", LATENCY, 1, instance_metadata),
    Row("instance-1", "One instance of 131 KB, 1 client", LATENCY, 1, instance),
    Row("instance-8", "One instance of 131 KB, 8 clients", RATE, 8, instance),
    Row("frame-1", "One Frame of 131 KB, 1 client", LATENCY, 1, frame),
    Row("frame-8", "One Frame of 131 KB, 8 clients", RATE, 8, frame),
    Row("rendered-cold", "JPEG of one instance, never asked for before, 8 clients", RATE, 8, rendered_cold),
    Row("rendered-warm", "JPEG of one instance, asked for before, 8 clients", RATE, 8, rendered_warm),
    Row("series", "Series of 600 x 131 KB", THROUGHPUT, 1, whole_series),
    Row("study-first", "First byte of a Study of 1,000 x 131 KB", FIRST_BYTE, 1, whole_study),
    Row("study-memory", "Peak memory over idle, sending that Study", MEMORY, 1, whole_study, rounds=1),
    Row("last-frame-first", "Last Frame of a 262 MB object, first touch", LATENCY, 1, first_touch),
    Row("last-frame-next", "Last Frame of a 262 MB object, next", LATENCY, 1, next_touch),
    Row("search-patient-1", "Search PatientID, 1 client", LATENCY, 1, search_patient),
    Row("search-patient-8", "Search PatientID, 8 clients", RATE, 8, search_patient),
    Row("search-100", "Search limit=100 of 1,000 Studies", LATENCY, 1, search_all),
    Row("search-name", "Search PatientName=F*, 25 found", LATENCY, 1, search_name),
    Row("search-modality", "Search ModalitiesInStudy, limit=25", LATENCY, 1, search_modality),
    Row("store-2g", "Peak memory over idle, storing one 2 GB object", MEMORY, 1, huge_store, rounds=1),
)
