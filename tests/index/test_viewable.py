"""Images in the order in which people look at them, and the one that stands for all."""

from filmroom.dicom.frames import Frames
from filmroom.index import viewable
from filmroom.index.database import Database
from tests.index import given

IMAGE = Frames(1, 0, 8, b"")


def add(database: Database, *made: tuple[str, int | None, str, int | None, Frames | None]) -> None:
    """Series, its number, Instance, its number, Frames."""
    new = [
        given.new(
            "1",
            series,
            instance,
            frames=frames,
            SeriesNumber=() if series_number is None else series_number,
            InstanceNumber=() if number is None else number,
        )
        for series, series_number, instance, number, frames in made
    ]
    given.add(database, *new)


def in_order(database: Database, *uids: str) -> list[str | None]:
    with database.read() as tx:
        return [one.resource.instance for one in viewable.fetch(tx, given.named(*uids))]


def representative(database: Database, *uids: str) -> str | None:
    with database.read() as tx:
        found = viewable.fetch_representatives(tx, given.named(*uids))
    return found[0].resource.instance if found else None


def test_series_and_instances_are_in_the_order_of_their_numbers(database: Database) -> None:
    add(
        database,
        ("1.3", None, "9", 1, IMAGE),
        ("1.2", 2, "8", 1, IMAGE),
        ("1.1", 1, "7", None, IMAGE),
        ("1.1", 1, "6", 10, IMAGE),
        ("1.1", 1, "5", 9, IMAGE),
    )
    assert in_order(database, "1") == ["5", "6", "7", "8", "9"]
    assert in_order(database, "1", "1.1") == ["5", "6", "7"]


def test_what_has_no_frames_is_no_image(database: Database) -> None:
    add(database, ("1.1", 1, "5", 1, None), ("1.2", 2, "6", 1, IMAGE))
    assert in_order(database, "1") == ["6"]
    assert representative(database, "1") == "6"
    assert representative(database, "1", "1.1") is None
    assert representative(database, "1", "1.1", "5") is None


def test_the_middle_of_the_first_series_stands_for_all(database: Database) -> None:
    add(database, *(("1.1", 2, f"1.1.{number}", number, IMAGE) for number in range(9)))
    add(database, *(("1.2", 1, f"1.2.{number}", 9 - number, IMAGE) for number in range(5)))
    assert representative(database, "1") == "1.2.2"
    assert representative(database, "1", "1.1") == "1.1.4"
    assert representative(database, "1", "1.1", "1.1.7") == "1.1.7"
    assert representative(database, "2") is None
