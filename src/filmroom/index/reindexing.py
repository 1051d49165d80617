"""Query tags for what was stored before they were declared: newest first, in batches. No function commits.

How far it has come is written with the values of each batch, so it can end at any point and be gone on with, and
nothing is counted twice.
"""

import time
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import insert, select

from filmroom.dicom import json_model, query_tags
from filmroom.dicom.query_tags import BUILT_IN, QueryTag, Status
from filmroom.index import query_tags as tag_rows
from filmroom.index import watermarks
from filmroom.index.packing import unpack
from filmroom.index.query_tags import Rows, TagValues
from filmroom.index.tables import instance, instance_data, query_tag, query_tag_error, study
from filmroom.index.transaction import Transaction


class Pending(NamedTuple):
    """A tag for which Instances below a watermark are not indexed yet."""

    tag: QueryTag
    before: int
    beside: tuple[QueryTag, ...]  # what is read with it: the other tags of its sequence


class Problem(NamedTuple):
    """A value that is not valid."""

    tag: QueryTag
    message: str


class Read(NamedTuple):
    """What an Instance has of the tags."""

    rows: Rows
    values: list[TagValues]
    problems: list[Problem]


def fetch_pending(tx: Transaction, keys: Collection[int]) -> list[Pending]:
    """Those of the tags that are being added."""
    there = select(*tag_rows.COLUMNS, query_tag.c.before).where(
        query_tag.c.key.in_(list(keys)), query_tag.c.status == Status.ADDING
    )
    found = [(tag_rows.tag_of(row), row.before) for row in tx.core.execute(there.order_by(query_tag.c.key))]
    known = (*BUILT_IN, *tag_rows.indexed(tx)) if any(tag.holder for tag, _ in found) else ()
    return [Pending(tag, before, tag_rows.beside(tag, known)) for tag, before in found]


def read(tx: Transaction, pending: Sequence[Pending], limit: int) -> list[Read]:
    """What the next Instances have of the tags, newest first."""
    first = max(one.before for one in pending)
    found = tx.core.execute(
        select(
            instance.c.partition,
            instance.c.study_key,
            instance.c.series_key,
            instance.c.watermark,
            instance_data.c.metadata,
        )
        .where(instance.c.watermark < first, instance_data.c.watermark == instance.c.watermark)
        .order_by(instance.c.watermark.desc())
        .limit(limit)
    )
    return [_read(Rows(*row[:4]), pending, row.metadata) for row in found]


def _read(rows: Rows, pending: Iterable[Pending], packed: bytes) -> Read:
    asked = [one for one in pending if rows.watermark < one.before]
    tags = [one.tag for one in asked]
    elements = orjson.loads(json_model.azure(unpack(packed)))
    found = ((tag, query_tags.unexpected_vr(tag, elements) or query_tags.bad_value(tag, elements)) for tag in tags)
    problems = [Problem(tag, message) for tag, message in found if message is not None]
    together = {tag.key: tag for one in asked for tag in (one.tag, *one.beside)}
    return Read(rows, tag_rows.prepare(query_tags.extract(together.values(), elements)), problems)


def write(tx: Transaction, pending: Sequence[Pending], batch: Sequence[Read]) -> None:
    """Write what was read, unless the tags have changed since. An empty batch is the end: the tags are ready."""
    # Who removes a Study holds its row and then waits for the watermarks: whoever wants both takes them in this order.
    rows_of_studies = select(study.c.key).where(study.c.key.in_({one.rows.study for one in batch}))
    tx.core.execute(rows_of_studies.order_by(study.c.key).with_for_update(read=True, key_share=True))
    watermarks.lock(tx)
    keys = {one.tag.key for one in pending}
    if fetch_pending(tx, keys) != list(pending):
        return
    if not batch:
        tag_rows.change(tx)
        tag_rows.assign(tx, keys, status=Status.READY, operation=None)
        return
    numbers = [one.rows.watermark for one in batch]
    there = set(tx.core.scalars(select(instance.c.watermark).where(instance.c.watermark.in_(numbers))))
    still = [one for one in batch if one.rows.watermark in there]
    tag_rows.fill(tx, ((one.rows, one.values) for one in still), keys)
    _note(tx, still)
    done = numbers[-1]
    tag_rows.assign(tx, [one.tag.key for one in pending if one.before > done], before=done)


def _note(tx: Transaction, batch: Iterable[Read]) -> None:
    now = time.time()
    errors: list[dict[str, Any]] = [
        {"tag": problem.tag.key, "watermark": one.rows.watermark, "created": now, "message": problem.message}
        for one in batch
        for problem in one.problems
    ]
    if errors:
        tag_rows.change(tx)
        tx.core.execute(insert(query_tag_error), errors)
        tag_rows.assign(tx, {error["tag"] for error in errors}, enabled=False)


def percent(batch: Sequence[Read], of: int) -> int:
    """How much is done, by watermarks: who would count Instances would read all of them."""
    return 100 - 100 * batch[-1].rows.watermark // max(of, 1) if batch else 100
