"""The tables of the reference that are made from the code. `scripts/tables` writes them anew; a test compares."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from filmroom import metrics
from filmroom.dicom import attributes
from filmroom.dicom.query_tags import BUILT_IN
from filmroom.dicom.resources import Level
from filmroom.protocol.dialects import ALL, DICOMWEB
from filmroom.protocol.negotiation import STORED, Kind, Offer
from filmroom.protocol.offers import DICOM
from filmroom.server import exposition, methods, table

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_MADE = re.compile(r"(<!-- made from the code: (?P<name>[\w-]+) -->\n)(?P<text>.*?)(<!-- end -->)", re.DOTALL)
_KINDS = {
    Kind.STUDY: "a Study, a Series, an Instance",
    Kind.FRAMES: "Frames",
    Kind.BULKDATA: "Bulkdata",
    Kind.PIXELDATA: "Pixel Data",
    Kind.RENDERED: "Rendered",
    Kind.THUMBNAIL: "Thumbnail",
    Kind.METADATA: "Metadata",
    Kind.SEARCH: "Search",
    Kind.STORE: "response of a store",
    Kind.CAPABILITIES: "Capabilities",
    Kind.URI: "an Instance by URI",
}


def _rows(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _path(path: str) -> str:
    return f"`{path.replace(':path', '')}`"


def _routes() -> Iterator[str]:
    def roots(method: methods.Method) -> str:
        served = [dialect.root for dialect in ALL if method.served(dialect)]
        return "all" if len(served) == len(ALL) else ", ".join(f"`{root}`" for root in served)

    rows = (
        (one.verb, _path(one.path), one.name, roots(one), f"§{one.section}" if one.section else "")
        for one in (*table.METHODS, *table.OF_PARTITIONS)
    )
    return _rows(("method", "path", "transaction", "roots", "PS3.18"), rows)


def _media_types() -> Iterator[str]:
    rows = (
        (name, _forms(offer), *(_syntaxes(offer) if _coded(kind, offer) else ("", "")))
        for kind, name in _KINDS.items()
        for offer in DICOMWEB.offers[kind].named
    )
    return _rows(("resource", "`Accept`", "Transfer Syntax if none is named", "others that may be"), rows)


def _forms(offer: Offer) -> str:
    forms = {True: f'`multipart/related; type="{offer.media_type}"`', False: f"`{offer.media_type}`"}
    return ", ".join(forms[multipart] for multipart in sorted(offer.payloads, reverse=True))


def _coded(kind: Kind, offer: Offer) -> bool:
    """Whether what is sent is in a Transfer Syntax."""
    return kind in {Kind.STUDY, Kind.FRAMES, Kind.BULKDATA} or offer.media_type == DICOM


def _syntaxes(offer: Offer) -> tuple[str, str]:
    default = ("as stored" if offer.default[0] == STORED else offer.default[0]) + " or as stored" * offer.fallback
    if offer.allowed is None:
        return default, "`*`, any that can be made"
    return default, ", ".join(["`*`", *sorted(offer.allowed - {offer.default[0]})])


def _keys() -> Iterator[str]:
    names: dict[Level, list[str]] = {level: [] for level in Level}
    for tag, level in DICOMWEB.matching_keys.items():
        names[level].append(attributes.keyword(tag) or attributes.key(tag))
    for built_in in BUILT_IN:
        names[built_in.level].append(built_in.name)
    return _rows(
        ("level and below", "matching keys"), ((level.name.lower(), ", ".join(names[level])) for level in Level)
    )


def _uri() -> Iterator[str]:
    rows = (
        (f"`{name}`", methods.find(name).text, "required" if name in method.required else "")
        for method in table.METHODS
        if method.kind is Kind.URI
        for name in method.parameters
    )
    return _rows(("parameter", "says", ""), rows)


def _statuses() -> Iterator[str]:
    def listed(statuses: Iterable[int]) -> str:
        return ", ".join(map(str, statuses))

    rows = (
        (
            f"{one.verb} {_path(one.path)}",
            listed(methods.successes(one, DICOMWEB)),
            listed(methods.failures(one, DICOMWEB)),
        )
        for one in table.methods(DICOMWEB, partitions=False)
    )
    return _rows(("transaction", "success", "refused or failed"), rows)


def _metrics() -> Iterator[str]:
    rows = [(f"filmroom_{name}", "gauge", labels, text) for name, (text, labels) in exposition.GAUGES.items()]
    for one in vars(metrics).values():
        if isinstance(one, MetricWrapperBase):
            (family,) = one.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            rows.append((name, family.type, one._labelnames, family.documentation))
    listed = ((f"`{name}`", kind, ", ".join(f"`{one}`" for one in of), text) for name, kind, of, text in sorted(rows))
    return _rows(("metric", "kind", "labels", "says"), listed)


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "routes": _routes,
    "media-types": _media_types,
    "matching-keys": _keys,
    "uri-parameters": _uri,
    "statuses": _statuses,
    "metrics": _metrics,
}


def renewed(text: str) -> str:
    """A document with its tables as they are now."""
    return _MADE.sub(lambda found: found[1] + "\n".join(TABLES[found["name"]]()) + "\n" + found[4], text)


def write() -> None:
    """Write the tables of all documents anew."""
    for document in sorted(REFERENCE.glob("*.md")):
        document.write_text(renewed(document.read_text()))


if __name__ == "__main__":
    write()
