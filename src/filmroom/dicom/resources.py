"""The resources of PS3.18 §10.1: a Study, a Series or an Instance, named by UIDs inside a partition."""

from dataclasses import dataclass

from filmroom.dicom.levels import Level as Level
from filmroom.dicom.views import EVERYTHING, View

DEFAULT_PARTITION = 1  # the key of "Microsoft.Default", in which everything lies unless partitions are in use
NO_PARTITION = 0  # the key of one that is yet to be made: nothing lies in it


@dataclass(frozen=True, slots=True)
class Resource:
    """A Study, Series or Instance. A UID that is None stands for all; all None is everything stored.

    UIDs are without padding. `/series` of all Studies is `Resource()` searched at `Level.SERIES`. What the `view` does
    not show is not there for whoever asks.
    """

    study: str | None = None
    series: str | None = None
    instance: str | None = None
    partition: int = DEFAULT_PARTITION
    view: View = EVERYTHING

    @property
    def level(self) -> Level:
        """The level of what is named. `Resource()` has none and must not be asked."""
        if self.instance is not None:
            return Level.INSTANCE
        return Level.SERIES if self.series is not None else Level.STUDY

    @property
    def uids(self) -> tuple[str | None, str | None, str | None]:
        """Those of Study, Series and Instance."""
        return self.study, self.series, self.instance

    @property
    def path(self) -> str:
        """The path under the root of the service: `/studies/1.2/series/1.3`."""
        path = f"/studies/{self.study}"
        if self.series is not None:
            path += f"/series/{self.series}"
        if self.instance is not None:
            path += f"/instances/{self.instance}"
        return path
