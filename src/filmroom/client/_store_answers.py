"""The data set of the answer to a store: what names its Instances, and nothing that only looks like a success."""

import re

from pydicom.dataset import Dataset

from filmroom.client._answers import Answer, datasets, error, refuse_page
from filmroom.client.exceptions import BadResponse

# PS3.18 Table 10.5.3-1: Failed SOP, Referenced SOP and Other Failures Sequence.
SEQUENCES = ("FailedSOPSequence", "ReferencedSOPSequence", "OtherFailuresSequence")
# Of the Native DICOM Model (PS3.19 §A.1), which a service may prefer to the JSON that it was asked for.
_UID = re.compile(rb'tag="00081155"[^>]*>\s*<Value[^>]*>\s*([0-9.]+)\s*</Value>')
_FAILURES = re.compile(rb'tag="(?:00081198|0008119A)"[^>]*[^/]>', re.IGNORECASE)


def response_of(answer: Answer) -> Dataset:
    """The data set of an answer that tells of single Instances: a success, or a 409 (PS3.18 Table 10.5.3-2).

    It is empty when the answer is, with which some services say that all went well.
    """
    if answer.succeeded:
        return _of_success(answer)
    failure = error(answer)
    if answer.status == 409 and isinstance(failure.payload, Dataset):
        return failure.payload
    raise failure


def _of_success(answer: Answer) -> Dataset:
    text = answer.content.strip()
    if not text:
        return Dataset()
    refuse_page(answer)
    if text.startswith(b"<"):
        return _of_xml(text)
    found = datasets(answer)
    if not any(item.get(keyword) for item in found for keyword in SEQUENCES):
        raise BadResponse("The answer to a store names no Instance, so it is not known whether anything is stored.")
    return found[0]


def _of_xml(text: bytes) -> Dataset:
    """What is stored; of failures the whole text would have to be understood."""
    uids = _UID.findall(text)
    if b"NativeDicomModel" not in text or not uids or _FAILURES.search(text):
        raise BadResponse("The answer to a store is XML that does not say that all is stored; JSON was asked for.")
    made = Dataset()
    made.ReferencedSOPSequence = [_item(uid.decode("ascii")) for uid in uids]
    return made


def _item(uid: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPInstanceUID = uid
    return made
