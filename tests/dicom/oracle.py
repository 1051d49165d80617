"""One plain form for what Filmroom and what pydicom find in a file, so that they can be compared."""

import base64
import io
import warnings
from contextlib import suppress
from typing import Any

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from filmroom.dicom import json_model, part10
from filmroom.dicom.values import COMPONENT_GROUPS

Plain = dict[str, tuple[str, Any]]  # key -> VR and values, bytes or Items


def ours(content: part10.Buffer) -> Plain:
    """What Filmroom reads. Bulk data are taken from the places that the Model names."""
    file = part10.read(content)
    model = json_model.write(file)
    return _plain(model.elements, model.bulk, file.buffer)


def theirs(content: bytes) -> Plain:
    """What pydicom reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return plain(pydicom.dcmread(io.BytesIO(content), force=True))


def plain(data_set: Dataset) -> Plain:
    """The plain form of a pydicom data set."""
    return {
        f"{element.tag:08X}": (str(element.VR), _their_value(element)) for element in data_set if element.tag.element
    }


def _plain(
    elements: json_model.Elements, bulk: dict[str, json_model.Bulk], buffer: part10.Buffer, path: str = ""
) -> Plain:
    found: Plain = {}
    for key, element in elements.items():
        value: Any
        if element["vr"] == "SQ":
            items = enumerate(element.get("Value", []), 1)
            value = [_plain(item, bulk, buffer, f"{path}{key}/{number}/") for number, item in items]
        elif "BulkDataURI" in element:
            assert element["BulkDataURI"] == f"bulkdata/{path}{key}"
            place = bulk[path + key]
            assert place.vr == element["vr"]
            value = bytes(buffer[place.offset : place.offset + place.length])
        elif "InlineBinary" in element:
            value = base64.b64decode(element["InlineBinary"])
        else:
            value = [_stripped(value) for value in element.get("Value", [])]
        found[key] = element["vr"], value
    return found


def _their_value(element: DataElement) -> Any:
    if element.VR == "SQ":
        return [plain(item) for item in element.value]
    if element.is_empty:
        return []
    if isinstance(element.value, bytes):
        return element.value
    values = element.value if isinstance(element.value, MultiValue | list) else [element.value]
    if element.VR == "PN":
        return [_stripped(dict(zip(COMPONENT_GROUPS, name.components, strict=False))) for name in values]
    with suppress(TypeError, ValueError):  # not numbers though the VR is IS or DS
        values = element.to_json_dict(None, 0)["Value"]
    return [_stripped(value) for value in values]


def _stripped(value: Any) -> Any:
    """Without padding, which pydicom removes and Azure keeps; empty is None; empty component groups do not count."""
    if isinstance(value, dict):
        return {group: text.rstrip(" \0") for group, text in value.items() if text.rstrip(" \0")} or None
    return value.rstrip(" \0") or None if isinstance(value, str) else value
