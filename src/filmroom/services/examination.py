"""What a file brings to the index: it is read once and checked, and all that its rows need is taken from it.

A store does so with what it receives, and so does everything else that makes rows of files.
"""

import hashlib
import mmap
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filmroom.archive import Archive, spooling
from filmroom.dicom import attributes, frames, json_model, part10, query_tags, store_response, validation
from filmroom.dicom.resources import Resource
from filmroom.dicom.search_attributes import HELD
from filmroom.dicom.store_response import Outcome
from filmroom.dicom.validation import Rules
from filmroom.errors import BadFile
from filmroom.index.additions import NewInstance
from filmroom.index.query_tags import Tags

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E

# All that rows need; the rest of a large data set is not to wait in memory for the other parts.
_HELD = sorted({attributes.key(tag) for tags in HELD.values() for tag in tags})


@dataclass(frozen=True, slots=True)
class Part:
    """One received part: its bytes, or the file in the spool folder that holds them."""

    content: bytes | bytearray | Path
    length: int
    digest: bytes | None = None  # SHA-256; taken while spooling, so that a large file is not read again

    def discard(self) -> None:
        """Remove the file in the spool folder, unless it has been moved into the archive."""
        if isinstance(self.content, Path):
            self.content.unlink(missing_ok=True)


@dataclass(slots=True)
class Candidate:
    """A part that was read and checked. What can't be stored has no `new`."""

    part: Part
    outcome: Outcome
    new: NewInstance | None = None
    multiple_values: bool = False


def part(content: bytes) -> Part:
    """A part whose bytes are in memory."""
    return Part(content, len(content))


def spooled(archive: Archive, chunks: Iterable[bytes]) -> Part:
    """A part that is written to the spool folder as its chunks come. Whoever gets it discards it in the end."""
    path, digest, length = archive.spool / uuid.uuid4().hex, hashlib.sha256(), 0
    try:
        with spooling(), path.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                length += len(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Part(path, length, digest.digest())


def examine(
    archive: Archive,
    rules: Rules,
    target: Resource,
    part: Part,
    key: str,
    tags: Tags,
    hidden: frozenset[str] | None = None,
) -> Candidate:
    """Read one part and check it, for the file to be stored under a key; `tags` are the query tags to look for.

    `hidden` are the attributes that Metadata and searches leave out; None leaves that to the rules.
    """
    with ExitStack() as held:
        buffer = held.enter_context(_bytes(part.content))
        try:
            head = part10.read_head(buffer)
            if head.deflated:
                held.enter_context(archive.inflating)
            file = part10.read(buffer, head)
            model = json_model.write(file)
        except BadFile as error:
            problem = validation.Problem(0, str(error))
            return Candidate(part, Outcome(failure=store_response.VALIDATION_FAILED, problems=(problem,)))
        findings = validation.check(file, model, rules, target.study, tags.tags)
        sop_class, study, series, instance = (
            validation.uid(file, model, tag) for tag in (SOP_CLASS, STUDY, SERIES, SOP_INSTANCE)
        )
        outcome = Outcome(sop_class, study, series, instance)
        if findings.errors:
            problems = (*findings.errors, *findings.warnings)
            return Candidate(part, store_response.refuse(outcome, store_response.VALIDATION_FAILED, problems))
        hidden = validation.hidden(findings, rules) if hidden is None else hidden
        new = NewInstance(
            resource=Resource(study, series, instance, target.partition),
            sop_class=sop_class or "",
            transfer_syntax=file.transfer_syntax.uid,
            complete=file.complete,
            key=key,
            length=part.length,
            digest=part.digest or hashlib.sha256(buffer).digest(),
            elements={key: model.elements[key] for key in _HELD if key in model.elements and key not in hidden},
            metadata=json_model.format(model.elements, hidden),
            frames=frames.locate(file, model.elements),
            bulk=model.bulk,
            tags=tags.version,
            values=query_tags.extract(tags.tags, model.elements, hidden),
        )
    return Candidate(part, store_response.warn(outcome, findings), new, findings.multiple_values)


@contextmanager
def _bytes(content: bytes | bytearray | Path) -> Iterator[part10.Buffer]:
    """The bytes to read: a spooled file is mapped, so that pixel data never enters memory."""
    if not isinstance(content, Path):
        yield content
    elif not content.stat().st_size:
        yield b""  # an empty file can't be mapped
    else:
        with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
