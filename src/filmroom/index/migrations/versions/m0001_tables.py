"""The tables as they were when there were no migrations yet."""

from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Integer, LargeBinary, Text
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_KEY = BigInteger().with_variant(Integer, "sqlite")
_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")

_OF_STUDY = """
    StudyDate StudyDateUTC StudyTime AccessionNumber ReferringPhysicianName ReferringPhysicianNameWords
    StudyDescription PatientName PatientNameWords PatientID IssuerOfPatientID PatientBirthDate PatientSex StudyID
"""
_OF_SERIES = """
    SeriesDate SeriesDateUTC SeriesTime Modality Manufacturer InstitutionName StationName SeriesDescription
    ManufacturerModelName BodyPartExamined PerformedProcedureStepStartDate PerformedProcedureStepStartDateUTC
    PerformedProcedureStepStartTime
"""
_OF_INSTANCE = "ContentDate ContentDateUTC AcquisitionDateTime AcquisitionDateTimeUTC ContentTime"


def upgrade() -> None:
    """Make all tables."""
    _partitions()
    _studies()
    _series()
    _instances()
    _values()
    _query_tags()
    _others()


def _needed(name: str, type_: Any, *rules: Any) -> Column[Any]:
    return Column(name, type_, *rules, nullable=False)


def _texts(names: str) -> list[Column[Any]]:
    return [Column(name, _TEXT) for name in names.split()]


def _index(name: str, table: str, columns: str, unique: bool = False) -> None:
    op.create_index(name, table, columns.split(), unique=unique)


def _partitions() -> None:
    op.create_table("counter", Column("name", _TEXT, primary_key=True), _needed("value", BigInteger))
    op.create_table(
        "partition",
        Column("key", _KEY, primary_key=True),
        Column("name", _TEXT, nullable=False, unique=True),
        _needed("created", Double),
    )


def _studies() -> None:
    op.create_table(
        "study",
        Column("key", _KEY, primary_key=True),
        _needed("partition", _KEY, ForeignKey("partition.key")),
        _needed("StudyInstanceUID", _TEXT),
        *_texts(_OF_STUDY),
        *(_needed(name, _TEXT) for name in ("modalities", "sop_classes")),
        *(_needed(name, BigInteger) for name in ("series", "instances", "newest")),
        _needed("attributes", LargeBinary),
    )
    _index("study_uid", "study", "partition StudyInstanceUID", unique=True)
    _index("study_newest", "study", "partition key")
    _index("study_patient_id", "study", "partition PatientID key")
    _index("study_patient_name", "study", "partition PatientName key")
    _index("study_accession", "study", "partition AccessionNumber key")
    _index("study_date", "study", "partition StudyDate key")
    _index("study_birth_date", "study", "partition PatientBirthDate key")
    _index("study_referrer", "study", "partition ReferringPhysicianName key")
    if op.get_context().dialect.name == "sqlite":  # PostgreSQL has no index on texts as long as these may be
        _index("study_names", "study", "partition key PatientName PatientNameWords")


def _series() -> None:
    op.create_table(
        "series",
        Column("key", _KEY, primary_key=True),
        _needed("partition", _KEY, ForeignKey("partition.key")),
        _needed("study_key", _KEY, ForeignKey("study.key")),
        _needed("SeriesInstanceUID", _TEXT),
        *_texts(_OF_SERIES),
        Column("SeriesNumber", BigInteger),
        *(_needed(name, BigInteger) for name in ("instances", "newest")),
        _needed("attributes", LargeBinary),
    )
    _index("series_uid", "series", "study_key SeriesInstanceUID", unique=True)
    _index("series_newest", "series", "partition key")
    _index("series_uid_alone", "series", "partition SeriesInstanceUID key")
    _index("series_modality", "series", "partition Modality key")
    _index("series_modality_in_study", "series", "study_key Modality")


