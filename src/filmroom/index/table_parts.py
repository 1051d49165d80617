"""What tables are made of: the types of their columns, and indexes that say how many rows they expect."""

from sqlalchemy import BigInteger, Index, Integer, MetaData, Text
from sqlalchemy.dialects import postgresql

metadata = MetaData()

# SQLite numbers rows by itself only if the type is INTEGER, which has 64 bits there.
KEY = BigInteger().with_variant(Integer, "sqlite")
# Machine text: compared by code points, so that ranges mean the same everywhere and LIKE 'a%' can use an index.
TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def index(name: str, *columns: str, rows: tuple[int, ...], unique: bool = False) -> Index:
    """An index, with what a well filled one holds: all rows, then how many share the first column, the first two, ...

    SQLite is told so when the tables are made (`statistics`). Without it every equality counts as
    selective, the partition too, and a search by PatientID would walk through the table by date of arrival.
    """
    return Index(name, *columns, unique=unique, info={"rows": rows})
