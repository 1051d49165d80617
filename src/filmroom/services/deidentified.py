"""What is stored on its way out, de-identified: files, data sets, and what answers say of where they lie."""

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from filmroom.archive import Archive, reading
from filmroom.dicom import json_model, part10, uids
from filmroom.dicom.deidentification import Deidentification, files
from filmroom.dicom.deidentification.elements import of_json
from filmroom.dicom.json_model import Elements
from filmroom.dicom.resources import Resource
from filmroom.dicom.views import View
from filmroom.errors import BadRequest, Forbidden, NotFound
from filmroom.index.instances import StoredInstance
from filmroom.services.content import Content, Stream

IN_MEMORY = 4 << 20  # bytes of a file; larger ones go through the spool folder
LEFT_OUT = "It is a report or a document, which may name the patient anywhere: it can't be de-identified."


def profile(archive: Archive, name: str) -> Deidentification:
    """The profile of that name."""
    found = archive.profiles.get(name)
    if found is None:
        raise BadRequest(
            f"There is no profile of de-identification '{name}': the setting deidentification has none of that "
            f"name; there are {', '.join(sorted(archive.profiles))}."
        )
    return found


def seen(target: Resource, found: Sequence[StoredInstance]) -> list[StoredInstance]:
    """Those of the Instances of a target that may be seen; each carries the view on."""
    if target.view.deidentification is None:
        return [*found]
    shown = [
        replace(stored, resource=replace(stored.resource, view=target.view))
        for stored in found
        if not uids.is_document(stored.sop_class)
    ]
    if found and not shown:
        raise Forbidden(LEFT_OUT)
    return shown


def elements(view: View, found: Elements) -> Elements:
    """What is in a data set."""
    return found if view.deidentification is None else of_json(found, view.deidentification)


def metadata(profile: Deidentification, text: bytes) -> bytes:
    """The stored text of Metadata (`dicom.json_model`)."""
    return json_model.format(of_json(json_model.parse(text), profile), json_model.hidden(text))


def check_kept(view: View, found: Elements, path: str) -> None:
    """Refuse a bulk value that is not that of the data set any more."""
    *above, last = path.split("/")
    within = elements(view, found)
    for key, number in zip(above[::2], above[1::2], strict=True):
        items = json_model.items(within, key)
        within = items[int(number) - 1] if int(number) <= len(items) else {}
    if "BulkDataURI" not in within.get(last, {}):
        raise NotFound("The specified bulk value cannot be found.")


def hidden(view: View, content: Content) -> Content:
    """A content that is another version than the original, of which nothing says where that lies.

    Nor when it was stored, which mostly is soon after the patient was there.
    """
    profile = view.deidentification
    if profile is None:
        return content
    return replace(content, location=location(profile, content.location), profile=profile.mark, created=None)


def every(view: View, found: Stream) -> Stream:
    """The same of all contents of a message."""
    profile = view.deidentification
    if profile is None:
        return found
    version = None if found.version is None else f"{found.version}-{profile.mark}"
    return Stream(version, (hidden(view, content) for content in found.contents))


def several(view: View, found: list[Content] | Stream) -> list[Content] | Stream:
    """The same, however many they are."""
    return every(view, found) if isinstance(found, Stream) else [hidden(view, content) for content in found]


def location(profile: Deidentification, path: str) -> str:
    """A path under the root with pseudonyms in place of the UIDs."""
    parts = path.split("/")
    for place in range(1, len(parts) - 1, 2):
        if parts[place] not in {"studies", "series", "instances"}:
            break
        parts[place + 1] = profile.uid(parts[place + 1])
    return "/".join(parts)


def file(archive: Archive, view: View, content: Content) -> Content:
    """A file, whatever it is converted to before."""
    profile = view.deidentification
    if profile is None:
        return content

    def hide(made: Content) -> Content:
        chunks = written(archive, profile, made.chunks, archive.inflating)
        return replace(made, length=None, chunks=chunks, read=None)

    if content.convert is not None:
        return hidden(view, replace(content, convert=lambda: hide(content.ready()), length=None, read=None))
    return hidden(view, hide(content))


def written(
    archive: Archive,
    profile: Deidentification,
    content: Iterable[bytes],
    inflating: AbstractContextManager[object],
) -> Iterator[bytes]:
    """What becomes of the bytes of a file. `inflating` is held while a deflated one is in memory."""
    with reading(), _whole(archive, content) as buffer:
        head = part10.read_head(buffer)
        if head.deflated:
            with inflating:
                made = list(files.write(part10.read(buffer, head), profile))
            yield from made
        else:
            yield from files.write(part10.read(buffer, head), profile)


@contextmanager
def _whole(archive: Archive, content: Iterable[bytes]) -> Iterator[part10.Buffer]:
    """All of a file, in memory or in the spool folder."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(archive.spool)) as file:
        for chunk in content:
            file.write(chunk)
        if file.tell() <= IN_MEMORY:
            file.seek(0)
            yield file.read()
            return
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped
