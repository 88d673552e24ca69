"""100,000 mutated reports through the reader: is every law kept, and how long does the slowest take?

usage: python tests/benchmarks/fuzz_reports.py [TREE] [--reports N] [--seed S] [--workers W] [--replay NUMBER]

TREE      a tree in MIMIC-CXR's layout whose reports are mutated; without it, the phantom writer's
--replay  read this one report of the seed alone, print its time and the laws it breaks, and write its text beside
          (mutated-SEED-NUMBER.txt, where you stand)

Every report is read by itself with an empty memory of sentences and timed in processor time; the slowest are read three
times more, and the best counts. Exits 1 if any text raises or breaks a law. Mark: 50 ms for any report of up to 20,000
characters.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from heapq import nlargest
from pathlib import Path

from laws import broken_laws
from material import figure, reports_of
from mutations import mutate

from hilum.text.reader import ReportReader

MARK_MS = 50.0
CHUNK = 250
_readers: list[ReportReader] = []


def text_of(texts: Sequence[str], seed: int, number: int) -> str:
    """The mutated report of a seed and number."""
    return mutate(texts, random.Random(f"{seed}-{number}"))


def read_once(text: str) -> tuple[float, list[str]]:
    """Processor milliseconds, and the laws broken, an exception among them."""
    if not _readers:
        _readers.append(ReportReader(batch_size=1, memo_size=0))
        gc.freeze()
    start = time.process_time()
    try:
        (report,) = _readers[0].read([(50_000_000, text)])
    except Exception as error:  # any exception is what is looked for
        return 0.0, [f"never an exception: {type(error).__name__}"]
    spent = (time.process_time() - start) * 1000
    return spent, broken_laws(text, report)


def read_some(texts: Sequence[str], seed: int, first: int, n_reports: int) -> list[tuple[float, int, int, list[str]]]:
    """(milliseconds, number, characters, laws broken) of the reports from `first` on."""
    rows = []
    for number in range(first, first + n_reports):
        text = text_of(texts, seed, number)
        spent, laws = read_once(text)
        rows.append((spent, number, len(text), laws))
    return rows


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, nargs="?")
    parser.add_argument("--reports", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--replay", type=int)
    args = parser.parse_args()
    texts = reports_of(args.tree)
    if args.replay is not None:
        replay(texts, args.seed, args.replay)
        return
    firsts = range(0, args.reports, CHUNK)
    sizes = [min(CHUNK, args.reports - first) for first in firsts]
    with multiprocessing.get_context("fork").Pool(args.workers) as pool:
        chunks = pool.starmap(partial(read_some, texts, args.seed), zip(firsts, sizes, strict=True), chunksize=1)
    rows = [row for chunk in chunks for row in chunk]
    broken = Counter(law for *_, laws in rows for law in laws)
    seen = f"{sum(bool(row[3]) for row in rows)} of {len(rows)} texts break a law"
    good = figure("any text is read, and every law is kept", seen, not broken, "none")
    for law, count in broken.most_common():
        print(f"      {law}: {count} times, first in number {next(row[1] for row in rows if law in row[3])}")
    slowest = nlargest(30, rows)
    again = [(min(read_once(text_of(texts, args.seed, row[1]))[0] for _ in range(3)), *row[1:3]) for row in slowest]
    slow = max(again)[0]
    figure(
        "the slowest report",
        f"{slow:.1f} ms, mean {sum(r[0] for r in rows) / len(rows):.2f} ms",
        slow <= MARK_MS,
        "50 ms",
    )
    for spent, number, size in nlargest(10, again):
        print(f"      {spent:6.1f} ms  number {number} of seed {args.seed}, {size} characters")
    sys.exit(not good)


def replay(texts: Sequence[str], seed: int, number: int) -> None:
    """Read one report alone, three times, and write its text where you stand."""
    text = text_of(texts, seed, number)
    Path(f"mutated-{seed}-{number}.txt").write_text(text, encoding="utf-8")
    readings = [read_once(text) for _ in range(3)]
    print(f"number {number} of seed {seed}: {min(r[0] for r in readings):.1f} ms, {len(text)} characters")
    for law in dict.fromkeys(readings[0][1]):
        print(f"      breaks: {law}")


if __name__ == "__main__":
    main()
