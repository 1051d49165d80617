"""The rows of the table of a million: what is asked for, and which Studies and Series suit."""

from datetime import timedelta

from bench.questions import (
    Row,
    date_rows,
    days_from,
    deep,
    deep_by_cursor,
    feed,
    folded,
    follow,
    lower_rows,
    modality_rows,
    name_rows,
    newest,
    newest_instances,
    of_modality,
    of_series,
    of_study,
    study_rows,
)
from filmroom.dicom.resources import Level

ROWS = (
    Row(
        "patient",
        "PatientID",
        study_rows(
            lambda asked: (one.id for one in asked.patients()),
            lambda said: [("PatientID", said)],
            lambda said, study: study.patient.id == said,
        ),
    ),
    Row(
        "accession",
        "AccessionNumber",
        study_rows(
            lambda asked: (study.accession for study in asked.some()),
            lambda said: [("AccessionNumber", said)],
            lambda said, study: study.accession == said,
        ),
    ),
    Row(
        "prefix",
        "PatientName=Smi*",
        name_rows(lambda name: name[:3], lambda part: f"{part}*", lambda part, name: name.startswith(part)),
    ),
    Row(
        "middle",
        "PatientName=*mith*",
        name_rows(lambda name: name[1:5], lambda part: f"*{part}*", lambda part, name: part in name),
    ),
    Row(
        "middle-rare",
        "PatientName=*ith^john^a*, few found",
        name_rows(lambda name: name[2:], lambda part: f"*{part}*", lambda part, name: part in name),
    ),
    Row(
        "fuzzy",
        "PatientName=smit joh, fuzzy",
        name_rows(lambda name: f"{name[:4]} {name.split('^')[1][:3]}", str, follow, fuzzy=True),
        peer=False,
    ),
    Row(
        "fuzzy-given",
        "PatientName=kata, fuzzy",
        name_rows(lambda name: name.split("^")[1][:4], str, follow, fuzzy=True),
        peer=False,
    ),
    Row("week", "StudyDate, a week", date_rows(7)),
    Row("year", "StudyDate, a year", date_rows(365), shifts=True),
    Row("modality", "ModalitiesInStudy=MR, one in ten", modality_rows("MR")),
    Row("modality-rare", "ModalitiesInStudy=PT, one in 500", modality_rows("PT")),
    Row(
        "worklist",
        "ModalitiesInStudy=CT and StudyDate, a week",
        study_rows(
            lambda asked: (study.on for study in asked.some(of_modality("CT"))),
            lambda first: [("ModalitiesInStudy", "CT"), ("StudyDate", days_from(first, 7))],
            lambda first, study: of_modality("CT")(study) and first <= study.on < first + timedelta(days=7),
        ),
    ),
    Row("newest", "Newest 100 Studies", newest(), shifts=True),
    Row("newest-all", "Newest 100 Studies, includefield=all", newest([("includefield", "all")]), shifts=True),
    Row("newest-instances", "Newest 100 Instances", newest_instances, shifts=True),
    Row("deep", "Studies from offset 90 % on", deep(Level.STUDY), shifts=True),
    Row("deep-instances", "Instances from offset 90 % on", deep(Level.INSTANCE), shifts=True),
    Row("deep-cursor", "Studies at 90 %, by cursor", deep_by_cursor(Level.STUDY), peer=False, shifts=True),
    Row(
        "deep-instances-cursor", "Instances at 90 %, by cursor", deep_by_cursor(Level.INSTANCE), peer=False, shifts=True
    ),
    Row("series", "Series of a Study", of_study),
    Row("instances", "Instances of a CT Series, 100 to 400", of_series()),
    Row("instances-all", "the same, includefield=all", of_series([("includefield", "all")])),
    Row(
        "tag-string",
        "Series by ProtocolName",
        lower_rows(
            Level.SERIES,
            lambda asked: (series.protocol for series in asked.first_series()),
            lambda said: [("ProtocolName", said)],
            lambda said, _, series: series.protocol == said,
        ),
        peer=False,
    ),
    Row(
        "tag-number",
        "Instances by ExposureTime",
        lower_rows(
            Level.INSTANCE,
            lambda asked: (series.exposure for series in asked.first_series()),
            lambda said: [("ExposureTime", str(said))],
            lambda said, _, series: series.exposure == said,
        ),
        peer=False,
    ),
    Row(
        "tag-date",
        "Instances by AcquisitionDate, a week",
        lower_rows(
            Level.INSTANCE,
            lambda asked: (study.on for study in asked.some()),
            lambda first: [("AcquisitionDate", days_from(first, 7))],
            lambda first, study, _: first <= study.on < first + timedelta(days=7),
        ),
        peer=False,
    ),
    Row(
        "tag-name",
        "Series by PerformingPhysicianName=smit*",
        lower_rows(
            Level.SERIES,
            lambda asked: (folded(series.performer[:4]) for series in asked.first_series()),
            lambda part: [("PerformingPhysicianName", f"{part}*")],
            lambda part, _, series: folded(series.performer).startswith(part),
        ),
        peer=False,
    ),
    Row(
        "tag-private",
        "Studies by a private attribute",
        study_rows(
            lambda asked: (study.private for study in asked.some()),
            lambda said: [("00091003", said)],
            lambda said, study: study.private == said,
        ),
        peer=False,
    ),
    Row(
        "tag-sequence",
        "Studies by ProcedureCodeSequence.CodeValue",
        study_rows(
            lambda asked: (study.procedure for study in asked.some()),
            lambda said: [("ProcedureCodeSequence.CodeValue", said)],
            lambda said, study: study.procedure == said,
        ),
        peer=False,
    ),
    Row("feed", "Change feed, 100 entries", feed(metadata=False), peer=False),
    Row("feed-metadata", "the same with Metadata", feed(metadata=True), peer=False),
)
