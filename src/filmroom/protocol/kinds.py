"""The kinds of what can be asked for."""

from enum import Enum, auto


class Kind(Enum):
    """What is asked for. Every dialect has a table of offers for each kind that it serves."""

    STUDY = auto()  # all Instances of a Study or a Series
    INSTANCE = auto()
    FRAMES = auto()
    RENDERED = auto()
    RENDERED_MANY = auto()  # of a Study or a Series
    THUMBNAIL = auto()
    BULKDATA = auto()
    PIXELDATA = auto()  # all Frames of an Instance, or its video
    METADATA = auto()
    SEARCH = auto()
    PATIENTS = auto()  # found by a search
    STORE = auto()
    CAPABILITIES = auto()
    CHANGES = auto()  # of the change feed
    LATEST_CHANGE = auto()
    EVENTS = auto()
    OPERATION = auto()
    OPERATIONS = auto()  # the newest
    OPERATION_ERRORS = auto()  # items that one could not do
    CANCELLATION = auto()  # of an operation
    SWEEP = auto()  # the operation
    EXPORT = auto()  # the operation
    IMPORT = auto()  # the operation
    STARTED = auto()  # a reference to an operation
    UPDATE = auto()  # likewise, of an update
    QUERY_TAG = auto()
    QUERY_TAGS = auto()
    TAG_ERRORS = auto()  # of a query tag
    PARTITIONS = auto()
    URI = auto()  # an Instance by the URI Service (PS3.18 §9)
