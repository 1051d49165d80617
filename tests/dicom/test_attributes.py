import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_keyword, dictionary_VR, private_dictionary_VR

from filmroom.dicom import attributes


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("PatientID", 0x00100020),
        ("00100020", 0x00100020),
        ("0020000D", 0x0020000D),
        ("0020000d", 0x0020000D),
        ("00411001", 0x00411001),
        ("patientid", None),
        ("OverlayData", None),
        ("1002000", None),
        ("0x100020", None),
        ("0010_020", None),
        ("00100020\n", None),
        ("\N{FULLWIDTH DIGIT ONE}0100020", None),
        ("", None),
    ],
)
def test_parse(text: str, tag: int | None) -> None:
    assert attributes.parse(text) == tag


@pytest.mark.parametrize("tag", [0x00100020, 0x7FE00010, 0x60003000, 0x601E3000, 0x50020005, 0x00203102, 0x00280106])
def test_dictionary_is_that_of_pydicom(tag: int) -> None:
    assert attributes.keyword(tag) == dictionary_keyword(tag)
    assert attributes.vr(tag) == dictionary_VR(tag)


@pytest.mark.parametrize("tag", [0x00411001, 0x60013000, 0xFFFEE000, 0x00100F21])
def test_unknown_attributes_have_neither_keyword_nor_vr(tag: int) -> None:
    assert attributes.keyword(tag) is None
    assert attributes.vr(tag) is None


def test_every_keyword_leads_back_to_its_tag() -> None:
    keywords = {tag: attributes.keyword(tag) for tag in attributes.VRS}
    assert len(keywords) > 5000
    assert all(attributes.parse(keyword) == tag for tag, keyword in keywords.items() if keyword)


def test_a_retired_attribute_without_keyword_has_none() -> None:
    assert attributes.vr(0x00189445) == "OB"
    assert attributes.keyword(0x00189445) is None


@given(st.integers(0, 0xFFFFFFFF))
def test_key_and_parse_are_inverse(tag: int) -> None:
    assert attributes.parse(attributes.key(tag)) == tag


@pytest.mark.parametrize(
    ("tag", "creator"),
    [(0x0019100C, "SIEMENS MR HEADER"), (0x00291008, "SIEMENS CSA HEADER"), (0x00431001, "GEMS_PARM_01")],
)
def test_private_vr_is_that_of_pydicom(tag: int, creator: str) -> None:
    assert attributes.private_vr(tag, creator) == private_dictionary_VR(tag, creator)


@pytest.mark.parametrize(("tag", "creator"), [(0x004110FE, "GEMS_PARM_01"), (0x00431001, "nobody"), (0x00431001, "")])
def test_a_private_attribute_that_nobody_published_has_no_vr(tag: int, creator: str) -> None:
    assert attributes.private_vr(tag, creator) is None


def test_odd_groups_are_private() -> None:
    assert attributes.is_private(0x00091001)
    assert not attributes.is_private(0x00100020)
