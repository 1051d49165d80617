"""The tables of the index.

Partition → Study → Series → Instance. An attribute that can be searched by has a column named by its keyword,
which holds what is compared (`columns.py`); the column `attributes` holds the JSON of the row's attributes.
An index ends with the key that results are ordered by, so that an equality and newest-first need no sort.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from filmroom.dicom import attributes
from filmroom.dicom.moments import DATES, TIMES
from filmroom.dicom.resources import Level
from filmroom.dicom.search_attributes import MATCHING_KEYS
from filmroom.index.table_parts import KEY, TEXT, index, metadata

MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY = 0x00080061, 0x00080062
# What rows count: how many, in columns that are not named by them.
_COUNTS = {0x00201206: "series", 0x00201208: "instances", 0x00201209: "instances"}

_VALUE_TYPES = {"IS": BigInteger}


_NO_COLUMN = {MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY, *_COUNTS}


def _words_name(tag: int) -> str:
    return f"{attributes.keyword(tag)}Words"


def _utc_name(tag: int) -> str:
    return f"{attributes.keyword(tag)}UTC"


def _searchable(level: Level, *, but: set[str]) -> list[Column[Any]]:
    """A column for each attribute that can be searched by at a level.

    One more for the words of a person name, and for the moment, in UTC, that a date and its time name or a DT does,
    where the file says in which timezone.
    """
    columns = []
    for tag, at in MATCHING_KEYS.items():
        name = attributes.keyword(tag)
        if at != level or name in but or tag in _NO_COLUMN:
            continue
        vr = attributes.vr(tag) or "UN"
        columns.append(Column(name, _VALUE_TYPES.get(vr, TEXT)))
        if vr == "PN":
            columns.append(Column(_words_name(tag), TEXT))
        if vr == "DT" or tag in TIMES:
            columns.append(Column(_utc_name(tag), TEXT))
    return columns


_NAMES = ("PatientName", "PatientNameWords")

# Numbers that outlive the rows: the last watermark given, how often query tags have changed, which index this is.
counter = Table(
    "counter",
    metadata,
    Column("name", TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# Which migration the tables are at (`schema`): alembic's own table, made as alembic makes it.
alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

partition = Table(
    "partition",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("created", Double, nullable=False),
)

study = Table(
    "study",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("partition", ForeignKey("partition.key"), nullable=False),
    Column("StudyInstanceUID", TEXT, nullable=False),
    *_searchable(Level.STUDY, but={"StudyInstanceUID"}),
    Column("modalities", TEXT, nullable=False),  # distinct ones of the Series, as in DICOM: CT\MR
    Column("sop_classes", TEXT, nullable=False),  # distinct ones of the Instances, likewise
    Column("series", BigInteger, nullable=False),  # how many
    Column("instances", BigInteger, nullable=False),  # how many
    Column("newest", BigInteger, nullable=False),  # the largest watermark
    Column("expires", Double),  # when it is to be deleted, by its last store; NULL: never
    Column("attributes", LargeBinary, nullable=False),
    index("study_uid", "partition", "StudyInstanceUID", rows=(10**5, 10**5, 1), unique=True),
    index("study_newest", "partition", "key", rows=(10**5, 10**5, 1)),
    index("study_patient_id", "partition", "PatientID", "key", rows=(10**5, 10**5, 3, 1)),
    index("study_patient_name", "partition", "PatientName", "key", rows=(10**5, 10**5, 3, 1)),
    index("study_accession", "partition", "AccessionNumber", "key", rows=(10**5, 10**5, 2, 1)),
    index("study_date", "partition", "StudyDate", "key", rows=(10**5, 10**5, 50, 1)),
    index("study_birth_date", "partition", "PatientBirthDate", "key", rows=(10**5, 10**5, 10, 1)),
    index("study_referrer", "partition", "ReferringPhysicianName", "key", rows=(10**5, 10**5, 500, 1)),
    # A name that no index finds, by a part within it or fuzzily, is looked for in all of them: here, newest first, not
    # in the rows, which are twenty times as wide. PostgreSQL has no index on texts as long as these may be.
    index("study_names", "partition", "key", *_NAMES, rows=(10**5, 10**5, 1, 1, 1)).ddl_if(dialect="sqlite"),
)

# Of the few Studies that expire; the others pay nothing for it.
_EXPIRING = study.c.expires.is_not(None)
Index(
    "study_expires",
    study.c.expires,
    sqlite_where=_EXPIRING,
    postgresql_where=_EXPIRING,
    info={"rows": (10**4, 2)},
)

series = Table(
    "series",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("partition", ForeignKey("partition.key"), nullable=False),
    Column("study_key", ForeignKey("study.key"), nullable=False),
    Column("SeriesInstanceUID", TEXT, nullable=False),
    *_searchable(Level.SERIES, but={"SeriesInstanceUID"}),
    Column("instances", BigInteger, nullable=False),
    Column("newest", BigInteger, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    index("series_uid", "study_key", "SeriesInstanceUID", rows=(10**6, 10, 1), unique=True),
    index("series_newest", "partition", "key", rows=(10**6, 10**6, 1)),
    index("series_uid_alone", "partition", "SeriesInstanceUID", "key", rows=(10**6, 10**6, 1, 1)),
    index("series_modality", "partition", "Modality", "key", rows=(10**6, 10**6, 10**5, 1)),
    index("series_modality_in_study", "study_key", "Modality", rows=(10**6, 10, 5)),
)

instance = Table(
    "instance",
    metadata,
    Column("watermark", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("partition", ForeignKey("partition.key"), nullable=False),
    Column("study_key", ForeignKey("study.key"), nullable=False),
    Column("series_key", ForeignKey("series.key"), nullable=False),
    Column("SOPInstanceUID", TEXT, nullable=False),
    Column("SOPClassUID", TEXT, nullable=False),
    Column("AvailableTransferSyntaxUID", TEXT, nullable=False),
    *_searchable(Level.INSTANCE, but={"SOPInstanceUID", "SOPClassUID", "AvailableTransferSyntaxUID"}),
    Column("blob", TEXT, nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("complete", Boolean, nullable=False),  # the file has preamble and file meta information
    Column("frames", BigInteger, nullable=False),  # how many
    Column("created", Double, nullable=False),
    Column("attributes", LargeBinary, nullable=False),
    index("instance_uid", "series_key", "SOPInstanceUID", rows=(10**8, 100, 1), unique=True),
    index("instance_newest", "partition", "watermark", rows=(10**8, 10**8, 1)),
    index("instance_uid_alone", "partition", "SOPInstanceUID", "watermark", rows=(10**8, 10**8, 1, 1)),
    index("instance_study", "study_key", "watermark", rows=(10**8, 1000, 1)),
    index("instance_series", "series_key", "watermark", rows=(10**8, 100, 1)),
    index("instance_blob", "blob", rows=(10**8, 1), unique=True),
)


def _further_values(of: Table, row: Column[Any], rows: tuple[int, ...]) -> Table:
    """Values that a column of `of` has no place for: all but the first, and the component groups of person names.

    Few rows have any, so a search looks here first, and into its own columns alone if nothing here matches.
    """
    name = f"{of.name}_further_value"
    return Table(
        name,
        metadata,
        Column("row", ForeignKey(row, ondelete="CASCADE"), nullable=False),
        Column("tag", BigInteger, nullable=False),
        Column("value", TEXT, nullable=False),  # folded, numbers as text
        index(f"{name}_of", "row", rows=(rows[0], 3)),
        index(f"{name}_is", "tag", "value", "row", rows=rows),
    )


FURTHER: Mapping[Level, Table] = {
    Level.STUDY: _further_values(study, study.c.key, (10**5, 10**5, 3, 1)),
    Level.SERIES: _further_values(series, series.c.key, (10**5, 10**5, 3, 1)),
    Level.INSTANCE: _further_values(instance, instance.c.watermark, (10**5, 10**5, 3, 1)),
}

# What only a retrieve needs, apart so that the rows that searches read stay narrow.
instance_data = Table(
    "instance_data",
    metadata,
    Column("watermark", ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),
    Column("frame_start", BigInteger),  # NULL: no pixel data
    Column("frame_bits", BigInteger),
    Column("frame_spans", LargeBinary),
    Column("bulk", LargeBinary, nullable=False),  # JSON: path → [VR, offset, length]
    Column("metadata", LargeBinary, nullable=False),  # the stored text (`dicom.json_model`), compressed
)

# The first version of an Instance that has been updated since: its file, and what a retrieve of it needs.
original = Table(
    "original",
    metadata,
    Column("watermark", ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),  # of the newest
    Column("version", BigInteger, nullable=False),  # the watermark that the first had
    *(
        Column(name, instance.c[name].type, nullable=False)
        for name in ("SOPClassUID", "AvailableTransferSyntaxUID", "blob", "length", "digest", "complete", "frames")
    ),
    Column("created", Double, nullable=False),
    *(
        Column(name, instance_data.c[name].type, nullable=instance_data.c[name].nullable)
        for name in ("frame_start", "frame_bits", "frame_spans", "bulk", "metadata")
    ),
    index("original_blob", "blob", rows=(10**6, 1), unique=True),
)

# Attributes made searchable by users (`dicom.query_tags`).
query_tag = Table(
    "query_tag",
    metadata,
    Column("key", KEY, primary_key=True),
    Column("path", TEXT, nullable=False, unique=True),
    Column("vr", TEXT, nullable=False),
    Column("level", Integer, nullable=False),
    Column("creator", TEXT),
    Column("status", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("operation", TEXT),  # that indexes what was stored before
    Column("before", BigInteger, nullable=False),  # Instances with smaller watermarks are not indexed yet
    sqlite_autoincrement=True,  # what is left of a tag that is gone must never be taken for that of another
)


def _tag_values(name: str, row: Column[Any], rows: tuple[int, ...]) -> Table:
    """The values of query tags at one level. They go with the row that has them, and need no sort for newest first."""
    return Table(
        name,
        metadata,
        Column("tag", BigInteger, primary_key=True, autoincrement=False),
        Column("partition", BigInteger, primary_key=True, autoincrement=False),
        # Folded, as `columns.comparable`, numbers as text. Empty: that of the Items without a value.
        Column("value", TEXT, primary_key=True),
        Column("row", ForeignKey(row, ondelete="CASCADE"), primary_key=True),
        Column("words", TEXT),  # of a person name
        Column("in_items", BigInteger),  # a bit for each Item that has the value; NULL outside of sequences
        index(f"{name}_row", "row", "tag", rows=(rows[0], 5, 1)),
        info={"rows": rows},
        sqlite_with_rowid=False,  # the key is the index
    )


TAG_VALUES: Mapping[Level, Table] = {
    Level.STUDY: _tag_values("study_tag_value", study.c.key, (10**6, 10**5, 10**5, 5, 1)),
    Level.SERIES: _tag_values("series_tag_value", series.c.key, (10**7, 10**6, 10**6, 10, 1)),
    Level.INSTANCE: _tag_values("instance_tag_value", instance.c.watermark, (10**9, 10**8, 10**8, 100, 1)),
}

# Values that are not valid, found when what was stored before was indexed.
query_tag_error = Table(
    "query_tag_error",
    metadata,
    Column("tag", ForeignKey("query_tag.key", ondelete="CASCADE"), primary_key=True),
    Column("watermark", ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),
    Column("created", Double, nullable=False),
    Column("message", TEXT, nullable=False),
    index("query_tag_error_watermark", "watermark", rows=(10**4, 1)),
)

# One entry per change, in the order of commit. Which version is current is found when the feed is read.
change_feed = Table(
    "change_feed",
    metadata,
    Column("sequence", KEY, primary_key=True),
    Column("timestamp", Double, nullable=False),  # never before that of a smaller sequence
    Column("action", TEXT, nullable=False),  # create, update, delete
    Column("partition", BigInteger, nullable=False),
    Column("StudyInstanceUID", TEXT, nullable=False),
    Column("SeriesInstanceUID", TEXT, nullable=False),
    Column("SOPInstanceUID", TEXT, nullable=False),
    Column("watermark", BigInteger, nullable=False),  # of the version made, or deleted
    index("change_feed_time", "timestamp", "sequence", rows=(10**8, 10, 1)),
    sqlite_autoincrement=True,
)

# Blobs that had a row and have none any more, for the sweep.
deleted_blob = Table(
    "deleted_blob",
    metadata,
    Column("blob", TEXT, primary_key=True),
    Column("deleted_at", Double, nullable=False),
    index("deleted_blob_time", "deleted_at", rows=(10**4, 10)),
)

# What Studies are called where they are de-identified (`index/pseudonyms.py`), as far as that is known.
pseudonym = Table(
    "pseudonym",
    metadata,
    Column("study_key", ForeignKey("study.key", ondelete="CASCADE"), primary_key=True),
    Column("profile", BigInteger, primary_key=True, autoincrement=False),  # the number of its key
    Column("value", TEXT, nullable=False),
    index("pseudonym_value", "profile", "value", rows=(10**5, 10**5, 1)),
)

_AT: Mapping[Level, Table] = {Level.STUDY: study, Level.SERIES: series, Level.INSTANCE: instance}

# The attribute that a matching key names → its column; for a person name also that of its words, for dates and times
# that of the moment in UTC.
COLUMNS: Mapping[int, Column[Any]] = MappingProxyType(
    {
        tag: _AT[at].c[_COUNTS.get(tag) or attributes.keyword(tag) or ""]
        for tag, at in MATCHING_KEYS.items()
        if tag not in {MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY}
    }
)
WORDS: Mapping[int, Column[Any]] = MappingProxyType(
    {tag: column.table.c[_words_name(tag)] for tag, column in COLUMNS.items() if attributes.vr(tag) == "PN"}
)
UTC: Mapping[int, Column[Any]] = MappingProxyType(
    {
        tag: column.table.c[_utc_name(DATES.get(tag, tag))]
        for tag, column in COLUMNS.items()
        if tag in TIMES or tag in DATES or attributes.vr(tag) == "DT"
    }
)

_LINKS = (
    (series, study, series.c.study_key == study.c.key),
    (instance, study, instance.c.study_key == study.c.key),
    (instance, series, instance.c.series_key == series.c.key),
    (instance_data, instance, instance_data.c.watermark == instance.c.watermark),
)


def links(among: Collection[Table]) -> list[ColumnElement[bool]]:
    """How rows of these tables belong together: all that is known, so that the planner may begin anywhere."""
    return [on for child, parent, on in _LINKS if child in among and parent in among]
