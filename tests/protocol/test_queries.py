import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom import attributes
from filmroom.dicom.conditions import AllOf, Empty, Equal, Key, Moments, OneOf, Range, Wildcard, Words, Zoned
from filmroom.dicom.query import Query
from filmroom.dicom.query_tags import QueryTag
from filmroom.dicom.resources import Level, Resource
from filmroom.errors import BadParameter
from filmroom.protocol import queries
from filmroom.protocol.dialects import ALL, DICOMWEB, V1, V2, Dialect

EVERYTHING, STUDY, SERIES = Resource(), Resource("1.2"), Resource("1.2", "1.3")
CASING = (
    "If the parameter is an attribute keyword, check the casing as they are case-sensitive. "
    "The conformance statement has a list of supported query parameters, attributes and the levels."
)


def tag(keyword: str) -> int:
    found = attributes.parse(keyword)
    assert found is not None
    return found


def parse(
    dialect: Dialect, *parameters: str, level: Level = Level.STUDY, scope: Resource = EVERYTHING
) -> tuple[Query, tuple[str, ...]]:
    pairs = [(name, value) for name, _, value in (parameter.partition("=") for parameter in parameters)]
    return queries.parse(dialect, level, scope, pairs)


def ask(dialect: Dialect, *parameters: str, level: Level = Level.STUDY, scope: Resource = EVERYTHING) -> Query:
    query, warnings = parse(dialect, *parameters, level=level, scope=scope)
    assert warnings == ()
    return query


def refusal(*parameters: str, level: Level = Level.STUDY, scope: Resource = EVERYTHING, dialect: Dialect = V2) -> str:
    with pytest.raises(BadParameter) as error:
        parse(dialect, *parameters, level=level, scope=scope)
    return str(error.value)


# --- limit, offset, fuzzymatching


@pytest.mark.parametrize(("dialect", "limit"), [(V1, 100), (V2, 100), (DICOMWEB, 1000)])
def test_defaults(dialect: Dialect, limit: int) -> None:
    query = ask(dialect)
    assert (query.level, query.scope, query.keys) == (Level.STUDY, EVERYTHING, ())
    assert (query.limit, query.offset, query.all_attributes) == (limit, 0, False)


@pytest.mark.parametrize("dialect", ALL)
def test_a_page(dialect: Dialect) -> None:
    query = ask(dialect, "Limit=7", "OFFSET= 14 ")
    assert (query.limit, query.offset) == (7, 14)
    assert ask(dialect, "limit=", "offset=") == ask(dialect)
    assert ask(dialect, "limit=1", "limit=2").limit == 1


@pytest.mark.parametrize("value", ["0", "201", "-1", "1.5", "x", "1_0", "9" * 30])
def test_a_bad_limit(value: str) -> None:
    message = "The query parameter 'Limit' is invalid. The field Limit must be between 1 and 200."
    assert refusal(f"limit={value}") == message


def test_a_high_limit_is_lowered_at_the_standard() -> None:
    query, warnings = parse(DICOMWEB, "limit=1000000")
    assert query.limit == 10_000
    assert warnings == ("limit was lowered to 10000.",)
    assert query.own_limit
    assert (
        refusal("limit=-1", dialect=DICOMWEB)
        == f"limit must be a whole number from 0 to {2**63 - 1}, and '-1' is none."
    )


@pytest.mark.parametrize("dialect", ALL)
def test_a_bad_offset(dialect: Dialect) -> None:
    for value in ("-1", "x", str(2**63)):
        said = refusal(f"offset={value}", dialect=dialect)
        plain = dialect is DICOMWEB
        assert said.startswith("offset must be a whole number from 0 to ") is plain
        assert ("The field Offset must be between 0 and 9223372036854775807" in said) is not plain
    assert ask(dialect, f"offset={2**63 - 1}").offset == 2**63 - 1


@pytest.mark.parametrize("dialect", ALL)
def test_fuzzymatching(dialect: Dialect) -> None:
    [key] = ask(dialect, "PatientName=jo do", "FuzzyMatching=True").keys
    assert key == Key(tag("PatientName"), Words(("jo", "do")))
    [key] = ask(dialect, "PatientName=jo do", "fuzzymatching=false").keys
    assert key.condition == Equal("jo do")
    said = refusal("fuzzymatching=yes", dialect=dialect)
    assert said.startswith("fuzzymatching must be true or false" if dialect is DICOMWEB else "The query parameter 'F")


