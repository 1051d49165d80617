"""An S3 that a run starts, to try the rows on: moto answers rightly, but slower than any store that is in use."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from bench.servers import MOTO
from tests.blobs import servers

OPTIONS = "FILMROOM_BLOBS_OPTIONS"  # services get them from the environment: they hold what no command line may show
NAME = urlsplit(MOTO).netloc


@contextmanager
def bucket() -> Iterator[str]:
    """The URL of an empty bucket, whose options stand in the environment as long as the block lasts."""
    before = os.environ.get(OPTIONS)
    with servers.moto(servers.free_port()) as endpoint:
        servers.make_bucket(endpoint, NAME)
        os.environ[OPTIONS] = json.dumps(servers.S3_OPTIONS | {"endpoint": endpoint})
        try:
            yield MOTO
        finally:
            if before is None:
                del os.environ[OPTIONS]
            else:
                os.environ[OPTIONS] = before
