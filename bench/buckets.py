"""An S3 that a run starts: moto, to try the rows on, slower than any store that is in use; or a real Ceph."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.servers import STARTED
from tests.blobs import servers

OPTIONS = "FILMROOM_BLOBS_OPTIONS"  # services get them from the environment: they hold what no command line may show
KINDS = servers.S3_KINDS


@contextmanager
def bucket(kind: str, folder: Path | None) -> Iterator[str]:
    """The URL of an empty bucket of a kind, whose options stand in the environment as long as the block lasts."""
    before = os.environ.get(OPTIONS)
    with servers.s3(kind, folder) as endpoint:
        servers.make_bucket(endpoint, STARTED)
        os.environ[OPTIONS] = json.dumps(servers.S3_OPTIONS | {"endpoint": endpoint})
        try:
            yield f"s3://{STARTED}/{kind}"
        finally:
            if before is None:
                del os.environ[OPTIONS]
            else:
                os.environ[OPTIONS] = before
