"""What the commands do alike."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTS = """
import sys, time
from pathlib import Path
from bench import commands, servers

def main():
    with servers.folder_in(Path(sys.argv[1])) as folder:
        with servers.launched(["sleep", "600"], folder / "log") as process:
            print(process.pid, flush=True)
            time.sleep(600)

commands.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_end_by_a_signal_is_a_line_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTS, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.send_signal(number)
        _, said = run.communicate()
    assert (run.returncode, said, list(tmp_path.iterdir())) == (128 + number, f"Ended by {number.name}.\n", [])
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_every_command_is_run_so() -> None:
    texts = {path.stem: path.read_text() for path in (ROOT / "bench").glob("*.py")}
    commands = {name: text for name, text in texts.items() if 'if __name__ == "__main__":' in text}
    del commands["sender"]  # which the bench itself starts and ends
    assert len(commands) > 9
    assert [name for name, text in commands.items() if "    commands.run(main)\n" not in text] == []
