"""The rows of data partitions."""

from filmroom.dicom.resources import DEFAULT_PARTITION
from filmroom.index import partitions
from filmroom.index.database import Database


def test_there_is_one_from_the_beginning(database: Database) -> None:
    with database.read() as tx:
        [first] = partitions.fetch_all(tx)
        assert (first.key, first.name) == (DEFAULT_PARTITION, "Microsoft.Default")
        assert partitions.count(tx) == 1


def test_partitions_are_found_by_their_names_as_they_are_written(database: Database) -> None:
    with database.begin() as tx:
        partitions.lock(tx)
        key = partitions.add(tx, "clinic", 5.0)
    with database.read() as tx:
        assert [partitions.fetch(tx, name) for name in ("clinic", "Clinic", "other")] == [key, None, None]
        assert partitions.names(tx) == {"Microsoft.Default": DEFAULT_PARTITION, "clinic": key}
        assert partitions.fetch_all(tx)[-1] == (key, "clinic", 5.0)
