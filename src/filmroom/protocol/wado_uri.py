"""The query of the URI Service (PS3.18 §9): text in, a `UriRequest` out, refusals that say what would be right."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from filmroom.dicom.presentation import Presentation, Viewport
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.errors import BadParameter, BadTarget
from filmroom.protocol import media_types, rendering, targets

_UIDS = ("studyUID", "seriesUID", "objectUID")
REQUIRED = frozenset({"requestType", *_UIDS})
NAMES = (
    "requestType", *_UIDS, "contentType", "charset", "transferSyntax", "anonymize", "annotation", "rows", "columns",
    "region", "windowCenter", "windowWidth", "imageQuality", "frameNumber", "presentationSeriesUID", "presentationUID",
)  # fmt: skip

# Never passed over: an answer without them would be taken for what was asked for.
_REFUSED: Mapping[str, str] = {
    "presentationUID": "'presentationUID' is not supported: no image is rendered through a Presentation State.",
    "presentationSeriesUID": "'presentationSeriesUID' is not supported: no image is rendered through a "
    "Presentation State.",
}
_INTEGER = re.compile(r"\s*([0-9]{1,9})\s*")
_SYNTAX = re.compile(r"[0-9.]{1,64}|\*")


@dataclass(frozen=True, slots=True)
class UriRequest:
    """What is asked for. What is None is the service's to choose."""

    target: Resource
    accept: str | None  # the media types as in Accept, which then does not count
    frame: int | None = None  # the first, or the document
    quality: int = 100
    window: tuple[float, float] | None = None  # center and width
    rows: int | None = None  # of the image, at most
    columns: int | None = None
    region: tuple[float, float, float, float] | None = None  # left, top, right, bottom; 1 is the whole width or height
    annotation: tuple[str, ...] = ()  # patient, technique

    @property
    def presentation(self) -> Presentation:
        """How the image is to look."""
        window = (*self.window, "LINEAR") if self.window else None
        if not (self.rows or self.columns or self.region):
            return Presentation(self.quality, window, annotation=self.annotation)
        left, top, right, bottom = self.region or (0.0, 0.0, 1.0, 1.0)
        viewport = Viewport(self.columns, self.rows, left, top, right - left, bottom - top, relative=True)
        return Presentation(self.quality, window, viewport, self.annotation)


def parse(parameters: Iterable[tuple[str, str]], partition: int = DEFAULT_PARTITION) -> UriRequest:
    """What the percent-decoded parameters ask for. Names are case-sensitive; unknown ones are passed over (§9.1.2)."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in NAMES and given.setdefault(name, value) != value:
            raise BadParameter(f"The query parameter '{name}' is given twice, with different values.")
    if given.get("requestType") != "WADO":
        raise BadParameter("The query parameter 'requestType' must be WADO (PS3.18 §9.1.2.1.1).")
    for name, refusal in _REFUSED.items():
        if given.get(name):
            raise BadParameter(f"The query parameter {refusal}")
    if given.get("anonymize", "no").strip().lower() not in {"no", ""}:
        raise BadParameter(
            "The query parameter 'anonymize' is not supported: "
            "what is stored is shown de-identified by a role or a share link."
        )
    return UriRequest(
        target=_target(given, partition),
        accept=_accept(given),
        frame=_integer(given, "frameNumber", 2**31 - 1),
        quality=_integer(given, "imageQuality", 100) or 100,
        window=_window(given),
        rows=_integer(given, "rows", rendering.LONGEST_SIDE),
        columns=_integer(given, "columns", rendering.LONGEST_SIDE),
        region=_region(given.get("region")),
        annotation=_annotation(given.get("annotation")),
    )


def _target(given: Mapping[str, str], partition: int) -> Resource:
    for name in _UIDS:
        if not given.get(name, "").strip():
            raise BadTarget(f"The query parameter '{name}' is missing: an Instance is named by {', '.join(_UIDS)}.")
    study, series, instance = (given[name] for name in _UIDS)
    return targets.resource(study, series, instance, partition)


def _accept(given: Mapping[str, str]) -> str | None:
    """The media types of `contentType`, those of DICOM files with the Transfer Syntax of `transferSyntax`."""
    syntax = given.get("transferSyntax", "").strip()
    if syntax and not _SYNTAX.fullmatch(syntax):
        raise BadParameter("The query parameter 'transferSyntax' must be the UID of a Transfer Syntax, or *.")
    asked = media_types.parse_accept([given.get("contentType", "").replace(" ", "+")])
    if not asked and syntax:
        raise BadParameter("The query parameter 'transferSyntax' wants contentType=application/dicom.")
    values = []
    for value in asked:
        own = value.parameters.get("transfer-syntax", syntax if value.type.startswith("application/") else "")
        values.append(f"{value.type};q={value.q}" + (f";transfer-syntax={own}" if own else ""))
    return ", ".join(values) or None


def _integer(given: Mapping[str, str], name: str, most: int) -> int | None:
    text = given.get(name)
    if not text:
        return None
    found = _INTEGER.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= most:
        raise BadParameter(f"The query parameter '{name}' must be an integer from 1 to {most}.")
    return int(found[1])


def _numbers(name: str, text: str) -> list[float]:
    try:
        numbers = [float(one) for one in text.split(",")]
    except ValueError:
        numbers = [math.nan]
    if not all(map(math.isfinite, numbers)):
        raise BadParameter(f"The query parameter '{name}' must hold decimal numbers.")
    return numbers


def _window(given: Mapping[str, str]) -> tuple[float, float] | None:
    texts = [given.get(name) for name in ("windowCenter", "windowWidth")]
    if not any(texts):
        return None
    if not all(texts):
        raise BadParameter("The query parameters 'windowCenter' and 'windowWidth' only come together.")
    (center,), (width,) = (_numbers("windowCenter, windowWidth", f"{text}")[:1] for text in texts)
    if width <= 0:
        raise BadParameter("The query parameter 'windowWidth' must be above 0.")
    return center, width


def _region(text: str | None) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    numbers = _numbers("region", text)
    if len(numbers) == 4:
        left, top, right, bottom = numbers
        if 0 <= left < right <= 1 and 0 <= top < bottom <= 1:
            return left, top, right, bottom
    raise BadParameter(
        "The query parameter 'region' must be left,top,right,bottom: four numbers from 0 to 1, "
        "as in 0.25,0.25,0.75,0.75."
    )


def _annotation(text: str | None) -> tuple[str, ...]:
    asked = [one.strip() for one in (text or "").split(",") if one.strip()]
    if not set(asked) <= set(rendering.ANNOTATIONS):
        raise BadParameter(f"The query parameter 'annotation' is a list of: {', '.join(rendering.ANNOTATIONS)}.")
    return tuple(dict.fromkeys(asked))