def test_a_quotation_mark_in_a_fuzzy_name() -> None:
    message = "Invalid query: specified tag 'PatientName' value contains unsupported character '\"'."
    assert refusal('PatientName=jo"', "fuzzymatching=true") == message
    assert ask(V2, 'PatientName=jo"').keys
    assert ask(DICOMWEB, 'PatientName=jo"', "fuzzymatching=true").keys


# --- Matching keys


@pytest.mark.parametrize("dialect", ALL)
@pytest.mark.parametrize("name", ["PatientID", "00100020"])
def test_a_key_by_keyword_or_tag(dialect: Dialect, name: str) -> None:
    query = ask(dialect, f"{name}=Id1")
    assert query.keys == (Key(0x00100020, Equal("id1")),)
    assert 0x00100020 in query.attributes


STUDY_KEYS = (
    "StudyInstanceUID=1", "PatientName=a", "PatientID=a", "PatientBirthDate=20240101", "AccessionNumber=a",
    "ReferringPhysicianName=a", "StudyDate=20240101", "StudyDescription=a", "ModalitiesInStudy=CT",
)  # fmt: skip
SERIES_KEYS = (
    "SeriesInstanceUID=1",
    "Modality=CT",
    "PerformedProcedureStepStartDate=20240101-",
    "ManufacturerModelName=a",
)
INSTANCE_KEYS = ("SOPInstanceUID=1",)


@pytest.mark.parametrize(
    ("level", "scope", "searchable"),
    [
        (Level.STUDY, EVERYTHING, STUDY_KEYS),
        (Level.SERIES, EVERYTHING, STUDY_KEYS + SERIES_KEYS),
        (Level.INSTANCE, EVERYTHING, STUDY_KEYS + SERIES_KEYS + INSTANCE_KEYS),
        (Level.SERIES, STUDY, SERIES_KEYS),
        (Level.INSTANCE, STUDY, SERIES_KEYS + INSTANCE_KEYS),
        (Level.INSTANCE, SERIES, INSTANCE_KEYS),
    ],
)
def test_the_six_resources_of_azure(level: Level, scope: Resource, searchable: tuple[str, ...]) -> None:
    assert len(ask(V2, *searchable, level=level, scope=scope).keys) == len(searchable)
    for key in {*STUDY_KEYS, *SERIES_KEYS, *INSTANCE_KEYS} - {*searchable}:
        assert "is not queryable.  If the" in refusal(key, level=level, scope=scope)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (["patientID=a"], f"Invalid query: unknown query parameter 'patientID'. {CASING}"),
        (["1.2.3=a"], f"Invalid query: unknown query parameter '1.2.3'. {CASING}"),
        (["accept=*"], f"Invalid query: unknown query parameter 'accept'. {CASING}"),
        (["Modality=CT"], f"Invalid query: AttributeId Modality is not queryable.  {CASING}"),
        (["00091001=CT"], f"Invalid query: AttributeId 00091001 is not queryable.  {CASING}"),
        (
            ["PatientID=a", "PatientID=a"],
            "Invalid QIDO-RS query. Duplicate AttributeId 'PatientID'. "
            "Each attribute is only allowed to be specified once.",
        ),
        (
            ["PatientID=a", "00100020=a"],
            "Invalid query: attribute '00100020' has been specified more than once using different ID formats. "
            "Each attribute is only allowed to be specified once.",
        ),
        (["PatientID= "], "Invalid query: AttributeId 'PatientID' has empty string value that is not supported."),
        (["RequestAttributesSequence.AccessionNumber=a"], "Sequential dicom tags are currently not supported."),
        (["includefield=00400275.00080050"], "Sequential dicom tags are currently not supported."),
        (["includefield=PatientID,Foo"], "Invalid query: IncludeField has unknown attribute 'Foo'."),
        (
            ["StudyDate=2024"],
            "Invalid query: specified Date value '2024' is invalid for attribute 'StudyDate'. "
            "Date should be valid and formatted as yyyyMMdd.",
        ),
    ],
)
def test_the_refusals_of_azure(parameters: list[str], message: str) -> None:
    assert refusal(*parameters) == message


def test_azure_takes_values_literally() -> None:
    query = ask(V2, r"StudyInstanceUID=1.2\1.3", "PatientID=*", "PatientName=a*")
    assert [key.condition for key in query.keys] == [Equal(r"1.2\1.3"), Equal("*"), Equal("a*")]


NOT_DECLARED = "it can't be searched by, unless it is made searchable as an extended query tag."


