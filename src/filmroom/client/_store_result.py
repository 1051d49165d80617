"""What became of each Instance of a store, read from the answers of PS3.18 §10.5.3."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydicom.dataset import Dataset

from filmroom.client._folders import PassedOver
from filmroom.client._sources import Source, Unreadable
from filmroom.client.exceptions import ClientError

# PS3.18 Table I.2-2 and PS3.4 Table B.2-1 (first value of a range of 256 or 4096), and what Azure adds.
REASONS: Mapping[int, str] = {
    0x0001: "one or more attributes are not valid and can't be searched",
    0x0110: "the service failed while processing it",
    0x0111: "its SOP Instance UID is in use",
    0x0117: "its SOP Instance UID is not valid",
    0x0122: "its SOP Class is not supported",
    0x0124: "not authorized",
    0xA700: "out of resources",
    0xA900: "the data set does not match its SOP Class, or is not valid",
    0xA901: "its Study Instance UID is not that of the request",
    0xB00E: "it is stored already",
    0xB00F: "it is being stored by somebody else",
    0xB000: "attributes were coerced",
    0xB006: "elements were discarded",
    0xB007: "the data set does not match its SOP Class",
    0xC000: "it can't be understood",
    0xC122: "its Transfer Syntax is not supported",
}
# What stands before an Error Comment of Azure: "DICOM100: (0020,000d) - "
_FRAME = re.compile(r"^DICOM\d+: (?:\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\) - )?")
FAILURES = ("FailedSOPSequence", "OtherFailuresSequence")
ALREADY_STORED = 0xB00E
UNREPORTED = "the answer does not mention it"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one Instance.

    status            "stored", "warning" (stored, but not as it came or not without doubt) or "failed"
    sop_instance_uid  None when neither the answer nor the File Meta Information tells it
    sop_class_uid     None when the answer does not tell it
    number            position in what was given, files of folders counted; None when it can't be told
    path              the file it came from, when it came from one
    retrieve_url      where it can be retrieved, when the answer says so
    code              Failure Reason (0008,1197) or Warning Reason (0008,1196)
    reason            the code in words, or the error that kept it from being stored; empty when all is well
    comments          what the service says of single attributes (Error Comment (0000,0902))
    """

    status: Literal["stored", "warning", "failed"]
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    number: int | None = None
    path: Path | None = None
    retrieve_url: str | None = None
    code: int | None = None
    reason: str = ""
    comments: tuple[str, ...] = ()

    @property
    def explanation(self) -> str:
        """Why, for a person: the service's comments where it gives some, else the reason. Empty when all is well."""
        return "; ".join(dict.fromkeys(_FRAME.sub("", text) for text in self.comments if text)) or self.reason


