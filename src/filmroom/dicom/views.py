"""What somebody may see: of which Studies, and how."""

from dataclasses import dataclass

from filmroom.dicom.conditions import Key
from filmroom.dicom.deidentification import Deidentification


@dataclass(frozen=True, slots=True)
class View:
    """What may be seen of a data partition. It goes with the resource that is asked for, down to the index.

    studies  searches, of keys of Studies and Series that must all hold; a Study that one of them finds is seen as a
             whole. None: every Study is.
    deidentification  how what is seen is de-identified; None: it is not. Then UIDs in requests are pseudonyms.
    """

    studies: tuple[tuple[Key, ...], ...] | None = None
    deidentification: Deidentification | None = None

    @property
    def whole(self) -> bool:
        """Whether all is seen that there is, as it is stored."""
        return self.studies is None and self.deidentification is None


EVERYTHING = View()
