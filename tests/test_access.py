"""Roles as settings have them, and what they allow where."""

from typing import Any

import pytest

from filmroom import access
from filmroom.access import ALL_ACTIONS, OWNER, READER, Access, Action, Grant, Reach, Roles

NORTH = Grant(frozenset({Action.READ}), ("north",))


def test_a_grant_is_for_its_partitions() -> None:
    known = Access("me", grants=(NORTH,))
    assert known.grants_for(Action.READ, "north") == known.grants_for(Action.READ) == (NORTH,)
    assert not known.grants_for(Action.READ, "south")
    assert not known.grants_for(Action.WRITE, "north")


def test_a_grant_of_no_partition_is_for_all() -> None:
    assert Access("me", grants=(READER,)).grants_for(Action.READ, "anything") == (READER,)


def test_what_reaches_far_is_for_who_sees_everything_there_as_it_is_stored() -> None:
    some = Grant(frozenset({Action.READ}), studies="Modality=CT")
    masked = Grant(frozenset({Action.READ}), deidentified="basic")
    known = Access("me", grants=(some, masked, NORTH, READER))
    assert known.reaching(Action.READ, Reach.VIEW) == known.grants
    assert known.reaching(Action.READ, Reach.PARTITION, "south") == (READER,)
    assert known.reaching(Action.READ, Reach.PARTITIONS) == (NORTH, READER)
    assert known.reaching(Action.READ, Reach.SERVICE) == (READER,)


def test_who_has_no_role_that_is_known_has_the_default_one() -> None:
    grants = {"reader": READER}
    assert Roles(grants).access("me", ["nurse"]) == Access("me", ("nurse",))
    assert Roles(grants, "reader").access("me", ["nurse"]) == Access("me", ("reader",), (READER,))


def test_what_is_narrowed_is_for_some_partitions_at_most() -> None:
    narrowed = Access("me", grants=(OWNER, NORTH)).narrowed(["south"])
    assert [grant.partitions for grant in narrowed.grants] == [("south",)]
    assert narrowed.grants_for(Action.DELETE, "south")
    assert not narrowed.grants_for(Action.DELETE, "north")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"actions": "read write"}, Grant(frozenset({Action.READ, Action.WRITE}))),
        ({"actions": ["read"], "partitions": ["a", "b"]}, Grant(frozenset({Action.READ}), ("a", "b"))),
        ({"actions": "*"}, Grant(ALL_ACTIONS)),
        (
            {"actions": "read", "studies": "InstitutionName=North General"},
            Grant(frozenset({Action.READ}), studies="InstitutionName=North General"),
        ),
        (
            {"actions": "read export delete", "studies": "Modality=CT"},
            Grant(frozenset({Action.READ, Action.EXPORT, Action.DELETE}), studies="Modality=CT"),
        ),
        (
            {"actions": "read export", "deidentified": "basic"},
            Grant(frozenset({Action.READ, Action.EXPORT}), deidentified="basic"),
        ),
        (OWNER, OWNER),
    ],
)
def test_a_role_is_a_table(given: Any, made: Grant) -> None:
    assert access.roles({"name": given}) == {"name": made}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([], "a table of roles"),
        ({"north": "read"}, "a table of roles"),
        ({"north": {}}, "the actions of the role north must be some of: read, write"),
        ({"north": {"actions": ["reed"]}}, "the actions of the role north must be some of"),
        ({"north": {"actions": [1]}}, "'actions' of the role north must be text"),
        ({"north": {"action": "read"}}, "the role north has 'action'; it takes actions"),
        ({"north": {"actions": "read write", "studies": "Modality=CT"}}, "no action but read"),
        ({"north": {"actions": "read delete", "deidentified": "basic"}}, "no action but read"),
        ({"north": {"actions": "read delete", "studies": "A=1", "deidentified": "basic"}}, "no action but read"),
        ({"north": {"actions": "*", "studies": "Modality=CT"}}, "no action but read"),
    ],
)
def test_what_is_wrong_with_a_role_is_told(given: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        access.roles(given)