class StoreResult(Dataset):
    """What became of every Instance of a store. `outcomes` tells it one by one, in the order in which they were given.

    It is also the Dataset of the answers (ReferencedSOPSequence, FailedSOPSequence, …; several answers joined), as
    dicomweb-client returns it. `responses` has them one by one; `warnings` the texts of their Warning headers;
    `passed_over` how many files and links of the given folders were not sent.
    """

    def __init__(
        self,
        outcomes: Sequence[Outcome],
        responses: Sequence[Dataset],
        warnings: Sequence[str],
        passed_over: PassedOver | None = None,
    ) -> None:
        super().__init__(_joined(responses))
        self.outcomes = tuple(sorted(outcomes, key=lambda outcome: (outcome.number is None, outcome.number or 0)))
        self.responses = tuple(responses)
        self.warnings = tuple(dict.fromkeys(warnings))
        self.passed_over = passed_over or PassedOver()

    @property
    def stored(self) -> list[Outcome]:
        """The Instances that are stored now, with or without a warning."""
        return [outcome for outcome in self.outcomes if outcome.status != "failed"]

    @property
    def warned(self) -> list[Outcome]:
        """The Instances that are stored with a warning."""
        return [outcome for outcome in self.outcomes if outcome.status == "warning"]

    @property
    def failed(self) -> list[Outcome]:
        """The Instances that are not stored."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]


def _joined(responses: Sequence[Dataset]) -> Dataset:
    """One data set of several: sequences one after the other, of everything else the first."""
    joined = Dataset()
    for response in responses:
        for element in response:
            if element.tag not in joined:
                joined.add(element if element.VR != "SQ" else type(element)(element.tag, "SQ", list(element.value)))
            elif element.VR == "SQ":
                joined[element.tag].value.extend(element.value)
    return joined


def unreadable(source: Unreadable) -> Outcome:
    """The Outcome of something that could not be sent."""
    return Outcome("failed", number=source.number, path=source.path, reason=source.reason)


def refused(sources: Iterable[Source], error: ClientError) -> list[Outcome]:
    """The Outcomes of a request that failed as a whole."""
    return [Outcome("failed", s.uid, number=s.number, path=s.path, reason=str(error)) for s in sources]


def of_answer(
    sources: Sequence[Source], response: Dataset, succeeded: bool
) -> tuple[list[Outcome], list[Outcome], list[Source]]:
    """The Outcomes of an answer; those of them that no source can be told for; the sources that may be theirs."""
    found = list(_reported(response))
    waiting = list(sources)
    outcomes, strangers = [], []
    for outcome in found:
        match = next((source for source in waiting if source.uid and source.uid == outcome.sop_instance_uid), None)
        if match is None:
            strangers.append(outcome)
        else:
            waiting.remove(match)
            outcomes.append(_of_source(outcome, match))
    if strangers and len(strangers) == len(waiting) and _in_order(strangers, response):
        return outcomes + list(map(_of_source, strangers, waiting)), [], []
    if strangers and waiting and len(sources) > 1 and all(source.again for source in waiting):
        return outcomes, strangers, waiting
    unreported = _unreported(waiting[len(strangers) :], all_well=succeeded and not found)
    return outcomes + strangers + unreported, [], []


def confirmed(outcome: Outcome, strangers: Iterable[Outcome]) -> Outcome:
    """The Outcome of an Instance that was sent once more: one that had been stored the first time is in its own way."""
    stored = {stranger.sop_instance_uid: stranger for stranger in strangers if stranger.status != "failed"}
    first = stored.get(outcome.sop_instance_uid) if outcome.code == ALREADY_STORED else None
    return outcome if first is None else replace(first, number=outcome.number, path=outcome.path)


def _in_order(strangers: Sequence[Outcome], response: Dataset) -> bool:
    """Whether the order of these Outcomes is that in which the Instances were sent, or does not matter.

    It is not known how items of different sequences follow one another.
    """
    sequences = sum(bool(response.get(keyword)) for keyword in FAILURES)
    kinds = {outcome.status == "failed" for outcome in strangers}
    return len(kinds) == 1 and (kinds == {False} or sequences == 1)


def _of_source(outcome: Outcome, source: Source) -> Outcome:
    return replace(
        outcome,
        sop_instance_uid=outcome.sop_instance_uid or source.uid,
        number=source.number,
        path=source.path,
    )


def _unreported(sources: Iterable[Source], all_well: bool) -> list[Outcome]:
    """Some services answer a store that wholly succeeded with nothing at all."""
    status: Literal["stored", "failed"] = "stored" if all_well else "failed"
    reason = "" if all_well else UNREPORTED
    return [Outcome(status, source.uid, number=source.number, path=source.path, reason=reason) for source in sources]


def _reported(response: Dataset) -> Iterator[Outcome]:
    """The items of PS3.18 Table 10.5.3-1: Referenced SOP, Failed SOP and Other Failures Sequence."""
    for item in response.get("ReferencedSOPSequence") or ():
        code = item.get("WarningReason")
        yield _outcome(item, "stored" if code is None else "warning", code)
    for keyword in FAILURES:
        for item in response.get(keyword) or ():
            yield _outcome(item, "failed", item.get("FailureReason"))


def _outcome(item: Dataset, status: Literal["stored", "warning", "failed"], code: Any) -> Outcome:
    number = code if isinstance(code, int) else None
    comments = tuple(str(entry.get("ErrorComment", "")) for entry in item.get("FailedAttributesSequence") or ())
    return Outcome(
        status,
        _text(item, "ReferencedSOPInstanceUID"),
        _text(item, "ReferencedSOPClassUID"),
        retrieve_url=_text(item, "RetrieveURL"),
        code=number,
        reason="" if status == "stored" else reason(number),
        comments=comments,
    )


def _text(item: Dataset, keyword: str) -> str | None:
    return str(item.get(keyword) or "").strip(" \0") or None


def reason(code: int | None) -> str:
    """A Failure or Warning Reason in words."""
    if code is None:
        return "the service gave no reason"
    first = next((value for value in (code, code & 0xFF00, code & 0xF000) if value in REASONS), None)
    return f"unknown reason {code}" if first is None else REASONS[first]