@pytest.mark.parametrize(
    ("parameters", "warning"),
    [
        (["Foo=a"], "Foo was ignored: it is neither a parameter nor the keyword or tag of an attribute."),
        (["a\r\nb: \u00fc=a"], "a..b... was ignored: it is neither".replace(".", "?")),
        (
            ["Modality=CT"],
            "Modality was ignored: series and instances can be searched by it, studies by ModalitiesInStudy.",
        ),
        (
            ["PatientComments=a"],
            f"PatientComments was ignored: {NOT_DECLARED}",
        ),
        (
            ["00400275.00400009=a"],
            "00400275.00400009 was ignored: series and instances can be searched by it, studies can not.",
        ),
        (
            ["00400275.00400007=a"],
            f"00400275.00400007 was ignored: {NOT_DECLARED}",
        ),
        (["includefield=Foo"], "Foo was ignored: includefield takes keywords and tags of attributes."),
        (["Foo=a", "Foo=b"], "Foo was ignored: "),
    ],
)
def test_the_standard_warns_of_what_it_ignores(parameters: list[str], warning: str) -> None:
    query, warnings = parse(DICOMWEB, *parameters)
    assert len(warnings) == 1
    assert warnings[0].startswith(warning)
    assert query == ask(DICOMWEB)


def test_nothing_to_ignore() -> None:
    pairs = [("", ""), ("", "x"), ("accept", "application/json"), ("charset", "utf-8"), ("includefield", ",,")]
    assert queries.parse(DICOMWEB, Level.STUDY, EVERYTHING, pairs) == (ask(DICOMWEB), ())


@pytest.mark.parametrize(
    "parameters",
    [
        [r"StudyInstanceUID=1.2\1.3"],
        ["StudyInstanceUID=1.2,1.3"],
        ["StudyInstanceUID=1.2", "0020000D=1.3"],
        ["0020000d=1.2", "0020000D=1.3", "StudyInstanceUID=1.2"],
    ],
)
def test_several_uids(parameters: list[str]) -> None:
    [key] = ask(DICOMWEB, *parameters).keys
    assert key == Key(tag("StudyInstanceUID"), OneOf(("1.2", "1.3")))


def test_other_keys_can_not_be_repeated() -> None:
    assert "PatientID is given more than once" in refusal("PatientID=a", "00100020=b", dialect=DICOMWEB)
    assert len(ask(DICOMWEB, "PatientID=a", "00100020=a").keys) == 1


@pytest.mark.parametrize("parameter", ["PatientID=", "PatientID=*", "PatientComments="])
def test_universal_matching_returns_the_attribute(parameter: str) -> None:
    query = ask(DICOMWEB, parameter)
    assert query.keys == ()
    assert tag(parameter.partition("=")[0]) in query.attributes


def test_what_ohif_asks() -> None:
    query = ask(DICOMWEB, "PatientName=*Synth*", "00100020=*SYN*", "StudyDate=20250101-20261231", "fuzzymatching=true")
    assert [key.condition for key in query.keys] == [
        Wildcard("*synth*"), Wildcard("*syn*"), Range("20250101", "20261231"),
    ]  # fmt: skip


def test_upper_levels_can_be_searched_by_inside_a_study() -> None:
    query = ask(DICOMWEB, "PatientID=a", "Modality=SM", "SOPClassUID=1.2", level=Level.INSTANCE, scope=STUDY)
    assert len(query.keys) == 3


@pytest.mark.parametrize(
    "parameters",
    [
        ["emptyvaluematching=true"],
        ["multiplevaluematching=true"],
        ["TimezoneOffsetFromUTC=+0100"],
        ["SOPClassesInStudy=1"],
    ],
)
@pytest.mark.parametrize("dialect", ALL)
def test_azure_knows_nothing_beyond_plain_matching(dialect: Dialect, parameters: list[str]) -> None:
    if dialect is DICOMWEB:
        assert ask(dialect, *parameters).every_value
    else:
        assert refusal(*parameters, dialect=dialect).startswith("Invalid query: ")


def test_no_value_and_several_values() -> None:
    [key] = ask(DICOMWEB, 'StudyID=""', "emptyvaluematching=true").keys
    assert key.condition == Empty()
    for parameters in ([r"ModalitiesInStudy=CT\MR"], ["ModalitiesInStudy=CT", "00080061=MR"]):
        [key] = ask(DICOMWEB, *parameters, "multiplevaluematching=true").keys
        assert key.condition == AllOf((Equal("ct"), Equal("mr")))
        [key] = ask(DICOMWEB, *parameters).keys
        assert key.condition == OneOf(("ct", "mr"))


