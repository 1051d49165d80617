"""The header fields of a store that say when its Studies are to be deleted (Azure; not in the Standard)."""

import re

from filmroom.errors import BadRequest

TIME, OPTION, LEVEL = "msdicom-expiry-time-milliseconds", "msdicom-expiry-option", "msdicom-expiry-level"
RELATIVE_TO_NOW, STUDY = "RelativeToNow", "Study"  # all that the fields may say, and what they say when they are absent

_MILLISECONDS = re.compile(r"0*[1-9][0-9]{0,18}")


def lifetime(times: list[str], options: list[str], levels: list[str]) -> float | None:
    """In how many seconds the Studies of a store expire, by the values of the three fields; None: never."""
    for name, said, only in ((OPTION, options, RELATIVE_TO_NOW), (LEVEL, levels, STUDY)):
        for value in said:
            if value.strip().lower() != only.lower():
                raise BadRequest(f"The header {name} is '{value}': it must be {only}.")
    if not times:
        if options or levels:
            raise BadRequest(f"The header {TIME} is missing: it says in how many milliseconds the Study expires.")
        return None
    found = {value.strip() for value in times}
    if len(found) > 1 or not _MILLISECONDS.fullmatch(time := found.pop()):
        raise BadRequest(
            f"The header {TIME} is '{', '.join(times)}': it must be a whole number of milliseconds from 1, "
            "in digits alone."
        )
    return int(time) / 1000


def fields(seconds: float) -> dict[str, str]:
    """The fields for Studies that expire in so many seconds."""
    return {TIME: str(max(round(seconds * 1000), 1)), OPTION: RELATIVE_TO_NOW, LEVEL: STUDY}
