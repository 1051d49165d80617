"""Files that were read, written de-identified (PS3.15 Annex E): what is kept is copied, pixel data too.

All else is written anew: preamble, File Meta Information, lengths, and each attribute once, so that nothing is left of
what stood between the attributes or behind them. The Transfer Syntax stays.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from filmroom.dicom import json_model, rewrite
from filmroom.dicom.deidentification.elements import Cleaner, subject
from filmroom.dicom.deidentification.profile import Deidentification
from filmroom.dicom.part10 import DataSet, File
from filmroom.dicom.rewrite import Encoding, Value, padded
from filmroom.dicom.values import COMPONENT_GROUPS

_MEDIA_STORAGE_SOP_CLASS, _SOP_CLASS, _SOP_INSTANCE = 0x00020002, 0x00080016, 0x00080018


def write(file: File, profile: Deidentification) -> Iterator[bytes]:
    """The bytes of the file, de-identified, in pieces."""
    decoded = json_model.write(file).elements
    cleaner, encoding = Cleaner(profile, subject(decoded)), Encoding(file.transfer_syntax)

    def edit(_: DataSet, model: Mapping[str, Any], depth: int) -> Mapping[int, Value | None]:
        changes = cleaner.changes(model, depth)
        return {int(key, 16): None if new is None else _value(encoding, new) for key, new in changes.items()}

    sop_class = file.meta.get(_MEDIA_STORAGE_SOP_CLASS) or str(json_model.first(decoded, _SOP_CLASS) or "").strip(" \0")
    instance = profile.uid(str(json_model.first(decoded, _SOP_INSTANCE) or ""))
    yield rewrite.file_meta({}, sop_class, instance, file.transfer_syntax)
    written = rewrite.data_set(file, decoded, file.transfer_syntax, edit)
    yield from rewrite.deflated(written) if file.transfer_syntax.deflated else written


def _value(encoding: Encoding, element: Mapping[str, Any]) -> Value:
    raw = _raw(encoding, element)
    return Value(element["vr"], len(raw), (raw,))


def _raw(encoding: Encoding, element: Mapping[str, Any]) -> bytes:
    """The value of an attribute that is text, a sequence of such, or bytes: the new ones are, and are ASCII."""
    if "InlineBinary" in element:
        return base64.b64decode(element["InlineBinary"])
    values = element.get("Value", [])
    if element["vr"] == "SQ":
        return b"".join(_item(encoding, item) for item in values)
    texts = (
        "=".join(value.get(group, "") for group in COMPONENT_GROUPS).rstrip("=") if isinstance(value, dict) else value
        for value in values
    )
    return padded(element["vr"], "\\".join(texts).encode())


def _item(encoding: Encoding, item: Mapping[str, Any]) -> bytes:
    content = b"".join(
        encoding.element(int(key, 16), element["vr"], _raw(encoding, element)) for key, element in item.items()
    )
    return encoding.item(len(content)) + content
