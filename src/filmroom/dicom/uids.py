"""What well-known UIDs are called: the registry of PS3.6 Annex A."""

from pydicom._uid_dict import UID_dictionary

# All SOP Classes of a kind, and only these, begin with it.
REPORTS = "1.2.840.10008.5.1.4.1.1.88."  # Structured Reports (PS3.4 §B.5)
ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."  # encapsulated documents


def is_document(sop_class: str) -> bool:
    """Whether what is said stands in the content of a report or of a document, not in an image."""
    return sop_class.startswith((REPORTS, ENCAPSULATED))


def name(uid: str) -> str | None:
    """The name of a SOP Class, a Transfer Syntax, ...; None if the Standard has no such UID."""
    found = UID_dictionary.get(uid)  # pydicom's own class warns about a UID that is not well formed
    return found[0] if found else None
