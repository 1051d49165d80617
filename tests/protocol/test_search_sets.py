import re
from pathlib import Path
from types import ModuleType

import pytest

from filmroom.dicom import attributes, search_attributes
from filmroom.protocol import search_sets


@pytest.mark.parametrize("module", [search_sets, search_attributes], ids=lambda module: module.__name__)
def test_every_tag_is_what_its_comment_says(module: ModuleType) -> None:
    assert module.__file__
    rows = re.findall(r"0x([0-9A-F]{8}).*# (\w+)\b", Path(module.__file__).read_text())
    assert rows
    for tag, keyword in rows:
        assert attributes.keyword(int(tag, 16)) == keyword


def test_all_has_more_than_the_default() -> None:
    for level, tags in search_sets.AZURE_ALL.items():
        assert tags >= search_sets.V1_RETURNED[level]
