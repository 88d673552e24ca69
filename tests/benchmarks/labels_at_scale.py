"""Seconds and memory of `hilum parse` and `hilum label` on 10,000 to 227,835 reports: is the cost per report constant?

usage: python tests/benchmarks/labels_at_scale.py [TREE] [--reports N ...] [--workers W] [--distinct] [--keep FOLDER]

TREE        a tree in MIMIC-CXR's layout whose reports are drawn again and again; without it, the phantom writer's
--distinct  half of the words of every report swapped for words of the same collection, so that hardly a sentence occurs
            twice and the memory of sentences cannot help: harder than any real collection

Writes the reports as partitions of about 40,000, then runs the stages as the line does, one process a partition, W of
them at once (default 2). Prints for each size the seconds, reports a second, the peak memory of any one process, and
the processor's time for a report beside that of the smallest size, what a process costs on one report taken off. Marks:
227,835 reports in 180 s on 2 cores, 1.5 GiB a process, cost of a report at most 1.2 times that of the smallest size.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import shutil
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from material import Finished, figure, hilum, reports_of, run_children

SIZES = (10_000, 50_000, 227_835)
PARTITION = 40_000
MARK_S, MARK_MIB, MARK_RATIO = 180.0, 1536.0, 1.2
_WORD = re.compile(r"[a-z]{3,}")
_SCHEMA = pa.schema(
    [pa.field("study_id", pa.int64(), False), pa.field("subject_id", pa.int64(), False)]
    + [pa.field(name, pa.string(), False) for name in ("split", "text")]
)


def make_distinct(text: str, words: list[str], rng: random.Random) -> str:
    """Every other word in small letters swapped for one that occurs in the collection, as often as it occurs there."""
    return _WORD.sub(lambda m: rng.choice(words) if rng.random() < 0.5 else m[0], text)


def write_partitions(folder: Path, texts: list[str], n_reports: int, distinct: bool) -> list[Path]:
    """`n_reports` drawn from the texts with a fixed seed, ids rising, as REPORTS tables of about PARTITION rows."""
    rng = random.Random(n_reports)
    words = [word for text in texts for word in _WORD.findall(text)]
    n_files = min(n_reports, max(2, math.ceil(n_reports / PARTITION)))
    edges = [n_reports * i // n_files for i in range(n_files + 1)]
    paths = []
    for number, (low, high) in enumerate(pairwise(edges)):
        drawn = rng.choices(texts, k=high - low)
        if distinct:
            drawn = [make_distinct(text, words, rng) for text in drawn]
        columns = [list(range(50_000_000 + low, 50_000_000 + high)), list(range(10_000_000 + low, 10_000_000 + high))]
        table = pa.table([*columns, ["train"] * len(drawn), drawn], schema=_SCHEMA)
        paths.append(folder / f"texts-{number}.parquet")
        pq.write_table(table, paths[-1], compression="zstd")
    return paths


def run_stages(folder: Path, texts: list[Path], workers: int) -> tuple[float, list[Finished]]:
    """Wall seconds of parse and label over all partitions, and every process."""
    start = time.monotonic()
    parsed, labels = [], []
    for number, path in enumerate(texts):
        names = ("sections", "mentions", "terms", "labels", "chexpert")
        sections, mentions, terms, out, chexpert = (str(folder / f"{name}-{number}.parquet") for name in names)
        both = ["--texts", str(path), "--sections", sections, "--mentions", mentions]
        parsed.append([hilum(), "parse", *both, "--unknown-terms", terms])
        labels.append([hilum(), "label", *both, "--out", out, "--chexpert", chexpert])
    done = run_children(parsed, at_once=workers) + run_children(labels, at_once=workers)
    return time.monotonic() - start, done


def main() -> None:
    """Measure every size and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("--reports", type=int, nargs="+", default=SIZES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--distinct", action="store_true")
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    texts, first = reports_of(args.tree), None
    print(f"{len(texts)} reports of {'the phantom' if args.tree is None else 'the tree'} drawn again and again", end="")
    print(f"{', half of the words swapped' if args.distinct else ''}; {args.workers} workers")
    for n_reports in (1, *args.reports):
        folder = Path(tempfile.mkdtemp(prefix="scale-", dir=args.keep))
        seconds, done = run_stages(folder, write_partitions(folder, texts, n_reports, args.distinct), args.workers)
        if n_reports == 1:
            idle_s = sum(child.cpu_s for child in done) / len(done)
        else:
            cost_ms = sum(child.cpu_s - idle_s for child in done) / n_reports * 1000
            first = first or cost_ms
            say_size(folder, n_reports, seconds, done, (cost_ms, cost_ms / first))
        if args.keep is None:
            shutil.rmtree(folder)


def say_size(folder: Path, n_reports: int, seconds: float, done: list[Finished], cost: tuple[float, float]) -> None:
    """Print the figures of one size. cost: milliseconds a report, and its ratio to the smallest size's."""
    n_mentions = sum(pq.read_metadata(path).num_rows for path in folder.glob("mentions-*.parquet"))
    half = len(done) // 2
    parse_mib, label_mib = (max(child.peak_mib for child in children) for children in (done[:half], done[half:]))
    limit = MARK_S * max(1.0, n_reports / SIZES[-1])
    print(f"{n_reports} reports, {half} partitions, {n_mentions} mentions: {n_reports / seconds:.0f} reports/s")
    figure("  parse and label", f"{seconds:.1f} s", seconds <= limit, f"{limit:.0f} s")
    good = max(parse_mib, label_mib) <= MARK_MIB
    figure("  peak of parse, of label", f"{parse_mib:.0f}, {label_mib:.0f} MiB", good, f"{MARK_MIB:.0f} MiB")
    seen = f"{cost[0]:.3f} ms of processor, {cost[1]:.2f} times that of the smallest"
    figure("  cost of a report", seen, cost[1] <= MARK_RATIO, f"{MARK_RATIO} times")


if __name__ == "__main__":
    main()
