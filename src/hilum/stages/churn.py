"""How the labels of reports differ between the code at a revision and the code here: `hilum annotate --diff` runs this.

In: reports, a revision. Both versions annotate the same reports, each in a process of its own with its own params.yaml:
the revision's from a temporary folder, this checkout's as it lies there, commits or not. Out: the churn as words or
JSON, and every change in a file. No DVC stage.
"""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hilum.errors import UsageError
from hilum.labels.churn import NEEDED, Churn, compare_labels, count_changes, labels_of
from hilum.lineage.revisions import resolve_revision
from hilum.lineage.versions import HERE, annotate_with, check_out
from hilum.tables import whole_file
from hilum.text.reports import STDIN, Reports

log = logging.getLogger(__name__)

KINDS = ("appeared", "vanished", "changed")
_MOST_ROWS = 40


def run(source: Path, revision: str, root: Path, out: Path | None, on_conflict: str, as_json: bool) -> str:
    """The churn from a revision to the working tree; every change goes to `out` (.csv or .jsonl).

    root: the checkout, where params.yaml lies. Raises UsageError if the revision cannot be had or has no `hilum
    annotate`, BadDataError if one of the two cannot annotate the source.
    """
    if out is not None and out.suffix not in (".csv", ".jsonl"):
        raise UsageError(f"{out} is neither a .csv nor a .jsonl; the changes are written as one of these.")
    commit = resolve_revision(root, revision)
    with TemporaryDirectory(prefix="hilum-diff-") as name:
        folder = Path(name)
        old = check_out(root, revision, commit, folder / "then")
        reports = _readable_by_any(source, folder)
        log.info("annotate: reading %s with the code of %s (%s) and of %s", source, revision, commit[:8], HERE)
        homes = {f"revision {revision}": old, HERE: root}
        with ThreadPoolExecutor(len(homes)) as both:
            done = [
                both.submit(annotate_with, home, reports, folder / f"{number}.jsonl", side)
                for number, (side, home) in enumerate(homes.items())
            ]
            before, after = (labels_of(read_columns(job.result()), on_conflict) for job in done)
    churn = compare_labels(before, after)
    if out is not None:
        write_changes(out, churn)
    return _as_json(churn, revision, commit) if as_json else "\n".join(list_churn(churn, revision, commit))


def _readable_by_any(source: Path, folder: Path) -> Path:
    """A source in a form that every version reads: tables and standard input become a csv that lives as long."""
    is_table = source.suffix == ".parquet" or (source.is_dir() and any(source.glob("*.parquet")))
    if str(source) != "-" and not is_table:
        Reports(source)  # a wrong one is refused here, once
        return source.resolve()
    path = folder / f"{STDIN if str(source) == '-' else 'texts'}.csv"
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(("study_id", "text"))
        writer.writerows(Reports(source))
    return path


def read_columns(path: Path) -> dict[str, list[Any]]:
    """What the comparison needs of a file of annotations, by column; words are kept once, however often they stand."""
    columns: dict[str, list[Any]] = {name: [] for name in NEEDED}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            for name, values in columns.items():
                value = row.get(name)
                values.append(sys.intern(value) if isinstance(value, str) else value)
    return columns


def write_changes(out: Path, churn: Churn) -> None:
    """Every change, one row each: csv (empty = none) or JSON lines."""
    rows: Sequence[Mapping[str, Any]] = churn.changes.to_dict("records")  # type: ignore[assignment]
    with whole_file(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as lines:
        if out.suffix == ".jsonl":
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(lines, list(churn.changes.columns))
            writer.writeheader()
            writer.writerows(rows)


def list_churn(churn: Churn, revision: str, commit: str) -> list[str]:
    """The churn as a table for people."""
    rows = count_changes(churn.changes)
    kinds = ", ".join(f"{churn.count(kind):,} {kind}" for kind in KINDS)
    lines = [
        f"labels of {revision} ({commit[:8]}) -> {HERE}: {churn.n_before:,} -> {churn.n_after:,}",
        f"{churn.share_unchanged:.2%} of {churn.n_pairs:,} pairs of study, region and finding unchanged; {kinds}",
    ]
    if not rows:
        return lines
    cells = [("n", "finding", "region", "before -> after", "for example")]
    for row in rows[:_MOST_ROWS]:
        change = f"{row['before'] or 'none'} -> {row['after'] or 'none'}"
        cells.append((f"{row['n']:,}", row["finding"], row["region"] or "unplaced", change, " ".join(row["examples"])))
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    lines.append("")
    for n, *words, examples in cells:
        padded = "  ".join(word.ljust(width) for word, width in zip(words, widths[1:], strict=True))
        lines.append(f"{n:>{widths[0]}}  {padded}  {examples}".rstrip())
    if len(rows) > _MOST_ROWS:
        rest = sum(row["n"] for row in rows[_MOST_ROWS:])
        lines.append(f"and {len(rows) - _MOST_ROWS:,} more kinds with {rest:,} changes; --out FILE.csv lists every one")
    return lines


def _as_json(churn: Churn, revision: str, commit: str) -> str:
    document = {
        "revision": revision,
        "commit": commit,
        "n_before": churn.n_before,
        "n_after": churn.n_after,
        "n_pairs": churn.n_pairs,
        "n_unchanged": churn.n_unchanged,
        "share_unchanged": churn.share_unchanged,
        **{f"n_{kind}": churn.count(kind) for kind in KINDS},
        "changes": count_changes(churn.changes),
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
