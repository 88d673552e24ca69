"""What a landing of 2 % new studies costs, beside the first landing.

usage: python tests/benchmarks/cost_of_arrival.py [--keep FOLDER]

Clones this repository's HEAD into a new folder, runs the line up to `pack` on the phantom, lands a second tree of
2 % as many subjects, and runs it again. Prints the seconds of every parse, label and pack stage of both landings, the
stages that the second run started, and the share that the second landing cost.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("parse", "label", "pack")


def run(folder: Path, *words: str) -> tuple[float, str]:
    """Seconds and output of a command in the clone."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }
    start = time.monotonic()
    done = subprocess.run(words, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        sys.exit(f"{' '.join(words)} exited {done.returncode}\n{done.stdout[-3000:]}")
    return time.monotonic() - start, done.stdout


def timed_stages(folder: Path) -> dict[str, float]:
    """Run what is stale of parse, label and pack one stage at a time; seconds of the stages that ran."""
    run(folder, "dvc", "repro", "ingest")
    listed = run(folder, "dvc", "stage", "list", "--name-only")[1].split()
    seconds = {}
    for stage in STAGES:
        for name in (n for n in listed if n.startswith(f"{stage}@")):
            spent, output = run(folder, "dvc", "repro", "--single-item", name)
            if re.search(r"^Running stage", output, flags=re.MULTILINE):
                seconds[name] = spent
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="a folder for the clone, kept afterwards")
    folder = parser.parse_args().keep or Path(tempfile.mkdtemp(prefix="arrival-"))
    clone = folder / "hilum"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    (clone / "dvc.lock").unlink(missing_ok=True)
    first = timed_stages(clone)
    n_subjects = int(re.search(r"n_subjects: (\d+)", (clone / "params.yaml").read_text()).group(1))  # type: ignore[union-attr]
    n_new = max(2, round(0.02 * n_subjects))
    tree, truth = folder / "arrived", clone / "data/truth/L0002"
    run(clone, "hilum", "phantom", "--tree", str(tree), "--listing", str(folder / "l.parquet"), "--truth", str(truth),
        "--first-subject", str(n_subjects), "--subjects", str(n_new))  # fmt: skip
    print(run(clone, "hilum", "land", str(tree))[1].strip())
    second = timed_stages(clone)
    for name, spent in {**first, **second}.items():
        print(f"{name:32} {spent:6.1f} s")
    total, added = sum(first.values()), sum(second.values())
    mark = 0.05 * total + 3 * len(second)
    print(f"first landing {total:.1f} s; second {added:.1f} s over {len(second)} stages; mark {mark:.1f} s")
    print(f"new partitions only: {not set(first) & set(second)}; {'ok' if added <= mark else 'SHORT'}")


if __name__ == "__main__":
    main()
