"""Bearer tokens as they are sent."""

import pytest

from filmroom.protocol import bearer


def test_white_space_around_a_token_is_none_of_it() -> None:
    assert bearer.word(" \tfilmroom_1_a-b.c~d+e/f==\r\n") == "filmroom_1_a-b.c~d+e/f=="


@pytest.mark.parametrize("token", ["", " \n", "SECRET two", "SECRET\nX: y", "SECRET\0", "SECRETé"])
def test_what_is_no_word_is_refused_and_not_quoted(token: str) -> None:
    with pytest.raises(ValueError, match="must be one word") as refused:
        bearer.word(token)
    assert "SECRET" not in str(refused.value)
