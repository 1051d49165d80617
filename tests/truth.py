"""What must be so of every archive, asked from outside: searches, Metadata and the change feed tell one story."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.messages import values

ROOT = "/dicomweb"
INSTANCES, OF_SERIES, SERIES, MODALITIES = "00201208", "00201209", "00201206", "00080061"
STUDY_UID, SERIES_UID, INSTANCE_UID, MODALITY = "0020000D", "0020000E", "00080018", "00080060"
UIDS = (STUDY_UID, SERIES_UID, INSTANCE_UID)
PAGE = 100

Path = tuple[str, ...]  # the UIDs of an Instance, its Series and its Study


def check(http: httpx2.Client) -> list[dict[str, Any]]:
    """Fail where two answers of a service that nobody writes to do not agree; gives the change feed."""
    there = {path for study in found(http, "/studies") for path in _check_study(http, study)}
    listed = [_path(match) for match in found(http, "/instances")]
    assert Counter(listed) == Counter(there)
    entries = feed(http)
    _check_feed(entries, there)
    return entries


def found(http: httpx2.Client, path: str) -> Iterator[dict[str, Any]]:
    """What a search finds, page by page."""
    offset = 0
    while page := http.get(ROOT + path, params={"offset": offset, "limit": PAGE}).raise_for_status().json():
        yield from page
        offset += len(page)


def feed(http: httpx2.Client) -> list[dict[str, Any]]:
    """The change feed as programs of the Azure service's v1 follow it: by sequences, each page from the last one on."""
    entries: list[dict[str, Any]] = []
    while page := _page(http, entries[-1]["sequence"] if entries else 0):
        entries += page
    return entries


def path_of(entry: dict[str, Any]) -> Path:
    """The UIDs that an entry of the change feed is about."""
    return entry["studyInstanceUid"], entry["seriesInstanceUid"], entry["sopInstanceUid"]


def _page(http: httpx2.Client, after: int) -> list[dict[str, Any]]:
    asked = f"/v1/changefeed?offset={after}&limit={PAGE}&includeMetadata=false"
    page: list[dict[str, Any]] = http.get(asked).raise_for_status().json()
    return page


def _check_study(http: httpx2.Client, study: dict[str, Any]) -> set[Path]:
    """What a search says of a Study and its Series is what their Metadata hold; gives its Instances."""
    [uid] = values(study, STUDY_UID)
    metadata = http.get(f"{ROOT}/studies/{uid}/metadata").raise_for_status().json()
    paths = [_path(one) for one in metadata]
    series = Counter(values(one, SERIES_UID)[0] for one in metadata)
    assert len(set(paths)) == len(paths)
    assert values(study, INSTANCES) == [len(paths)]
    assert values(study, SERIES) == [len(series)]
    listed = list(found(http, f"/studies/{uid}/series"))
    assert {values(one, SERIES_UID)[0]: values(one, OF_SERIES) for one in listed} == {
        one: [count] for one, count in series.items()
    }
    assert set(values(study, MODALITIES)) == {text for one in listed for text in values(one, MODALITY)}
    return set(paths)


def _check_feed(entries: list[dict[str, Any]], there: set[Path]) -> None:
    """The feed has no gap, is in order of time, and who replays it has what is there."""
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["timestamp"] for entry in entries] == sorted(entry["timestamp"] for entry in entries)
    last: dict[Path, int] = {}
    for entry in entries:
        path = path_of(entry)
        before = entries[last[path]]["action"] if path in last else "Delete"
        assert (entry["action"] == "Create") == (before == "Delete")
        last[path] = entry["sequence"] - 1
    assert {path for path, place in last.items() if entries[place]["action"] != "Delete"} == there
    for place, entry in enumerate(entries):
        newest = last[path_of(entry)]
        replaced = "Current" if newest == place else "Replaced"
        assert entry["state"] == ("Deleted" if entries[newest]["action"] == "Delete" else replaced)


def _path(match: dict[str, Any]) -> Path:
    return tuple(values(match, key)[0] for key in UIDS)
