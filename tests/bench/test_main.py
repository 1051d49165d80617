import sys

import pytest

from bench import __main__ as program


@pytest.mark.parametrize("rounds", ["0", "-1", "many"])
def test_no_rounds_are_no_measurement(
    rounds: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "--rounds", rounds])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 2
    assert "--rounds" in capsys.readouterr().err
