"""Searches by keywords: what is sent, and how page follows page."""

import warnings
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest

from filmroom import AsyncFound, BadRequest, BadResponse, Found, NotFound, ServiceWarning
from filmroom.client import _search
from filmroom.client._service import Service
from tests.client import recorder
from tests.client.recorder import Recorder, Reply, json


def page(*numbers: int, **headers: str) -> Reply:
    """Studies by these numbers."""
    return json([{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in numbers], 200, **headers)


def found(studies: Iterable[Any]) -> list[int]:
    return [int(study.StudyInstanceUID.removeprefix("1.")) for study in studies]


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ({"PatientName": "Doe*"}, "PatientName=Doe%2A"),
        (
            {"StudyDate": (date(2026, 1, 1), date(2026, 3, 31)), "ModalitiesInStudy": ["CT", "MR"]},
            "StudyDate=20260101-20260331&ModalitiesInStudy=CT&ModalitiesInStudy=MR",
        ),
        ({"RequestAttributesSequence": {"00400009": "1"}}, "RequestAttributesSequence.ScheduledProcedureStepID=1"),
        (
            {"match": {"RequestAttributesSequence.ScheduledProcedureStepID": "1", "00091001": "x"}},
            "RequestAttributesSequence.ScheduledProcedureStepID=1&00091001=x",
        ),
        ({"include": ["StudyDescription", "0010xxxx"]}, "includefield=StudyDescription&includefield=0010xxxx"),
        ({"include": "all", "fuzzy": True}, "fuzzymatching=true&includefield=all"),
        ({"order_by": "-StudyDate"}, "orderby=-StudyDate"),
        ({"order_by": ["-00080020", "PatientName"]}, "orderby=-StudyDate%2CPatientName"),
        (
            {"TimezoneOffsetFromUTC": "+0100", "additional_params": {"emptyvaluematching": True}},
            "TimezoneOffsetFromUTC=%2B0100&limit=100&emptyvaluematching=true",
        ),
    ],
)
def test_keywords_become_the_query(client: Any, service: Recorder, keys: dict[str, Any], sent: str) -> None:
    service.replies = [json([])]
    assert list(client.search_studies(**keys)) == []
    [target] = service.targets
    assert target == f"/studies?{sent}" + ("" if "limit=" in sent else "&limit=100")


