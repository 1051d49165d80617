"""What can go wrong, as one tree. It knows no HTTP; `server/errors.py` maps it to statuses.

Error
    BadRequest              the request can't be understood or breaks a rule
        BadTarget           a UID, Frame number or path that is not well formed
        BadParameter        a query parameter or matching key
        BadAttributes       values that no update can give to attributes
        BadFile             bytes that are not a readable PS3.10 file
    NotFound                no such Study, Series, Instance, Frame, bulk value
    Conflict                the state of what is stored forbids it
        AtWork              an operation that is not done yet
    NotAcceptable           nothing that is acceptable can be sent
        Unsuited            this media type can't hold it; another one may
        Unconvertible       a codec can't decode the pixel data, or not bring them into what was asked for
    UnsupportedMediaType    a body of a kind that is not understood
    PreconditionFailed      what is stored is not the version that the request is about
    NotSatisfiable          a range of bytes that is not there
    TooLarge                a part or a request above the limit
    Unauthenticated         nobody knows who asks
    TooMany                 one client asks for more at once than it may
    Forbidden               the user may not do this
        NoRole              no role of who asks allows it
    Unavailable             the index, the blob store or a worker did not answer, or the disk is full
        TookTooLong         the work on the pixel data was given up
        Unreadable          one file can't be read, whatever becomes of the others
        Replaced            another Instance has taken the place of the one that was found
        Misconfigured       what the settings say can't be done
    Lost                    the file of a stored Instance is missing or damaged

A message is one sentence for a person: what was wrong, named in DICOM words, and what would be right.
It never holds a patient's name or identifier.
"""

from collections.abc import Sequence


class Error(Exception):
    """The root of all errors that Filmroom raises on purpose."""


class BadRequest(Error):
    """The request can't be understood, or breaks a rule of the Standard or of the dialect."""


class BadTarget(BadRequest):
    """A UID, a Frame number or a path is not well formed."""


class BadParameter(BadRequest):
    """A query parameter or a matching key is unknown, or its value is not valid."""


class BadAttributes(BadRequest):
    """An update of attributes that can't be, or to values that can't be; `problems` are tags and messages."""

    def __init__(self, message: str, problems: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class BadFile(BadRequest):
    """The bytes are not a PS3.10 file, are cut off, or are built to do harm."""


class NotFound(Error):
    """There is no such Study, Series, Instance, Frame or bulk value."""


class Conflict(Error):
    """The state of what is stored forbids the change."""


class AtWork(Conflict):
    """An operation of the same kind is at work; `operation` is its id."""

    def __init__(self, message: str, operation: str = "") -> None:
        super().__init__(message)
        self.operation = operation


class NotAcceptable(Error):
    """Nothing that the request accepts can be sent."""


class PreconditionFailed(Error):
    """What is stored is not, or no longer, the version that the request is about."""


class Unsuited(NotAcceptable):
    """A file of this media type can't hold what is asked for; one of another may."""


class Unconvertible(NotAcceptable):
    """A codec can't decode these pixel data, or can't bring them into what was asked for. The message says why."""


class NotSatisfiable(Error):
    """The range of bytes that is asked for begins after the end; `length` is how many bytes there are."""

    def __init__(self, message: str, length: int = 0) -> None:
        super().__init__(message)
        self.length = length


class UnsupportedMediaType(Error):
    """The body is of a media type that is not understood here."""


class TooLarge(Error):
    """A part or a request is above the limit."""


class Unauthenticated(Error):
    """Nobody knows who asks; `problem` is the word of RFC 6750 §3.1 for what was given, "" if nothing was."""

    def __init__(self, message: str, problem: str = "invalid_token") -> None:
        super().__init__(message)
        self.problem = problem


class TooMany(Error):
    """One client has more under way than it may, or asks too often; `wait` is in how many seconds it may again."""

    def __init__(self, message: str, wait: int = 0) -> None:
        super().__init__(message)
        self.wait = wait


class Forbidden(Error):
    """The user may not do this."""


class NoRole(Forbidden):
    """No role of who asks allows it; another token might."""


class Unavailable(Error):
    """The index, the blob store or a worker did not answer, or the disk is full. Trying again later may help."""


class TookTooLong(Unavailable):
    """The work on the pixel data was given up after the time that it may take."""


class Unreadable(Unavailable):
    """One file of the blob store can't be read, of a bad sector or an object that is archived; others may be."""


class Replaced(Unavailable):
    """Between finding an Instance and reading it, another one has taken its place."""


class Misconfigured(Unavailable):
    """What the settings say can't be done, until somebody corrects them."""


class Lost(Error):
    """The file of a stored Instance is missing, cut off or damaged. Trying again won't help; a backup will."""


class Unforeseen(RuntimeError):
    """A mistake of ours in a worker process, no part of the tree. It tells type and place; values it does not quote."""
