"""The line run side by side, beside the same line run by `dvc repro`: cold, on a phantom cut into four partitions.

usage: python tests/benchmarks/parallel_line.py [--subjects N] [--jobs N] [--engine prefect|threads] [--keep FOLDER]

Clones this repository's HEAD twice, cuts the phantom into four partitions, trains for one epoch (the phases of training
are the same in both and no partition stage), runs `dvc repro` in one clone and `hilum run --jobs N` in the other, and
compares what each took over the partition stages (from the first `ingest` to `validate`, and from the first `embed` to
`index`) and altogether. Then a run with nothing to do, and the two locks, which must be the same bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
CUT = (("p10", "p11"), ("p12", "p14"), ("p15", "p16"), ("p17", "p19"))
MARK, NO_OP_S = 1.6, 6.0
_STARTED = re.compile(r"^(?:Running stage '(?P<dvc>[^']+)'|run: (?P<run>[^ ]+@?[^ ]*(?:, [^ ]+)*))", re.MULTILINE)


def make_clone(folder: Path, name: str, subjects: int) -> Path:
    """A clone whose phantom has four partitions and whose training is one short epoch."""
    clone = folder / name
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    (clone / "dvc.lock").unlink(missing_ok=True)
    change(
        clone / "params.yaml", {"phantom": {"n_subjects": subjects}, "align": {"epochs": 1}, "locate": {"epochs": 1}}
    )
    for path in (clone / "data/partitions").iterdir():
        path.unlink()
    names = []
    for first, last in CUT:
        shards = [f"p{n}" for n in range(int(first[1:]), int(last[1:]) + 1)]
        names.append(f"L0001-{first}-{last}")
        row = {"partition": names[-1], "landing": "L0001", "shards": shards, "superseded_paths": [],
               "withdrawn_studies": [], "withdrawn_subjects": []}  # fmt: skip
        (clone / f"data/partitions/{names[-1]}.json").write_text(json.dumps(row, indent=2) + "\n")
    landing = clone / "data/landings/L0001.json"
    landing.write_text(json.dumps({**json.loads(landing.read_text()), "partitions": names}, indent=2) + "\n")
    change(clone / "data/landings.yaml", {"partitions": None})
    change(clone / "data/landings.yaml", {"partitions": {name: {"landing": "L0001"} for name in names}})
    return clone


def change(path: Path, changes: dict) -> None:
    """Set keys of a YAML file: of a section where it is one, else whole."""
    yaml = YAML()
    held = yaml.load(path)
    for key, value in changes.items():
        if isinstance(held[key], dict) and value is not None:
            held[key].update(value)
        else:
            held[key] = {} if value is None else value
    yaml.dump(held, path)


def run_timed(clone: Path, words: list[str]) -> tuple[float, dict[str, float]]:
    """Seconds of a command, and when each stage was started in it."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{clone / 'src'}{os.pathsep}{clone}",
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }
    began, starts = time.monotonic(), {}
    process = subprocess.Popen(words, cwd=clone, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        for match in _STARTED.finditer(line):
            for name in (match["dvc"] or match["run"]).split(", "):
                starts.setdefault(name.strip(), time.monotonic() - began)
    if process.wait():
        sys.exit(f"{' '.join(words)} exited {process.returncode}\n{''.join(said)[-3000:]}")
    return time.monotonic() - began, starts


def partition_seconds(starts: dict[str, float]) -> dict[str, float]:
    """Seconds from the first ingest to validate, and from the first embed to index."""

    def first(stage: str) -> float:
        return min(at for name, at in starts.items() if name.partition("@")[0] == stage)

    return {"ingest to pack": first("validate") - first("ingest"), "embed": first("index") - first("embed")}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--engine", choices=("prefect", "threads"), default="prefect")
    parser.add_argument("--keep", type=Path, help="a folder for the clones, kept afterwards")
    asked = parser.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="parallel-"))
    run = ["hilum", "run", "--jobs", str(asked.jobs), "--engine", asked.engine]
    alone = make_clone(folder, "repro", asked.subjects)
    beside = make_clone(folder, "run", asked.subjects)
    seconds = {}
    for name, clone, words in (("dvc repro", alone, ["dvc", "repro"]), ("hilum run", beside, run)):
        total, starts = run_timed(clone, words)
        seconds[name] = {**partition_seconds(starts), "the whole line": total}
        print(f"{name}: " + ", ".join(f"{what} {spent:.1f} s" for what, spent in seconds[name].items()), flush=True)
    one, two = seconds["dvc repro"], seconds["hilum run"]
    parts = ("ingest to pack", "embed")
    ratio = sum(one[p] for p in parts) / sum(two[p] for p in parts)
    say(ratio >= MARK, f"partition stages: {ratio:.2f} times faster  (mark {MARK})")
    whole = one["the whole line"] / two["the whole line"]
    say(whole >= 1, f"the whole line: {whole:.2f} times faster  (mark 1: never slower)")
    idle, _ = run_timed(beside, run)
    say(idle <= NO_OP_S, f"nothing to do: {idle:.1f} s, whole process  (mark {NO_OP_S:.0f} s)")
    same = (alone / "dvc.lock").read_bytes() == (beside / "dvc.lock").read_bytes()
    say(same, "the two locks are the same bytes" if same else "the locks differ")


def say(good: bool, figure: str) -> None:
    """One figure and whether it reached its mark."""
    print(f"{'ok   ' if good else 'SHORT'} {figure}", flush=True)


if __name__ == "__main__":
    main()
