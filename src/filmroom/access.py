"""Who asks, and what they may do: the data actions that roles grant (Azure §12), and where.

What somebody may do is decided in three steps, each by what knows enough for it:

(1) the action            `server/admission`, by the row of the method in the table: a role must grant it
(2) the data partition    there, too: a role may be for some of them
(3) the Studies           the index, by the view that goes with the target (`dicom/views`)
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum

DEFAULT_PARTITION_NAME = "Microsoft.Default"


class Action(StrEnum):
    """A data action, as the Azure service names them; those from `import` on are ours."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    TAGS = "manageExtendedQueryTags"
    EXPORT = "export"
    IMPORT = "import"
    UPDATE = "update"
    METRICS = "metrics"
    ADMIN = "admin"  # sweeps, ends of operations, share links


class Reach(Enum):
    """How far a method sees."""

    VIEW = "view"  # what the roles show
    PARTITION = "partition"  # a data partition, whole
    PARTITIONS = "partitions"  # those that the roles show whole; nothing of the others
    OWN = "own"  # the same, and what who asks has begun themselves
    SERVICE = "service"  # everything
    NOTHING = "nothing"  # nothing that is stored


_WHOLE = frozenset({Reach.PARTITION, Reach.PARTITIONS, Reach.SERVICE})


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role allows.

    actions       what may be done
    partitions    the names of the data partitions in which; none: in all
    studies       the search that finds the Studies that may be seen, "InstitutionName=North"; "": all
    deidentified  the name of the profile by which what is seen is de-identified; "": as it is stored
    """

    actions: frozenset[Action]
    partitions: tuple[str, ...] = ()
    studies: str = ""
    deidentified: str = ""

    @property
    def whole(self) -> bool:
        """Whether everything of its partitions is seen as it is stored."""
        return not (self.studies or self.deidentified)


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody who is known, and what the roles allow.

    name  what people call them: it may change, and others may have the same
    id    what tells them from everybody else, for good: "token:5b1c22f0", "link:…", or the issuer and the subject of a
          provider's tokens, which OpenID Connect Core §5.7 has nobody else share; "": nobody in particular
    """

    name: str
    roles: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()
    id: str = ""

    def reaching(self, action: Action, reach: Reach, partition: str | None = None) -> tuple[Grant, ...]:
        """The grants of an action, in a data partition or in any, with which a method may see so far."""
        grants = self.grants_for(action, partition)
        if reach in _WHOLE:
            grants = tuple(one for one in grants if one.whole)
        if reach is Reach.SERVICE:
            grants = tuple(one for one in grants if not one.partitions)
        return grants

    def grants_for(self, action: Action, partition: str | None = None) -> tuple[Grant, ...]:
        """The grants of an action, in a data partition or in any."""
        return tuple(
            one
            for one in self.grants
            if action in one.actions and (partition is None or not one.partitions or partition in one.partitions)
        )

    def narrowed(self, partitions: Collection[str]) -> "Access":
        """The same in some data partitions alone."""
        return replace(self, grants=tuple(_narrowed(self.grants, partitions)))


def _narrowed(grants: Iterable[Grant], partitions: Collection[str]) -> Iterable[Grant]:
    for one in grants:
        left = tuple(name for name in partitions if not one.partitions or name in one.partitions)
        if left:
            yield replace(one, partitions=left)


@dataclass(frozen=True, slots=True)
class Roles:
    """What roles allow, by their names, and which one has whoever is known and has none of these."""

    grants: Mapping[str, Grant]
    default: str | None = None

    def access(self, name: str, named: Iterable[str], id_: str = "") -> Access:
        """What somebody may do who has the roles that are `named`."""
        given = tuple(dict.fromkeys(named))
        known = tuple(role for role in given if role in self.grants)
        if not known and self.default is not None:
            given = known = (self.default,)
        return Access(name, given, tuple(self.grants[role] for role in known), id_)


ALL_ACTIONS = frozenset(Action)
READER = Grant(frozenset({Action.READ}))
WRITER = Grant(frozenset({Action.READ, Action.WRITE}))
OWNER = Grant(ALL_ACTIONS)
MONITOR = Grant(frozenset({Action.METRICS}))

# Roles that are there without being set up, by the names of ours, of the archived server and of the managed service.
BUILT_IN = {
    "reader": READER,
    "writer": WRITER,
    "admin": OWNER,
    "monitor": MONITOR,
    "globalReader": READER,
    "globalAdmin": OWNER,
    "DICOM Data Reader": READER,
    "DICOM Data Owner": OWNER,
}

_OF_SOME = frozenset({Action.READ, Action.EXPORT})  # what heeds a view, and changes nothing
_SETTINGS = frozenset({"actions", "partitions", "studies", "deidentified"})

ANYBODY = Access("anonymous", grants=(OWNER,))  # where nobody has to say who they are


def roles(value: object) -> dict[str, Grant]:
    """What roles allow, from a table of tables, as settings have it. ValueError says what is wrong with it."""
    if not isinstance(value, dict) or not all(isinstance(one, dict | Grant) for one in value.values()):
        raise ValueError('it must be a table of roles, such as [roles.north] with actions = ["read"]')
    return {name: one if isinstance(one, Grant) else _grant(name, one) for name, one in value.items()}


def _grant(name: str, given: dict[str, object]) -> Grant:
    unknown = given.keys() - _SETTINGS
    if unknown:
        raise ValueError(
            f"the role {name} has '{min(unknown)}'; it takes actions, partitions, studies and deidentified"
        )
    actions = frozenset(_strings(name, "actions", given))
    if "*" in actions:
        actions = ALL_ACTIONS
    if not actions or not actions <= ALL_ACTIONS:
        raise ValueError(f"the actions of the role {name} must be some of: {', '.join(Action)}, or *")
    studies, profile = (" ".join(_strings(name, key, given)) for key in ("studies", "deidentified"))
    limited = _OF_SOME if profile else _OF_SOME | {Action.DELETE} if studies else ALL_ACTIONS
    if not actions <= limited:
        raise ValueError(
            f"the role {name} must have no action but read and export, and with studies alone delete: "
            "who sees some Studies, or what is de-identified, can do no more"
        )
    return Grant(frozenset(map(Action, actions)), tuple(_strings(name, "partitions", given)), studies, profile)


def _strings(role: str, key: str, given: dict[str, object]) -> list[str]:
    value = given.get(key, [])
    if isinstance(value, str):
        return [value] if key == "studies" and value else value.split()
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"'{key}' of the role {role} must be text, or a list of texts")
    return list(value)
