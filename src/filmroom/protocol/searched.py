"""What a search is about while its parameters are read: where it looks, how, and what it can't heed."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from filmroom.dicom import query_tags
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import BadParameter
from filmroom.protocol.dialects import Dialect

_MOST_WARNINGS = 10

Tags = Callable[[], Sequence[QueryTag]]  # asked only for a key that rows have no column for

SEQUENTIAL = "Sequential dicom tags are currently not supported."  # in the words of the Azure service


@dataclass(frozen=True, slots=True)
class Searched:
    """What is searched, and the warnings so far."""

    dialect: Dialect
    level: Level
    scope: Resource
    tags: Tags
    warnings: list[str] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """The level of the resource searched in; 0 is everything."""
        return 0 if self.scope.study is None else self.scope.level

    def takes(self, level: Level) -> bool:
        """Whether keys of a level say something here."""
        return level <= self.level and (level > self.depth or self.dialect.keys_of_scope)

    def query_tag(self, name: str) -> QueryTag | None:
        """The query tag that a name is the path of."""
        path = query_tags.parse_path(name) if self.dialect.sequence_keys or "." not in name else None
        return None if path is None else next((tag for tag in self.tags() if tag.path == path), None)

    def pass_over(self, refusal: str, name: str, why: str) -> None:
        """A parameter can't be used: strict dialects refuse it, others say so in a warning."""
        if self.dialect.strict:
            raise BadParameter(refusal)
        self.warn(name, why)

    def warn(self, name: str, why: str) -> None:
        """A parameter, or a part of one, that is for lenient dialects alone can't be used."""
        self.warnings.append(ignored(name, why))


def ignored(name: str, why: str) -> str:
    """The warning that something was passed over. It stands in a header, and nobody knows what was sent as a name."""
    return f"{re.sub('[^0-9A-Za-z_.-]', '?', name[:64])} was ignored: {why}"


def some(warnings: Iterable[str]) -> tuple[str, ...]:
    """Not all that a hostile query earns: they go into one header."""
    first = list(islice(warnings, _MOST_WARNINGS + 1))
    return (*first[:_MOST_WARNINGS], "there are more warnings.") if len(first) > _MOST_WARNINGS else tuple(first)
