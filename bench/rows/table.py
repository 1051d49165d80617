"""The table, and the goals: how many times as good as Orthanc, and what share of what the machine can do."""

from collections.abc import Iterator
from dataclasses import replace

from bench.data import KB_10, KB_530, MR, MULTI, MULTI_JPEG
from bench.rows import kept, metadata, rendering, retrieving, searching, storing
from bench.rows.row import FIRST_BYTE, LATENCY, MEMORY, RATE, THROUGHPUT, Row, several

AS_FAST = 1.2  # times as long: what is as fast as another, within what can be told apart

_STORE = (
    Row("store-10k-8", "Store 10 KB, 8 clients", RATE, 8, storing.store(KB_10, 800), goal=3),
    Row(
        "store-530k-1",
        "Store CT 527 KB, 1 client",
        RATE,
        1,
        storing.store(KB_530, 200),
        goal=1.5,
        limit=("fsync-530k-1", None),  # the bound: each store waits for the sync of the one before
    ),
    Row(
        "store-530k-16",
        "Store CT 527 KB, 16 clients",
        RATE,
        16,
        storing.store(KB_530, 400),
        goal=2.5,
        limit=("fsync-530k-16", 0.6),
    ),
    Row(
        "store-50",
        "Store CT 527 KB, 50 a request, 4 clients",
        several(50),
        4,
        storing.store(KB_530, 600, each=50),
        goal=2.5,
        limit=("fsync-530k-16", 0.6),  # a service may write those of a request at once
    ),
    Row(
        "store-mr-4",
        "Store MR 133 KB, 4 clients",
        RATE,
        4,
        storing.store(MR, 600),
        goal=2.5,
        limit=("fsync-131k-4", 0.6),
    ),
    Row("store-2g-time", "Store one 2 GB object", LATENCY, 1, storing.huge_store, rounds=2, goal=2),
    Row("store-2g", "Peak memory over idle, storing 2 GB", MEMORY, 1, storing.huge_store, rounds=1, most=300),
)
_METADATA = (
    Row("metadata-cold-200", "Metadata of 200 instances, cold", LATENCY, 1, metadata.cold(200), goal=40),
    Row(
        "metadata-warm-200",
        "Metadata of 200 instances, warm",
        LATENCY,
        1,
        metadata.warm(200),
        goal=2.5,
        like=("metadata-cold-200", AS_FAST),
    ),
    Row("metadata-cold-600", "Metadata of 600 instances, cold", LATENCY, 1, metadata.cold(600), goal=40),
    Row(
        "metadata-warm-600",
        "Metadata of 600 instances, warm",
        LATENCY,
        1,
        metadata.warm(600),
        goal=2.5,
        like=("metadata-cold-600", AS_FAST),
    ),
    Row("metadata-cold-1000", "Metadata of 1,000 instances, cold", LATENCY, 1, metadata.cold(1000), goal=40),
    Row(
        "metadata-warm-1000",
        "Metadata of 1,000 instances, warm",
        LATENCY,
        1,
        metadata.warm(1000),
        goal=2.5,
        like=("metadata-cold-1000", AS_FAST),
    ),
    Row("metadata-first", "First byte of Metadata of 1,000, cold", FIRST_BYTE, 1, metadata.cold(1000), most=30),
    Row("metadata-instance", "Metadata of one instance", LATENCY, 1, metadata.one_instance, goal=3),
)
_RETRIEVE = (
    Row(
        "instance-1",
        "One CT of 527 KB, 1 client",
        LATENCY,
        1,
        retrieving.instance,
        goal=2,
        limit=("static-530k-1", 0.5),
    ),
    Row(
        "instance-16",
        "One CT of 527 KB, 16 clients",
        RATE,
        16,
        retrieving.instance,
        goal=2,
        limit=("static-530k-16", 0.5),
    ),
    Row(
        "frame-first",
        "Frame of a CT, first touch",
        LATENCY,
        1,
        retrieving.first_frame,
        goal=2,
        like=("frame-1", AS_FAST),
    ),
    Row("frame-1", "Frame of a CT, 1 client", LATENCY, 1, retrieving.frame, goal=2),
    Row("frame-16", "Frame of a CT, 16 clients", RATE, 16, retrieving.frame, goal=2),
    Row(
        "multi-first",
        "Frame of 300, native, first touch",
        LATENCY,
        1,
        retrieving.first_touch(MULTI),
        goal=2,
        like=("multi-next", AS_FAST),
    ),
    Row("multi-next", "Frame of 300, native, next", LATENCY, 1, retrieving.next_touch(MULTI), goal=2),
    Row(
        "jpeg-first",
        "Frame of 300, JPEG, first touch",
        LATENCY,
        1,
        retrieving.first_touch(MULTI_JPEG),
        goal=2,
        like=("jpeg-next", AS_FAST),
    ),
    Row("jpeg-next", "Frame of 300, JPEG, next", LATENCY, 1, retrieving.next_touch(MULTI_JPEG), goal=2),
    Row(
        "series",
        "Series of 200 CT, 105 MB",
        THROUGHPUT,
        1,
        retrieving.whole_series,
        goal=1.2,
        limit=("loopback", 0.5),
    ),
    Row("study", "Study of 1,000 CT", THROUGHPUT, 1, retrieving.whole_study, goal=1.2, limit=("loopback", 0.5)),
    Row("study-first", "First byte of that Study", FIRST_BYTE, 1, retrieving.whole_study),
    Row("study-memory", "Peak memory over idle, sending it", MEMORY, 1, retrieving.whole_study, rounds=1),
)
_RENDERED = (
    Row("rendered-cold", "JPEG 512x512, cold, 8 clients", RATE, 8, rendering.cold(kept.series), goal=1.5),
    Row("rendered-warm", "JPEG 512x512, cached, 8 clients", RATE, 8, rendering.warm(kept.series), goal=5),
    Row("rendered-dx-cold", "JPEG of a DX, cold, 8 clients", RATE, 8, rendering.cold(kept.radiographs), goal=1.5),
    Row("rendered-dx-warm", "JPEG of a DX, cached, 8 clients", RATE, 8, rendering.warm(kept.radiographs), goal=5),
)
_SEARCHES = (
    ("patient", "PatientID", searching.patient, 5),
    ("date", "StudyDate, a week", searching.date, 5),
    ("name", "PatientName=F*, 25 found", searching.name, 5),
    ("modality", "ModalitiesInStudy, limit=25", searching.modality, 5),
    ("series", "Series of a Study, 5 found", searching.series_of_study, 5),
    ("100", "limit=100 of all Studies", searching.newest, 10),
)
_SEARCH = (
    *(
        row
        for name, title, prepare, goal in _SEARCHES
        for row in (
            Row(f"search-{name}-1", f"Search {title}, 1 client", LATENCY, 1, prepare, goal=goal),
            Row(f"search-{name}-16", f"Search {title}, 16 clients", RATE, 16, prepare, goal=goal),
        )
    ),
    Row("search-instances", "Search 200 instances of a Series", LATENCY, 1, searching.instances, goal=50),
)
_GROUPS = {
    "Store": _STORE,
    "Metadata": _METADATA,
    "Retrieve": _RETRIEVE,
    "Rendered": _RENDERED,
    "Search": _SEARCH,
}
ROWS = tuple(replace(row, group=group) for group, rows in _GROUPS.items() for row in rows)


def wanted(row: Row) -> Iterator[str]:
    """The goals of a row, in words."""
    if row.goal:
        yield f"{row.goal:g} x"
    if row.limit:
        probe, share = row.limit
        yield f"{share:.0%} of `{probe}`" if share else f"its share of `{probe}` is shown"
    if row.like:
        yield f"at most {row.like[1]:g} x of `{row.like[0]}`"
    if row.most:
        yield f"at most {row.most:,.0f} {row.unit.name}"
