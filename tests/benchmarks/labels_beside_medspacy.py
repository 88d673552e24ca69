"""Reports a second of `hilum annotate` beside a medspaCy pipeline of comparable targets, on one core.

usage: python tests/benchmarks/labels_beside_medspacy.py [TREE] [--peer ENVIRONMENT] [--rounds N] [--core C]

TREE        a tree in MIMIC-CXR's layout; without it, reports that the phantom writes
ENVIRONMENT a virtual environment with medspacy; made there where it is none; without it, in a temporary folder

Both read the same reports, each once and none repeated on purpose, in turns: hilum, medspaCy, hilum, medspaCy ... Each
is held to the same core, and seconds are the processor's, so that what else runs there does not count. Prints the
median of each, and the ratio: of whole runs, start-up in both; of reading alone, start-up in neither; and the hardest
one, hilum's whole run against medspaCy's reading alone. Mark: 12 times.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from material import figure, hilum, reports_of, run_children

PINS = ("medspacy==1.3.1", "spacy==3.7.5", "PyRuSH==1.0.13", "setuptools<81")
MARK = 12.0
_READING_ALONE = """
import csv, json, sys, time
from hilum.text.reader import ReportReader
from hilum.text.annotate import annotation_rows
reader = ReportReader()
with open(sys.argv[1], newline="", encoding="utf-8") as lines:
    reports = [(int(row["study_id"]), row["text"]) for row in csv.DictReader(lines)]
start = time.process_time()
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for report in reader.read(reports):
        out.writelines(json.dumps(row) + "\\n" for row in annotation_rows(report))
print(time.process_time() - start)
"""


def make_peer(environment: Path) -> str:
    """The interpreter of an environment with medspaCy, made if it is not there."""
    python = environment / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PINS], check=True)
    return str(python)


def main() -> None:
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=0)
    args = parser.parse_args()
    texts = reports_of(args.tree)
    with tempfile.TemporaryDirectory(prefix="beside-") as folder:
        python = make_peer(args.peer or Path(folder) / "peer")
        source = Path(folder) / "reports.csv"
        with source.open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([("study_id", "text"), *enumerate(texts, start=50_000_000)])
        out = str(Path(folder) / "out.jsonl")
        ours = [hilum(), "annotate", str(source), "--out", out]
        ours_alone = [sys.executable, "-c", _READING_ALONE, str(source), out]
        theirs = [python, str(Path(__file__).with_name("peer_medspacy.py")), str(source), out]
        rounds = [run_children([ours, theirs, ours_alone], core=args.core) for _ in range(args.rounds)]
    n_reports = len(texts)
    whole = n_reports / median(r[0].cpu_s for r in rounds)
    alone = n_reports / median(float(r[2].output.split()[-1]) for r in rounds)
    peer_whole = n_reports / median(r[1].cpu_s for r in rounds)
    peer_alone = n_reports / median(float(r[1].output.split()[-1]) for r in rounds)
    what = "the phantom's" if args.tree is None else "the tree's"
    print(
        f"{n_reports} of {what} reports, {len(set(texts))} distinct; {args.rounds} rounds in turns on core {args.core}"
    )
    for name, mine, other in (
        ("whole runs, start-up in both", whole, peer_whole),
        ("reading alone, start-up in neither", alone, peer_alone),
        ("hilum's whole run against medspaCy's reading alone", whole, peer_alone),
    ):
        seen = f"{mine:.0f} reports/s against {other:.0f}: {mine / other:.1f} times"
        figure(name, seen, mine / other >= MARK, f"{MARK:.0f} times")


if __name__ == "__main__":
    main()
