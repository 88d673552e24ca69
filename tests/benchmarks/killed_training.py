"""A phase killed with SIGKILL at random moments and started again: the same bytes as never killed? And twice cold?

usage: python tests/benchmarks/killed_training.py [--trials N] [--seed S] [--save SECONDS] [--keep FOLDER]

Runs the line up to `locate` on a small phantom in a checkout of its own, then each phase's own command (as dvc.yaml has
it) once more, cold: the reference, and the time it takes. Every trial removes what the phase made, starts the command,
kills it after a random share of that time, again and again until it ends by itself, and compares checkpoint and curves.
One line a trial.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from material import figure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.pipeline.conftest import Checkout  # noqa: E402

SMALL = {"phantom": {"n_subjects": 120}, "align": {"epochs": 3}, "locate": {"epochs": 4}}
PHASES = ("align", "locate")


class Phase:
    """One phase's command in a checkout, and what it makes."""

    def __init__(self, checkout: Checkout, name: str, save_s: float) -> None:
        stage = yaml.safe_load((checkout.folder / "dvc.yaml").read_text())["stages"][name]
        self.words = shlex.split(stage["cmd"])
        self.env = checkout.environment(HILUM_SAVE_S=str(save_s))
        self.root, self.folder = checkout.folder, checkout.folder / "data" / name
        self.curves = checkout.folder / f"reports/plots/{name}.csv"

    def start(self) -> subprocess.Popen[bytes]:
        """The command, begun."""
        return subprocess.Popen(
            self.words, cwd=self.root, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def finish(self) -> float:
        """Run it to its end; seconds."""
        began = time.monotonic()
        child = self.start()
        said = child.communicate()[1]
        if child.returncode:
            sys.exit(f"{self.folder.name} exited {child.returncode}\n{said.decode()[-2000:]}")
        return time.monotonic() - began

    def remove(self) -> None:
        """What it made, and nothing else."""
        for path in sorted(self.folder.glob("*")):
            path.unlink()
        self.curves.unlink(missing_ok=True)

    def digest(self) -> str:
        """sha256 over the names and bytes of what it made."""
        found = hashlib.sha256()
        for path in [*sorted(self.folder.glob("*")), self.curves]:
            found.update(path.name.encode() + path.read_bytes())
        return found.hexdigest()

    def leftovers(self) -> list[str]:
        """Files of scratch beside the checkpoint."""
        return sorted(path.name for path in self.folder.parent.glob(f".{self.folder.name}.*"))


def trial(phase: Phase, seconds: float, chance: random.Random) -> tuple[list[float], float]:
    """Kill until it ends by itself. Returns the moments of the kills and the seconds of the last start."""
    phase.remove()
    kills: list[float] = []
    while True:
        moment = chance.uniform(0, seconds)
        child = phase.start()
        began = time.monotonic()
        try:
            child.communicate(timeout=moment if len(kills) < 3 else None)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.communicate()
            kills.append(moment)
            continue
        if child.returncode:
            sys.exit(f"{phase.folder.name} exited {child.returncode} after {len(kills)} kills")
        return kills, time.monotonic() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=float, default=0.5, help="Seconds between two savings.")
    parser.add_argument("--keep", type=Path, help="A folder for the checkout, kept afterwards.")
    args = parser.parse_args()
    folder = args.keep or Path(tempfile.mkdtemp(prefix="killed-"))
    checkout = Checkout(folder / "checkout", ROOT, SMALL)
    checkout.repro("locate")
    good = True
    for name in PHASES:
        phase = Phase(checkout, name, args.save)
        first = phase.digest()
        phase.remove()
        seconds = phase.finish()
        reference = phase.digest()
        good &= figure(f"{name}: two cold runs", f"{1 + (first != reference)} kind of bytes", first == reference, "1")
        chance, same, n_kills = random.Random(args.seed), 0, 0
        for number in range(args.trials):
            kills, last = trial(phase, seconds, chance)
            faults = ["other bytes"] * (phase.digest() != reference) + phase.leftovers()
            same, n_kills = same + (not faults), n_kills + len(kills)
            moments = ", ".join(f"{moment:.1f}" for moment in kills) or "never"
            print(f"{name} {number:2}: killed after {moments} s; went on for {last:.1f} s of {seconds:.1f} s; "
                  f"{'; '.join(faults) or 'the same bytes'}", flush=True)  # fmt: skip
        said = f"{same} of {args.trials} as never killed, {n_kills} kills"
        good &= figure(name, said, same == args.trials and n_kills >= args.trials, "all")
    sys.exit(not good)


if __name__ == "__main__":
    main()
