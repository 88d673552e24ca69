"""What a run did, in words an operator reads at three in the morning.

In: a run's report and the files that its stages wrote. Out: Markdown: what failed and where its messages are, what ran
and how long it took, and how many bytes and rows each output has. Names and numbers only: no text of any report.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from flows.driver import RunReport
from flows.stage_process import KEPT, RAN, RESTORED

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def write_account(report: RunReport, root: Path) -> str:
    """The account of a run in a checkout."""
    return "\n".join([*_verdict(report), "", *_table(report, root)])


def _verdict(report: RunReport) -> Iterator[str]:
    counts = f"{report.count(RAN)} ran, {report.count(RESTORED)} restored from the cache, {report.count(KEPT)} kept"
    if not report.errors:
        yield f"## Done: {counts}"
        return
    waiting = [name for name in report.outs if report.did[name] == "not reached"]
    yield f"## Failed: {', '.join(report.errors)}"
    for name, error in report.errors.items():
        yield f"- **{name}**: {type(error).__name__}: {error}"
    yield f"- {counts}; not reached: {', '.join(waiting) or 'none'}"


def _table(report: RunReport, root: Path) -> Iterator[str]:
    yield "| stage | what | seconds | output | size | rows |"
    yield "| --- | --- | ---: | --- | ---: | ---: |"
    for name in report.outs:
        how = report.did[name]
        seconds = f"{report.seconds[name]:.1f}" if name in report.seconds else ""
        if how not in (RAN, RESTORED):
            yield f"| {name} | {how} | {seconds} | | | |"
            continue
        for number, path in enumerate(report.outs[name]):
            first = f"{name} | {how} | {seconds}" if number == 0 else " | | "
            yield f"| {first} | `{path}` | {_size(root / path)} | {_rows(root / path)} |"


def _size(path: Path) -> str:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    amount = float(sum(file.stat().st_size for file in files if file.is_file()))
    unit = 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    text = f"{amount:.1f} {_UNITS[unit]}" if unit else f"{amount:.0f} B"
    return f"{text} in {len(files)} files" if path.is_dir() else text


def _rows(path: Path) -> str:
    if path.suffix != ".parquet" or not path.is_file():
        return ""
    return f"{pq.read_metadata(path).num_rows:,}"
