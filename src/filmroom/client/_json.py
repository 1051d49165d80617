"""Data sets of the DICOM JSON Model (PS3.18 Annex F) as pydicom Datasets.

pydicom can do this too, but it judges each value by the rules of its VR and says so. What a service has stored is
taken as it is here, as it is when a file is read.
"""

import base64
from typing import Any
from urllib.parse import urljoin

from pydicom import config
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.jsonrep import convert_to_python_number
from pydicom.tag import BaseTag

from filmroom.client.exceptions import BadResponse
from filmroom.dicom.json_model import single

Json = dict[str, Any]

# PS3.5 §6.2: the VRs whose values are bytes.
BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")  # PS3.18 §F.2.2, in the order of PS3.5 §6.2.1.1


class Bulkdata(bytes):
    """A binary value that was not sent with the Metadata: no bytes, but the URL at which they are.

    `client.retrieve_bulkdata(dataset.PixelData.url)` gets them.
    """

    url: str

    def __new__(cls, url: str) -> "Bulkdata":
        """An empty value whose bytes are at `url`."""
        made = super().__new__(cls)
        made.url = url
        return made


def dataset(json: Json, url: str = "") -> Dataset:
    """One data set. `url` is where it came from: a relative BulkDataURI is resolved by it."""
    try:
        return _dataset(json, url)
    except (AttributeError, IndexError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise BadResponse("The answer holds a data set that does not follow the DICOM JSON Model.") from error


def _dataset(json: Json, url: str) -> Dataset:
    made = Dataset()
    for name, element in json.items():
        tag = BaseTag(_tag(name))
        made[tag] = _element(tag, element, url)
    return made


def _tag(name: str) -> int:
    """Eight hexadecimal digits, or a keyword: Microsoft's client, and services tried with it, write keywords."""
    tag = tag_for_keyword(name)
    if tag is None and len(name) != 8:
        raise KeyError(name)
    return int(name, 16) if tag is None else tag


def _element(tag: BaseTag, element: Json, url: str) -> DataElement | RawDataElement:
    vr = element["vr"]
    value = _value(vr, element, url)
    if vr == "UN" and isinstance(value, bytes) and value:
        # Left to pydicom, which may know the attribute: such values are Implicit VR Little Endian (PS3.5 §6.2.2).
        return RawDataElement(tag, vr, len(value), value, 0, True, True)
    return DataElement(tag, vr, value, already_converted=isinstance(value, Bulkdata), validation_mode=config.IGNORE)


def _value(vr: str, element: Json, url: str) -> Any:
    """The value of an element, however it stands there. Azure puts InlineBinary into an array, as PS3.18 §F.4 does."""
    if vr == "SQ":
        return [_dataset(item or {}, url) for item in element.get("Value", ())]
    if "InlineBinary" in element:
        return base64.b64decode(single(element["InlineBinary"]))
    if "BulkDataURI" in element:
        uri = single(element["BulkDataURI"])
        return Bulkdata(urljoin(url, uri)) if vr in BINARY else empty_value_for_VR(vr)
    values = element.get("Value", [])
    if not isinstance(values, list):
        raise TypeError(vr)
    made = [empty_value_for_VR(vr) if value is None else _converted(vr, value) for value in values]
    return made[0] if len(made) == 1 else made or empty_value_for_VR(vr)


def _converted(vr: str, value: Any) -> Any:
    """One value as pydicom wants it."""
    if vr == "PN" and isinstance(value, dict):
        return "=".join(value.get(group, "") for group in NAME_GROUPS).rstrip("=")
    if vr == "AT":
        return int(value, 16) if value else None
    return convert_to_python_number(value, vr)