@pytest.mark.parametrize(
    ("method", "keys", "path"),
    [
        ("search_patients", {}, "/patients"),
        ("search_studies", {"StudyInstanceUID": "1.2"}, "/studies"),
        ("search_series", {"StudyInstanceUID": "1.2"}, "/studies/1.2/series"),
        ("search_series", {"StudyInstanceUID": ["1.2", "1.3"]}, "/series"),
        ("search_instances", {"0020000D": "1.2", "SeriesInstanceUID": "1.3"}, "/studies/1.2/series/1.3/instances"),
        ("search_instances", {"SeriesInstanceUID": "1.3"}, "/instances"),
        ("search_instances", {"partition": "p"}, "/partitions/p/instances"),
    ],
)
def test_uids_of_the_levels_above_are_the_resource_to_search_in(
    client: Any, service: Recorder, method: str, keys: dict[str, Any], path: str
) -> None:
    service.replies = [json([])]
    assert getattr(client, method)(**keys).first() is None
    assert service.targets[0].partition("?")[0] == path


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"PatientNme": "a"}, "'PatientNme' is not the keyword of an attribute; is PatientName meant?"),
        ({"lmit": 5}, "is limit= meant"),
        ({"fields": ["all"]}, "is include= meant"),
        ({"study_instance_uid": "1.2"}, "is StudyInstanceUID meant"),
        ({"Xyzzy": "a"}, "nor its tag"),
        ({"match": {"RequestAttributesSequence.Foo": "1"}}, "RequestAttributesSequence.Foo: 'Foo' is neither"),
        ({"RequestAttributesSequence": {"PatientNme": "1"}}, "RequestAttributesSequence.PatientNme: .*PatientName"),
        ({"RequestAttributesSequence": "1"}, "match what is inside"),
        ({"PatientID": {"PatientID": "1"}}, "no sequence"),
        ({"PatientID": "1", "match": {"00100020": "2"}}, "given twice"),
        ({"include": ["PatientNme"]}, "PatientName"),
        ({"order_by": "-StudyDat"}, "StudyDate"),
        ({"limit": 0}, "1 or more"),
        ({"StudyDate": None}, "left out"),
    ],
)
def test_what_makes_no_sense_is_not_sent(client: Any, service: Recorder, keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        client.search_studies(**keys)
    assert service.requests == []


@pytest.mark.parametrize("option", ["limit", "offset", "page_size"])
def test_what_is_no_number_is_said(client: Any, service: Recorder, option: str) -> None:
    with pytest.raises(TypeError, match=f"{option}= is a whole number, not '5'"):
        client.search_studies(**{option: "5"})


@pytest.mark.parametrize("kind", [Found, AsyncFound])
def test_results_that_are_not_read_say_how_to_count_and_take_them(kind: type) -> None:
    found = kind(None, _search.make(Service("http://host"), "/studies"))
    with pytest.raises(TypeError, match=r"total\(\)"):
        len(found)
    with pytest.raises(TypeError, match=r"first\(\) for the first, or .* for all"):
        found[0]
    assert found


def test_nothing_is_sent_before_it_is_read_and_each_reading_begins_anew(client: Any, service: Recorder) -> None:
    service.replies = [page(1)]
    studies = client.search_studies()
    assert service.requests == []
    assert found(studies) == found(studies) == [1]


def test_pages_by_offset_end_with_a_short_one(client: Any, service: Recorder) -> None:
    service.replies = [page(1, 2), page(2, 3), page(4)]
    assert found(client.search_studies(page_size=2, offset=7)) == [1, 2, 3, 4]
    assert service.targets == [f"/studies?limit=2&offset={offset}" for offset in (7, 9, 11)]


def test_a_service_that_grants_fewer_and_says_so_is_asked_on(client: Any, service: Recorder) -> None:
    cut = '299 host "There are 1 additional results that can be requested"'
    service.replies = [page(1, 2, Warning=cut), page(3)]
    assert found(client.search_studies()) == [1, 2, 3]


def test_other_warnings_are_said(client: Any, service: Recorder) -> None:
    service.replies = [page(1, Warning='299 host "PatientWeight was ignored."'), page()]
    with pytest.warns(ServiceWarning, match="ignored"):
        assert found(client.search_studies(PatientWeight=80)) == [1]


def test_a_short_page_with_another_warning_is_the_last_one(client: Any, service: Recorder) -> None:
    service.replies = [page(1, Warning='299 host "PatientWeight was ignored."'), page()]
    with pytest.warns(ServiceWarning, match="ignored"):
        assert found(client.search_studies(PatientWeight=80)) == [1]
    assert len(service.requests) == 1


def test_a_warning_is_said_once_for_all_pages(client: Any, service: Recorder) -> None:
    warned = {"Warning": '299 host "PatientWeight was ignored."'}
    service.replies = [page(1, **warned), page(2, **warned), page(**warned)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert found(client.search_studies(PatientWeight=80, page_size=1)) == [1, 2]
    assert [str(one.message) for one in caught] == ["PatientWeight was ignored."]


def test_an_empty_page_is_given_only_where_nothing_is_found(client: Any, service: Recorder) -> None:
    service.replies = [page(1, 2), page(), page()]
    assert [len(one) for one in client.search_studies(page_size=None).pages()] == [2]
    assert [len(one) for one in client.search_studies(page_size=None).pages()] == [0]


def test_where_the_service_chooses_the_size_the_first_page_is_not_the_last(client: Any, service: Recorder) -> None:
    service.replies = [page(1, 2), page(3)]
    assert found(client.search_studies(page_size=None)) == [1, 2, 3]
    assert service.targets == ["/studies", "/studies?offset=2"]


def test_a_service_that_does_not_know_offset_sends_no_page_for_ever(client: Any, service: Recorder) -> None:
    service.replies = [page(1, 2)]
    assert found(client.search_studies(page_size=2)) == [1, 2]
    assert len(service.requests) == 2


def test_links_are_followed_until_there_is_none(client: Any, service: Recorder) -> None:
    first = f'<{service.url}/studies?cursor=a>; title="x, y"; rel="next"'
    second = '</elsewhere>; rel=first, <studies?cursor=b>; rel="last next"'
    service.replies = [page(1, Link=first), page(2, Link=second), page(3, 4)]
    assert found(client.search_studies(page_size=1)) == [1, 2, 3, 4]
    assert service.targets == ["/studies?limit=1", "/studies?cursor=a", "/studies?cursor=b"]


@pytest.mark.parametrize(
    "link",
    [
        'http://other.example/studies?cursor=a>; rel="next"',
        "//other.example/studies?cursor=a>; rel=next",
        'https://127.0.0.1:1/x>; rel="next"',
        'http://[>; rel="next"',
        'studies?cursor=a>; rel="nextish"',
    ],
)
def test_a_link_to_another_server_is_not_followed(client: Any, service: Recorder, link: str) -> None:
    service.replies = [page(1, Link=f"<{link}"), page(2, Link=f"<{link}"), page()]
    assert found(client.search_studies(page_size=1)) == [1, 2]
    assert service.targets == ["/studies?limit=1", "/studies?limit=1&offset=1", "/studies?limit=1&offset=2"]


def test_a_link_does_not_change_who_asks(connect: Any, service: Recorder) -> None:
    service.replies = [page(1, Link=f'<{service.url.replace("//", "//eve:x@")}/studies?cursor=a>; rel="next"'), page()]
    url = service.url.replace("//", "//user:password@")
    assert found(connect(url).search_studies()) == [1]
    first, second = (request.headers["authorization"] for request in service.requests)
    assert first == second


def test_links_in_a_circle_are_no_answer(client: Any, service: Recorder) -> None:
    service.replies = [page(1, Link='<studies?cursor=a>; rel="next"')]
    with pytest.raises(BadResponse, match="circle"):
        list(client.search_studies())


def test_a_link_to_another_server_half_way_is_no_end(client: Any, service: Recorder) -> None:
    service.replies = [
        page(1, Link='<studies?cursor=a>; rel="next"'),
        page(2, Link='<http://elsewhere.example/studies?cursor=b>; rel="next"'),
    ]
    with pytest.raises(BadResponse, match="leads to another server"):
        list(client.search_studies())


def test_what_fills_the_limit_is_given_whatever_link_follows(client: Any, service: Recorder) -> None:
    service.replies = [
        page(1, Link='<studies?cursor=a>; rel="next"'),
        page(2, Link='<http://elsewhere.example/studies?cursor=b>; rel="next"'),
    ]
    assert found(client.search_studies(limit=2)) == [1, 2]


def test_empty_pages_without_end_are_no_answer(client: Any, service: Recorder) -> None:
    service.replies = [page(Link=f'<studies?cursor={number}>; rel="next"') for number in range(150)]
    with pytest.raises(BadResponse, match="from one empty page to the next"):
        list(client.search_studies())
    assert len(service.requests) == _search.MOST_EMPTY + 1


def test_a_header_of_brackets_is_no_link(client: Any, service: Recorder) -> None:
    service.replies = [page(1, Link="<" * 60_000)]
    assert found(client.search_studies()) == [1]


def test_limit_is_of_all_pages_together(client: Any, service: Recorder) -> None:
    service.replies = [page(1, 2), page(3, 4)]
    assert found(client.search_studies(limit=3, page_size=2)) == [1, 2, 3]
    assert service.targets == ["/studies?limit=2", "/studies?limit=1&offset=2"]


@pytest.mark.parametrize("ask", [list, lambda found: found.first(), lambda found: found.total()])
def test_patients_are_not_of_the_azure_service(client: Any, service: Recorder, ask: Any) -> None:
    service.replies = [Reply(404)]
    with pytest.raises(NotFound, match=f"{service.url.replace('/v2', '/dicomweb')} does"):
        ask(client.search_patients())


def test_the_first_is_asked_for_alone(client: Any, service: Recorder) -> None:
    service.replies = [page(1)]
    assert client.search_studies(PatientID="1", limit=50).first().StudyInstanceUID == "1.1"
    assert service.targets == ["/studies?PatientID=1&limit=1"]


@pytest.mark.parametrize(
    ("reply", "total"),
    [
        (page(1, X_Total_Count="4711"), 4711),
        (page(1), None),
        (recorder.json("Invalid query: unknown query parameter 'count'.", 400), None),
    ],
)
def test_the_total_is_what_the_service_says(client: Any, service: Recorder, reply: Reply, total: int | None) -> None:
    service.replies = [reply]
    assert client.search_studies(PatientID="1").total() == total
    assert service.targets == ["/studies?PatientID=1&limit=1&count=true"]


def test_a_key_that_is_refused_is_so_of_the_total_too(client: Any, service: Recorder) -> None:
    service.replies = [json("Invalid query: AttributeId Rows is not queryable.", 400)]
    with pytest.raises(BadRequest):
        client.search_studies(Rows=1).total()


def test_pages_have_the_json_and_the_headers(client: Any, service: Recorder) -> None:
    service.replies = [page(1, ETag="x"), page()]
    [first] = client.search_studies().pages()
    assert (first.json[0]["0020000D"]["Value"], first.headers["etag"]) == (["1.1"], "x")
