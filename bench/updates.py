"""How many Instances an update changes in a second.

python -m bench.updates [--instances 1000] [--side 70] [--index postgresql] [--blobs ceph] [--folder DIR]
"""

import time
from contextlib import closing

from bench import archives, commands
from filmroom.archive import Archive
from filmroom.dicom.resources import DEFAULT_PARTITION, Resource
from filmroom.protocol.dialects import DICOMWEB
from filmroom.protocol.updates import Update
from filmroom.services import operations, updates
from filmroom.services.examination import part
from filmroom.services.operations import State, Worker
from filmroom.services.store import store
from tests import data

NAME = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "New^Name"}]}}


def main() -> None:
    """Store one Study of so many images of `side` squared pixels, 16 bits each, and update it twice."""
    parser = archives.options("bench.updates", "Measure updates of a Study.")
    parser.add_argument("--instances", type=commands.count, default=1000, help="how many, a multiple of 50")
    parser.add_argument("--side", type=commands.count, default=70, help="rows and columns: 70 make a file of 10 KB")
    given = parser.parse_args()
    with archives.making(given) as (_, make), closing(Archive.open(make("data"))) as archive:
        study, series = data.uid(), data.uid()
        for _ in range(0, given.instances, 50):
            made = [
                data.image(1, given.side, given.side, StudyInstanceUID=study, SeriesInstanceUID=series)
                for _ in range(50)
            ]
            store(archive, DICOMWEB, Resource(), [part(data.file(one)) for one in made], replace=False)
        for turn in ("first", "second"):
            started = updates.start(archive, Update((study,), NAME), DEFAULT_PARTITION)
            begin = time.monotonic()
            Worker(archive, "bench").run_next()
            seconds = time.monotonic() - begin
            ended = operations.status(archive, started)
            assert (ended.state, ended.results["instanceUpdated"]) == (State.SUCCEEDED, given.instances), ended
            print(f"{turn}: {given.instances} Instances in {seconds:.2f} s, {given.instances / seconds:.0f} a second")


if __name__ == "__main__":
    commands.run(main)
