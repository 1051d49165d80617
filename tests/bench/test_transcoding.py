"""Changes of Transfer Syntax are measured of a real service, and a wrong answer does not count."""

from pathlib import Path

import pytest

from bench import transcoding
from bench.client import WrongAnswerError
from bench.data import Instance, Shape, new_run
from bench.servers import Setup, filmroom
from bench.service import Service
from bench.transcoding import CODECS, Pair


def test_every_pair_is_measured_and_what_is_wrong_is_told(tmp_path: Path) -> None:
    with filmroom(tmp_path, Setup(1)) as server:
        at = Service(server.name, server.url)
        native = Instance(Shape(16, 16, frames=2), new_run(), at.new_study(), 0, 0)
        at.store_all([native])
        for uid in CODECS:
            to, back = transcoding.pairs(at, native, uid, 0.1)
            assert (to.source, to.target) == (back.target, back.source)
            assert min(to.codec, to.service, back.codec, back.service) > 0
        with pytest.raises(WrongAnswerError, match="status 406"):
            transcoding._served(at, native, native.path, 'video/mp4"', 0.1)


def test_the_service_is_told_as_a_share_of_the_codec() -> None:
    assert Pair("native", "RLE Lossless", 200, 130).row() == "200.0 | 130.0 | 65%"


def test_a_codec_that_is_not_measured_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench.transcoding", "--codecs", transcoding.RLE, "1.2.3"])
    with pytest.raises(SystemExit) as end:
        transcoding.main()
    assert (end.value.code, "invalid choice: '1.2.3' (choose from '1.2.840" in capsys.readouterr().err) == (2, True)
