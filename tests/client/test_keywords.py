"""A mistyped keyword is refused by the name of the method that was called."""

import inspect
from typing import Any

import pytest

from filmroom import AsyncClient, Client
from tests.client.recorder import Recorder


@pytest.mark.parametrize(
    ("method", "arguments", "keyword", "hint"),
    [
        ("search_for_studies", (), "fuzymatching", "is fuzzymatching meant?"),
        ("search_for_series", (), "study_uid", "is study_instance_uid meant?"),
        ("delete_study", ("1.2",), "zzz", "it takes study_instance_uid, partition, additional_params"),
        ("iter_study", ("1.2",), "transfersyntax", "is transfer_syntax meant?"),
        ("retrieve_instance_frames", ("1", "2", "3", [1]), "media_type", "is media_types meant?"),
        ("retrieve_study_thumbnail", ("1.2",), "qualiti", "is quality meant?"),
        ("store_instances", ([],), "paralel", "is parallel meant?"),
    ],
)
def test_the_method_and_what_was_meant_are_named(
    client: Any, service: Recorder, method: str, arguments: tuple[Any, ...], keyword: str, hint: str
) -> None:
    with pytest.raises(TypeError) as raised:
        getattr(client, method)(*arguments, **{keyword: 1})
    name, _, rest = str(raised.value).partition(".")
    assert name in {"Client", "AsyncClient"}
    assert rest == f"{method}() got an unexpected keyword argument '{keyword}'; {hint}"
    assert not service.requests


def test_of_several_the_first_is_named(client: Any) -> None:
    wrong = dict.fromkeys("jihgfedcba", 1)
    with pytest.raises(TypeError, match="argument 'j'"):
        client.search_for_studies(**wrong)


@pytest.mark.parametrize("level", ["patients", "studies", "series", "instances"])
def test_a_search_takes_what_must_match_by_its_name(client: Any, service: Recorder, level: str) -> None:
    with pytest.raises(
        TypeError, match=rf'Client\.search_{level}\(\) takes .* keywords: search_{level}\(PatientName="Doe\*"'
    ):
        getattr(client, f"search_{level}")("Doe*")
    assert not service.requests


def test_methods_say_what_they_are() -> None:
    assert inspect.iscoroutinefunction(AsyncClient.retrieve_study)
    assert not inspect.iscoroutinefunction(Client.retrieve_study)
    assert [*inspect.signature(Client.retrieve_study).parameters] == ["self", "study_instance_uid", "options"]
    assert AsyncClient.retrieve_study.__doc__ == Client.retrieve_study.__doc__
