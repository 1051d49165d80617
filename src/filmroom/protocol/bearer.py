"""Bearer tokens as they are sent (RFC 6750 §2.1)."""

import re

_WORD = re.compile(r"[\x21-\x7e]+")


def word(token: str) -> str:
    """The token without the white space that files have around it. ValueError, which does not quote it, if none."""
    found = token.strip()
    if not _WORD.fullmatch(found):
        what = "has blanks, line breaks or other characters that no token has" if found else "is empty"
        message = f"The token {what}; it must be one word of ASCII letters, digits and signs."
        raise ValueError(message)
    return found
