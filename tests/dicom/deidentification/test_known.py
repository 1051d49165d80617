"""What pseudonyms stand for is known by the key that they are made with."""

from filmroom.dicom.deidentification import Deidentification, Known

ONE, OTHER = Deidentification.of([], b"one"), Deidentification.of([], b"other")


def test_what_one_key_makes_says_nothing_of_another() -> None:
    known = Known()
    known.remember(ONE, {"2.25.1": "1.2"})
    known.complete(ONE, 1, 7)
    assert (known.find(ONE, "2.25.1"), known.find(OTHER, "2.25.1")) == ("1.2", None)
    assert [known.complete_until(*place) for place in ((ONE, 1), (ONE, 2), (OTHER, 1))] == [7, 0, 0]


def test_the_same_key_under_another_name_knows_the_same() -> None:
    known = Known()
    known.remember(ONE, {"2.25.1": "1.2"})
    assert known.find(Deidentification.of([], b"one"), "2.25.1") == "1.2"
