"""Images that a service leaves out, without a word, of what it renders of a study or a series (PS3.18 §10.4.1.1.3)."""

from collections.abc import Collection
from typing import Any

from filmroom.cli.exits import NOT_ALL, stop
from filmroom.client import BadResponse, Client, ResponseError
from filmroom.dicom.resources import Resource

SERIES, INSTANCE, ROWS = "0020000E", "00080018", "00280010"


def check(client: Client, target: Resource, rendered: Collection[str]) -> None:
    """End the program if there are images besides these SOP Instance UIDs, where the service can be searched."""
    images = _images(client, target)
    missing = [one for one in images if one.instance not in rendered]
    if missing:
        stop(
            f"images left out: {len(missing)} of {len(images)}, such as {missing[0].path}: "
            "render that alone to see why",
            NOT_ALL,
        )


def _images(client: Client, target: Resource) -> list[Resource]:
    """What has Rows."""
    try:
        found = client.search_for_instances(target.study, target.series, fields=["Rows"], get_remaining=True)
    except (ResponseError, BadResponse):
        return []
    return [
        Resource(target.study, target.series or _value(one, SERIES), _value(one, INSTANCE))
        for one in found.json
        if _value(one, ROWS)
    ]


def _value(elements: dict[str, Any], key: str) -> str:
    return str((elements.get(key, {}).get("Value") or [""])[0])