def _instances() -> None:
    op.create_table(
        "instance",
        Column("watermark", _KEY, primary_key=True, autoincrement=False),
        _needed("partition", _KEY, ForeignKey("partition.key")),
        _needed("study_key", _KEY, ForeignKey("study.key")),
        _needed("series_key", _KEY, ForeignKey("series.key")),
        *(_needed(name, _TEXT) for name in ("SOPInstanceUID", "SOPClassUID", "AvailableTransferSyntaxUID")),
        *_texts(_OF_INSTANCE),
        Column("InstanceNumber", BigInteger),
        _needed("blob", _TEXT),
        _needed("length", BigInteger),
        _needed("digest", LargeBinary),
        _needed("complete", Boolean),
        _needed("frames", BigInteger),
        _needed("created", Double),
        _needed("attributes", LargeBinary),
    )
    _index("instance_uid", "instance", "series_key SOPInstanceUID", unique=True)
    _index("instance_newest", "instance", "partition watermark")
    _index("instance_uid_alone", "instance", "partition SOPInstanceUID watermark")
    _index("instance_study", "instance", "study_key watermark")
    _index("instance_series", "instance", "series_key watermark")
    _index("instance_blob", "instance", "blob", unique=True)
    op.create_table(
        "instance_data",
        Column("watermark", _KEY, ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),
        *(Column(name, BigInteger) for name in ("frame_start", "frame_bits")),
        Column("frame_spans", LargeBinary),
        *(_needed(name, LargeBinary) for name in ("bulk", "metadata")),
    )


def _values() -> None:
    for table, key in (("study", "study.key"), ("series", "series.key"), ("instance", "instance.watermark")):
        further, tagged = f"{table}_further_value", f"{table}_tag_value"
        op.create_table(
            further,
            _needed("row", _KEY, ForeignKey(key, ondelete="CASCADE")),
            _needed("tag", BigInteger),
            _needed("value", _TEXT),
        )
        _index(f"{further}_of", further, "row")
        _index(f"{further}_is", further, "tag value row")
        op.create_table(
            tagged,
            *(Column(name, BigInteger, primary_key=True, autoincrement=False) for name in ("tag", "partition")),
            Column("value", _TEXT, primary_key=True),
            Column("row", _KEY, ForeignKey(key, ondelete="CASCADE"), primary_key=True),
            Column("words", _TEXT),
            Column("in_items", BigInteger),
            sqlite_with_rowid=False,
        )
        _index(f"{tagged}_row", tagged, "row tag")


def _query_tags() -> None:
    op.create_table(
        "query_tag",
        Column("key", _KEY, primary_key=True),
        Column("path", _TEXT, nullable=False, unique=True),
        _needed("vr", _TEXT),
        _needed("level", Integer),
        Column("creator", _TEXT),
        _needed("status", _TEXT),
        _needed("enabled", Boolean),
        Column("operation", _TEXT),
        _needed("before", BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "query_tag_error",
        Column("tag", _KEY, ForeignKey("query_tag.key", ondelete="CASCADE"), primary_key=True),
        Column("watermark", _KEY, ForeignKey("instance.watermark", ondelete="CASCADE"), primary_key=True),
        _needed("created", Double),
        _needed("message", _TEXT),
    )
    _index("query_tag_error_watermark", "query_tag_error", "watermark")


def _others() -> None:
    op.create_table(
        "change_feed",
        Column("sequence", _KEY, primary_key=True),
        _needed("timestamp", Double),
        _needed("action", _TEXT),
        _needed("partition", BigInteger),
        *(_needed(name, _TEXT) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")),
        _needed("watermark", BigInteger),
        sqlite_autoincrement=True,
    )
    _index("change_feed_time", "change_feed", "timestamp sequence")
    op.create_table("deleted_blob", Column("blob", _TEXT, primary_key=True), _needed("deleted_at", Double))
    _index("deleted_blob_time", "deleted_blob", "deleted_at")
    op.create_table(
        "operation",
        Column("id", _TEXT, primary_key=True),
        *(_needed(name, _TEXT) for name in ("name", "arguments", "state")),
        Column("percent", Integer),
        Column("checkpoint", _TEXT),
        _needed("canceling", Boolean),
        _needed("attempts", Integer),
        Column("owner", _TEXT),
        *(_needed(name, Double) for name in ("leased_until", "created", "updated")),
        *(Column(name, _TEXT) for name in ("results", "error")),
    )
    _index("operation_state", "operation", "state created")
