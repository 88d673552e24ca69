"""What a run did, in words an operator reads at three in the morning.

In: a run's report, and the files that its stages wrote. Out: Markdown: what failed, why, and where its messages are;
what happens next; what ran and how long it took, and how many bytes and rows each output has. Names and numbers only:
no text of any report, and no id of a person or a study.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from flows.checkout import FOLDER
from flows.driver import RunReport
from flows.stage_process import KEPT, RAN, RESTORED

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}|(?<![0-9])[0-9]{8}(?![0-9])")
_TAIL_BYTES = 100_000


def write_account(
    report: RunReport, root: Path, subject: str = "", following: str = "", pages: Sequence[str] = ()
) -> str:
    """The account of a run in a checkout.

    subject: what was run, as "Refresh L0002". following: what happens next, a sentence or two. pages: paths
    that an operator may want to open; those that are not there are left out.
    """
    return "\n".join(
        [
            *_verdict(report, root, subject),
            *([f"- next: {following}"] if following else []),
            *_places(report, root, pages),
            "",
            *_table(report, root),
        ]
    )


def last_words(path: Path) -> str:
    """The line with which hilum itself ended a stage, as its log has it, without ids; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    said = [line for line in lines if line.startswith("hilum: ")]
    return _ID.sub("…", said[-1].removeprefix("hilum: ")) if said else ""


def with_last_words(error: Exception, report: RunReport, root: Path) -> Exception:
    """The error with the words with which the stage that failed first ended, if there are any."""
    log = log_of(report, root, next(iter(report.errors)))
    words = last_words(log) if log is not None else ""
    return type(error)(f"{error} It said: {words}") if words else error


def log_of(report: RunReport, root: Path, name: str) -> Path | None:
    """The log of a stage in this run: it may share one with others."""
    for path in sorted((root / FOLDER / "logs" / report.run).glob("*.log")):
        if name.replace("/", ".") in path.stem.split("+"):
            return path
    return None


def _verdict(report: RunReport, root: Path, subject: str) -> Iterator[str]:
    seconds = sum(report.seconds.values())
    counts = (
        f"{report.count(RAN)} ran, {report.count(RESTORED)} restored from the cache, {report.count(KEPT)} kept"
        f"{f'; {_duration(seconds)} of work' if seconds else ''}"
    )
    if not report.errors:
        yield f"## {subject} done: {counts}" if subject else f"## Done: {counts}"
        return
    waiting = [name for name in report.outs if report.did.get(name) == "not reached"]
    yield f"## {subject} failed: {', '.join(report.errors)}" if subject else f"## Failed: {', '.join(report.errors)}"
    for name, error in report.errors.items():
        what, where, _ = str(error).partition("; its messages are in ")
        yield f"- **{name}**: {type(error).__name__}: {what}"
        log = log_of(report, root, name)
        if log is not None and (words := last_words(log)):
            yield f"- **why**: {words}"
        if log is not None and where:
            yield f"- its messages: `{log.relative_to(root)}`"
    yield f"- {counts}; not reached: {', '.join(waiting) or 'none'}"


def _places(report: RunReport, root: Path, pages: Sequence[str]) -> Iterator[str]:
    """Where to look: this page cannot link to files of the machine that did the work."""
    yield f"- checkout: `{root.resolve()}` on `{socket.gethostname()}`"
    if (root / FOLDER / "logs" / report.run).is_dir():
        yield f"- logs: `{FOLDER}/logs/{report.run}/`"
    there = [f"`{page}`" for page in pages if (root / page).exists()]
    if there:
        yield f"- to open: {', '.join(there)}"


def _table(report: RunReport, root: Path) -> Iterator[str]:
    """What failed first, then what ran; what was kept is only named."""
    order = {"failed": 0, "not reached": 2}
    named = sorted((name for name in report.outs if report.did.get(name) != KEPT),
                   key=lambda name: order.get(report.did.get(name, ""), 1))  # fmt: skip
    kept = [name for name in report.outs if report.did.get(name) == KEPT]
    if named:
        yield "| stage | what | seconds | output | size | rows |"
        yield "| --- | --- | ---: | --- | ---: | ---: |"
    for name in named:
        how = report.did.get(name, "at work")
        seconds = f"{report.seconds[name]:.1f}" if name in report.seconds else ""
        if how not in (RAN, RESTORED):
            yield f"| **{_short(name)}** | **{how}** | {seconds} | | | |"
            continue
        for number, path in enumerate(report.outs[name]):
            first = f"{_short(name)} | {how} | {seconds}" if number == 0 else " | | "
            yield f"| {first} | `{path}` | {_size(root / path)} | {_rows(root / path)} |"
    if kept:
        yield f"\n{len(kept)} stages were up to date and kept: {', '.join(kept)}"


def _short(name: str) -> str:
    """`folder/served/dvc.yaml:embed` as `served: embed`; the table is as wide as the page."""
    path, _, stage = name.rpartition("/dvc.yaml:")
    return f"{Path(path).name}: {stage}" if path else name


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _size(path: Path) -> str:
    if not path.exists():
        return ""
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