def test_a_date_with_its_time() -> None:
    parameters = ("StudyTime=18-09", "StudyDate=20240228-20240301")
    query = ask(DICOMWEB, *parameters)
    assert query.keys == (Key(tag("StudyDate"), Moments("20240228180000.000000", "20240301095959.999999")),)
    assert {tag("StudyDate"), tag("StudyTime")} <= query.attributes
    assert "StudyTime ends before it begins" in refusal("StudyTime=18-09", dialect=DICOMWEB)


@pytest.mark.parametrize("zone", ["+0100", " 0100", "0100"])
def test_a_timezone(zone: str) -> None:
    [key] = ask(DICOMWEB, "StudyDate=20240228", f"TimezoneOffsetFromUTC={zone}", "00080201=").keys
    assert isinstance(key.condition, Zoned)
    assert key.condition.utc == Range("20240227230000.000000", "20240228225959.999999")
    assert ask(DICOMWEB, "PatientID=a", f"TimezoneOffsetFromUTC={zone}").keys == ask(DICOMWEB, "PatientID=a").keys


@pytest.mark.parametrize("zones", [["x"], ["+0100", "+0200"], ["+9900"]])
def test_a_timezone_that_is_none(zones: list[str]) -> None:
    said = refusal(*(f"TimezoneOffsetFromUTC={zone}" for zone in zones), dialect=DICOMWEB)
    assert said.startswith("TimezoneOffsetFromUTC must be")


# --- What is returned


@pytest.mark.parametrize(
    ("level", "scope", "present", "absent"),
    [
        (Level.STUDY, EVERYTHING, {"StudyInstanceUID"}, {"SeriesInstanceUID", "SOPInstanceUID"}),
        (Level.SERIES, EVERYTHING, {"PatientID", "SeriesInstanceUID"}, {"SOPInstanceUID"}),
        (Level.INSTANCE, EVERYTHING, {"PatientID", "Modality", "SOPInstanceUID"}, set()),
        (Level.SERIES, STUDY, {"StudyInstanceUID", "Modality"}, {"PatientID", "SOPInstanceUID"}),
        (Level.INSTANCE, STUDY, {"StudyInstanceUID", "Modality", "SOPInstanceUID"}, {"PatientID"}),
        (Level.INSTANCE, SERIES, {"StudyInstanceUID", "SeriesInstanceUID"}, {"PatientID", "Modality"}),
    ],
)
@pytest.mark.parametrize("dialect", ALL)
def test_returned_by_default(
    dialect: Dialect, level: Level, scope: Resource, present: set[str], absent: set[str]
) -> None:
    returned = {attributes.keyword(tag) for tag in ask(dialect, level=level, scope=scope).attributes}
    assert present <= returned
    assert not absent & returned


def test_azure_returns_by_version() -> None:
    assert ask(V2, level=Level.INSTANCE, scope=SERIES).attributes == {0x0020000D, 0x0020000E, 0x00080018}
    assert tag("Rows") in ask(V1, level=Level.INSTANCE).attributes
    assert tag("ModalitiesInStudy") not in ask(V2).attributes


def test_includefield_is_a_list_and_can_be_repeated() -> None:
    query = ask(V2, "includefield=00081030, Modality", "IncludeField=Rows", "includefield=")
    assert query.attributes - ask(V2).attributes == {tag("Modality"), tag("Rows")}


def test_includefield_of_attributes_in_a_sequence() -> None:
    asked = "includefield=ProcedureCodeSequence.CodeValue,00081032.00080104"
    query = ask(DICOMWEB, asked)
    assert tag("ProcedureCodeSequence") in query.attributes
    assert query.inside == {tag("ProcedureCodeSequence"): {"00080100": None, "00080104": None}}
    assert ask(DICOMWEB, asked, "includefield=00081032").inside == {}
    assert ask(DICOMWEB, "includefield=00400275.00400009", level=Level.SERIES).inside == {}  # it is returned anyway
    _, warnings = parse(DICOMWEB, "includefield=ProcedureCodeSequence.Foo")
    assert warnings[0].startswith("ProcedureCodeSequence.Foo was ignored")


