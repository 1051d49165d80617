"""Matching keys whose attribute is private, or which are query tags in every state."""

from dataclasses import replace

import pytest

from filmroom.dicom.conditions import AllOf, Equal
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import QueryTag, Status
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import BadParameter
from filmroom.protocol import queries
from filmroom.protocol.dialects import DICOMWEB, V2, Dialect

MAKER = QueryTag(1, "00111003", "LO", Level.INSTANCE, "MAKER")
OTHER = QueryTag(2, "00111103", "LO", Level.INSTANCE, "OTHER")
DOSE = QueryTag(3, "00189345", "FD", Level.SERIES)


def parse(
    asked: str, *tags: QueryTag, dialect: Dialect = DICOMWEB, level: Level = Level.INSTANCE
) -> tuple[Query, tuple[str, ...]]:
    parameters = [(name, value) for name, _, value in (part.partition("=") for part in asked.split("&"))]
    return queries.parse(dialect, level, Resource(), parameters, lambda: tags)


def searched(asked: str, *tags: QueryTag) -> list[QueryTag]:
    query, warnings = parse(asked, *tags)
    assert not warnings
    return query.tags


def test_the_creator_of_a_private_key_may_be_said_in_any_block() -> None:
    assert searched("00111003=a&00110010=MAKER", MAKER, OTHER) == [MAKER]
    assert searched("00111103=a&00110011=MAKER", MAKER, OTHER) == [MAKER]
    assert searched("00111003=a&00110010= OTHER ", MAKER, OTHER) == [OTHER]
    assert searched("00111003=a", MAKER, OTHER) == [MAKER]


def test_of_another_creator_there_is_no_such_key() -> None:
    query, (warning,) = parse("00111003=a&00110010=WRONG", MAKER)
    assert query.keys == ()
    assert "made searchable as an extended query tag" in warning


def test_what_is_answered_of_a_private_attribute_is_of_the_creator_that_is_said() -> None:
    query, warnings = parse("includefield=00151003&00150010=MAKER")
    assert ([(tag.path, tag.creator) for tag in query.private], warnings) == ([("00151003", "MAKER")], ())
    assert 0x00151003 not in query.attributes
    assert not query.keys


@pytest.mark.parametrize("asked", ["00110010=MAKER", "00110010=MAKER&00121003=a", "00110010=&00111003=a"])
def test_a_creator_without_an_attribute_is_a_key_like_others(asked: str) -> None:
    query, warnings = parse(asked, MAKER)
    assert query.private <= {MAKER}
    assert bool(warnings) is ("MAKER" in asked)


def test_the_azure_service_knows_no_creators_in_queries() -> None:
    with pytest.raises(BadParameter, match="AttributeId 00110010 is not queryable"):
        parse("00110010=MAKER&00111003=a", MAKER, dialect=V2)


@pytest.mark.parametrize(
    ("tag", "level", "why"),
    [
        (
            replace(DOSE, status=Status.ADDING),
            Level.SERIES,
            "it is being made searchable; ask again when that is done.",
        ),
        (replace(DOSE, enabled=False), Level.SERIES, "searches by it are disabled, by somebody or since"),
        (DOSE, Level.STUDY, "series and instances can be searched by it, studies can not."),
    ],
)
def test_why_a_query_tag_can_not_be_searched_by(tag: QueryTag, level: Level, why: str) -> None:
    query, (warning,) = parse("CTDIvol=1", tag, level=level)
    assert query.keys == ()
    assert why in warning


def test_names_of_query_tags_are_asked_for_by_component_group() -> None:
    operators = QueryTag(4, "00081070", "PN", Level.SERIES)
    query, _ = parse("OperatorsName=a=b", operators)
    assert [key.condition for key in query.keys] == [AllOf((Equal("a"), Equal("=b")))]


def test_values_that_must_all_be_there_have_an_end_for_all_keys_together() -> None:
    each = "&".join(f"{name}={'%5C'.join('abcdefghij')}" for name in ("StudyID", "PatientID"))
    assert len(parse(f"multiplevaluematching=true&{each}".replace("%5C", "\\"))[0].keys) == 2
    many = "&".join(f"{name}=" + "\\".join(map(str, range(60))) for name in ("StudyID", "PatientID"))
    with pytest.raises(BadParameter, match="120 values, patterns and groups of names are asked for, and 100 can be"):
        parse(f"multiplevaluematching=true&{many}")


def test_patterns_within_several_values_count_each() -> None:
    patterns = ",".join(f"*{one}{other}*" for one in "abcdefghij" for other in "abcde")
    parse(f"PatientSex={patterns}")
    with pytest.raises(BadParameter, match="150 values, patterns and groups"):
        parse(f"multiplevaluematching=true&PatientSex={patterns}\\{patterns}\\{patterns}")
    with pytest.raises(BadParameter, match="150 values, patterns and groups"):
        parse("&".join(f"{name}={patterns}" for name in ("PatientSex", "Modality", "BodyPartExamined")))


def test_a_block_has_one_creator() -> None:
    with pytest.raises(BadParameter, match="00110010 is given more than once"):
        parse("00110010=MAKER&00110010=OTHER&00111003=a", MAKER)


def test_a_private_key_without_a_value_is_answered_of_its_creator() -> None:
    query, warnings = parse("00110010=MAKER&00111003=")
    assert ([tag.creator for tag in query.private], warnings) == (["MAKER"], ())
