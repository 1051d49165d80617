"""How many Instances an update changes in a second: `python -m bench.updates COUNT SIDE`, on SQLite and a folder."""

import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench.bulk import opened
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.updates import Update
from filmroom.services import operations, updates
from filmroom.services.examination import part
from filmroom.services.operations import Worker
from filmroom.services.store import store
from tests import data

NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}


def main(count: int, side: int) -> None:
    """Store one Study of so many images of `side` squared pixels, 16 bits each, and update it twice."""
    study, series = data.uid(), data.uid()
    with tempfile.TemporaryDirectory() as folder, closing(opened(Path(folder) / "data")) as archive:
        for _ in range(0, count, 50):
            made = [data.image(1, side, side, StudyInstanceUID=study, SeriesInstanceUID=series) for _ in range(50)]
            store(archive, DICOMWEB, Resource(), [part(data.file(one)) for one in made], replace=False)
        for turn in ("first", "second"):
            operation = updates.start(archive, Update((study,), NAME), DEFAULT_PARTITION)
            begin = time.monotonic()
            Worker(archive, "bench").run_next()
            seconds = time.monotonic() - begin
            found = operations.status(archive, operation).results["instanceUpdated"]
            print(f"{turn}: {found} Instances in {seconds:.2f} s, {found / seconds:.0f} a second")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:3]))
