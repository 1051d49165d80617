"""What well-known UIDs are called: the registry of PS3.6 Annex A."""

from pydicom._uid_dict import UID_dictionary


def name(uid: str) -> str | None:
    """The name of a SOP Class, a Transfer Syntax, ...; None if the Standard has no such UID."""
    found = UID_dictionary.get(uid)  # pydicom's own class warns about a UID that is not well formed
    return found[0] if found else None