def test_includefield_of_a_private_attribute_has_its_creator() -> None:
    assert {0x00091001, 0x00090010} <= ask(DICOMWEB, "includefield=00091001").attributes
    assert 0x00090010 not in ask(V2, "includefield=00091001").attributes


def test_includefield_of_a_group() -> None:
    query = ask(DICOMWEB, "includefield=0010xxxx,0008XXXX,PatientComments")
    assert query.groups == {0x0010, 0x0008}
    assert "unknown attribute '0010xxxx'" in refusal("includefield=0010xxxx")


@pytest.mark.parametrize("parameters", [["includefield=all"], ["includefield=Rows,all"], ["includefield=ALL"]])
def test_all_of_azure_is_a_set(parameters: list[str]) -> None:
    query = ask(V2, *parameters, level=Level.SERIES, scope=STUDY)
    returned = {attributes.keyword(tag) for tag in query.attributes}
    assert {"StudyInstanceUID", "Laterality", "ManufacturerModelName"} <= returned
    assert not {"PatientID", "Rows"} & returned
    assert not query.all_attributes


def test_all_of_the_standard_is_everything_and_what_is_named_besides() -> None:
    query = ask(DICOMWEB, "includefield=all,KVP,0008xxxx", "includefield=ProcedureCodeSequence.CodeValue")
    assert query.all_attributes
    assert query.groups == {0x0008}
    assert not query.inside
    assert {0x00180060, 0x00081032} <= query.attributes


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4), st.sampled_from(ALL), st.sampled_from(Level))
def test_any_parameters_are_understood_or_refused(
    parameters: list[tuple[str, str]], dialect: Dialect, level: Level
) -> None:
    try:
        query, warnings = queries.parse(dialect, level, EVERYTHING, parameters)
    except BadParameter:
        return
    assert query.limit <= dialect.largest_limit
    assert all(warning.isascii() and warning.isprintable() for warning in warnings)


def test_warnings_do_not_grow_with_the_query() -> None:
    _, warnings = queries.parse(DICOMWEB, Level.STUDY, Resource(), [(f"a{number}", "1") for number in range(9000)])
    assert len(warnings) == 11


def test_query_tags_are_looked_up_once_for_a_search() -> None:
    looks: list[int] = []

    def tags() -> tuple[QueryTag, ...]:
        looks.append(1)
        return ()

    asked = [("00180001", "1"), ("00180002", "1"), ("includefield", "00091000,00091001")]
    queries.parse(DICOMWEB, Level.STUDY, Resource(), asked, tags)
    assert len(looks) == 1


def test_a_query_tag_is_asked_for_without_a_value_and_with_several() -> None:
    switches = [("emptyvaluematching", "true"), ("multiplevaluematching", "true")]
    asked = [("00400275.00400009", '""'), ("00400275.00401001", "a\\b"), ("00400275.00401001", "c*")]
    query, warnings = queries.parse(DICOMWEB, Level.SERIES, Resource(), [*asked, *switches])
    several = AllOf((Equal("a"), Equal("b"), Wildcard("c*")))
    assert ([key.condition for key in query.keys], warnings) == ([Empty(), several], ())


def test_a_query_tag_without_the_switches_is_asked_for_plainly() -> None:
    asked = [("00400275.00400009", '""'), ("00400275.00401001", "a\\b")]
    query, _ = queries.parse(DICOMWEB, Level.SERIES, Resource(), asked)
    assert [key.condition for key in query.keys] == [Equal('""'), Equal("a\\b")]


def test_a_query_tag_takes_no_timezone() -> None:
    tag = QueryTag(1, "00189074", "DT", Level.INSTANCE)
    asked = [("00189074", "2024"), ("TimezoneOffsetFromUTC", "+0100")]
    query, _ = queries.parse(DICOMWEB, Level.INSTANCE, Resource(), asked, lambda: [tag])
    assert [key.condition for key in query.keys] == [Equal("20240101000000.000000")]


@pytest.mark.parametrize("value", ["1_0", "１２"])
def test_a_number_is_written_in_plain_digits(value: str) -> None:
    with pytest.raises(BadParameter, match="is searched by a number"):
        ask(DICOMWEB, f"InstanceNumber={value}", level=Level.INSTANCE)


def test_blanks_behind_a_timezone_do_not_count() -> None:
    padded, plain = (
        queries.parse(DICOMWEB, Level.STUDY, Resource(), [("TimezoneOffsetFromUTC", zone), ("StudyDate", "20260101")])
        for zone in ("+0100 ", "+0100")
    )
    assert padded == plain
