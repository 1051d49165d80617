"""What the service says of requests that it refuses, as data: the Azure service's sentences, and plain ones.

Each is a template for `str.format`. What stands in braces may stand in any of the sentences for the same mistake.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """The sentences of one dialect."""

    uids: tuple[str, str, str]  # how the UIDs of Study, Series and Instance are called
    uid: str  # name
    no_frame: str
    frame_number: str  # text
    missing_frame: str  # number, count
    no_frames: str
    no_quality: str  # text
    quality: str  # text
    number: str  # keyword, path (eight digits), value, kind
    instant: str  # keyword, kind, form, example, text (of one end of a range), value (all that was written)
    order: str  # keyword, kind, value, first, last
    no_ends: str
    offset: str  # keyword, value
    timezone: str  # text
    parameter: str  # name, parameter, text, smallest, largest
    flag: str  # name, parameter, text
    moment: str  # name, parameter, text
    no_zone: str  # name, parameter, text
    repeated: str  # name
    content_type: str  # content_type
    no_operation: str
    no_export: str
    partitions_off: str
    which_partition: str
    partition_name: str
    no_partition: str
    forbidden: str  # "": what exactly is not allowed


AZURE = Wording(
    uids=("StudyInstanceUid", "SeriesInstanceUid", "SopInstanceUid"),
    uid=(
        "Dicom element '{name}' failed validation for VR 'UI': DICOM Identifier is invalid. "
        "Value length should not exceed the maximum length of 64 characters. "
        "Value should contain characters in '0'-'9' and '.'. "
        "Each component must start with non-zero number."
    ),
    no_frame=(
        "The specified frames value is not valid. At least one frame must be present, "
        "and all requested frames must have value greater than 0."
    ),
    frame_number="The query parameter 'frames' is invalid. Unable to parse value '{text}' as Int32.",
    missing_frame="The specified frame cannot be found.",
    no_frames="The specified frame cannot be found.",
    no_quality="The query parameter 'quality' is invalid. The value '{text}' is not an integer.",
    quality="Image quality must be between 1 and 100 inclusive",
    number=(
        "Invalid query: specified value '{value}' extended query tag with path '{path}' is not a valid {kind} value."
    ),
    instant=(
        "Invalid query: specified {kind} value '{text}' is invalid for attribute '{keyword}'. "
        "{kind} should be valid and formatted as {form}."
    ),
    order=(
        "Invalid query: specified {kind} range '{value}' is invalid.\n"
        "The first part {kind} {first} should be lesser than or equal to the second part {kind} {last}."
    ),
    no_ends="Invalid query: specified range is invalid.\nBoth parts in the range cannot be empty.",
    offset="Invalid query: specified DateTime value '{value}' contains offset which is not supported.",
    timezone="Invalid query: specified timezone offset '{text}' is not supported.",
    parameter="The query parameter '{name}' is invalid. The field {name} must be between {smallest} and {largest}.",
    flag=(
        "The query parameter '{name}' is invalid. The value '{text}' is not valid for {name}: it must be true or false."
    ),
    moment="The query parameter '{name}' is invalid. The value '{text}' is not valid for {name}.",
    no_zone="The query parameter '{name}' is invalid. Date and time value must specify a time zone.",
    repeated=(
        "Invalid QIDO-RS query. Duplicate AttributeId '{name}'. Each attribute is only allowed to be specified once."
    ),
    content_type="The specified content type '{content_type}' is not supported.",
    no_operation="",
    no_export="",
    partitions_off="Data partitions feature is disabled.",
    which_partition="PartitionName value is missing in the route segment.",
    partition_name="The specified PartitionName is invalid. ",  # as that service says it, with the blank
    no_partition="Specified PartitionName does not exist.",
    forbidden="Authorization failed.",
)
_QUALITY = "The query parameter 'quality' must be a whole number from 1 to 100, and '{text}' is none."
STANDARD = Wording(
    uids=("Study Instance UID", "Series Instance UID", "SOP Instance UID"),
    uid="The {name} is not a UID: a UID is digits and dots, 64 characters at most.",
    no_frame="No Frame is named: Frame numbers begin at 1, as in /frames/1 or /frames/1,3.",
    frame_number="'{text}' is not a Frame number: they are whole numbers from 1, as in /frames/1 or /frames/1,3.",
    missing_frame="There is no Frame {number}: the Instance has {count}.",
    no_frames=(
        "There is no Frame that could be sent alone: the Instance has no pixel data, or none of which it is known "
        "where a Frame begins. Ask for /pixeldata, which sends a video, or for the Instance."
    ),
    no_quality=_QUALITY,
    quality=_QUALITY,
    number="{keyword} is searched by a number, and '{value}' is none.",
    instant="'{value}' is not a value to search {keyword} by: write {example}, or a range such as {example}-.",
    order="The range '{value}' of {keyword} ends before it begins: write the earlier value first.",
    no_ends="A range needs a beginning or an end: 20260101-20260331, 20260101- or -20260331.",
    offset="{keyword} can't be searched by a value with an offset from UTC, as in '{value}': leave the offset out.",
    timezone="TimezoneOffsetFromUTC must be the timezone of the matching keys, such as +0100, and '{text}' is none.",
    parameter="{parameter} must be a whole number from {smallest} to {largest}, and '{text}' is none.",
    flag="{parameter} must be true or false, and '{text}' is neither.",
    moment="{parameter} must be a date and a time such as 2026-01-31T09:00:00Z, and '{text}' is none.",
    no_zone="{parameter} must say its time zone: is {text}Z meant?",
    repeated="{name} is given more than once, but one value alone can be searched by: name it once.",
    content_type=(
        "A body of the type '{content_type}' can't be stored: send application/dicom, "
        'or multipart/related; type="application/dicom" with parts of application/dicom.'
    ),
    no_operation="There is no operation of this id: none was started, or it ended long ago.",
    no_export="There are no exports here: the setting export_to names no places that they may go to.",
    partitions_off="There are no data partitions here: leave /partitions/… out of the path.",
    which_partition="Name the data partition in the path, as in /partitions/Microsoft.Default/studies.",
    partition_name="The name of a data partition is 1 to 64 letters of a to z, digits, hyphens, dots and underscores.",
    no_partition="There is no data partition of this name: a store makes it.",
    forbidden="",
)
