"""`python -m tests.fuzz NAME --minutes 10`: fuzz one of the targets with atheris, guided by coverage.

A finding does not end the run: its input is kept in --findings, one for each place in our code where it came from.
"""

import argparse
import hashlib
import sys
import tempfile
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["filmroom"]):
    from tests.fuzz.targets import TARGETS, Target

from filmroom.errors import Error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--findings", type=Path, default=Path("findings"), help="folder of inputs that were found")
    parser.add_argument("--corpus", type=Path, help="folder of inputs to begin with, which grows [default: none]")
    return parser.parse_args()


class Findings:
    """Keeps the first input for each place from which an error came."""

    def __init__(self, name: str, target: Target, folder: Path) -> None:
        self.name, self.target, self.folder = name, target, folder
        self.places: dict[str, int] = {}

    def __call__(self, content: bytes) -> None:
        try:
            self.target.check(content)
        except Error as error:
            self._keep(content, error)  # a target catches those that it expects
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            self._keep(content, error)

    def _keep(self, content: bytes, error: Exception) -> None:
        ours = [one for one in traceback.extract_tb(error.__traceback__) if "filmroom" in one.filename]
        place = f"{type(error).__name__} at {ours[-1].filename}:{ours[-1].lineno}" if ours else repr(error)
        self.places[place] = self.places.get(place, 0) + 1
        if self.places[place] == 1:
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = self.folder / f"{self.name}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
            kept.write_bytes(content)
            sys.stderr.write(f"finding: {place} ({error}): {kept}\n")


def main() -> None:
    """Run until the time is over; libFuzzer says how many inputs were tried."""
    asked = _arguments()
    target = TARGETS[asked.target]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        corpus = asked.corpus or Path(scratch) / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
        dictionary = Path(scratch) / "dictionary"
        dictionary.write_text("".join(f"{_quoted(word)}\n" for word in target.dictionary))
        options = [
            f"-max_total_time={int(asked.minutes * 60)}",
            f"-max_len={target.longest}",
            f"-dict={dictionary}",
            f"-artifact_prefix={asked.findings}-",
            "-timeout=20",
            "-report_slow_units=5",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        atheris.Setup([sys.argv[0], *options, str(corpus)], Findings(asked.target, target, asked.findings))
        atheris.Fuzz()


def _quoted(word: str) -> str:
    escaped = "".join(f"\\x{byte:02x}" for byte in word.encode("latin-1"))
    return f'"{escaped}"'


main()
