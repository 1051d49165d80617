"""A short run of what `python -m tests.fuzz` does for long: the first inputs, what was found once, and changes."""

import random
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CASES = Path(__file__).with_name("cases")
CHANGED = 60  # inputs for each target; a long run makes as many in a tenth of a second


def _changed(content: bytes, words: list[bytes], chance: random.Random) -> bytes:
    """A few bytes of it changed, removed, or a word of the dictionary put in."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(made))
        match chance.randint(0, 3):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del made[at : at + chance.randint(1, 16)]
            case 2 if words:
                made[at:at] = chance.choice(words)
            case _:
                made[at:at] = made[at : at + chance.randint(1, 32)]
    return bytes(made)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_ends_in_an_error_that_is_not_ours(name: str) -> None:
    target, chance = TARGETS[name], random.Random(name)
    seeds, words = list(target.seeds()), [word.encode("latin-1") for word in target.dictionary]
    for content in seeds:
        target.check(content)
    for _ in range(CHANGED):
        target.check(_changed(chance.choice(seeds), words, chance))


@pytest.mark.parametrize("path", sorted(CASES.glob("*/*")), ids=lambda path: path.name)
def test_what_was_found_once_is_found_no_more(path: Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())
