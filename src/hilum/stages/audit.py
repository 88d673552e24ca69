"""A figure in, the chain behind it out: every hop to the raw files, the figure come to again, and what was verified.

In: a checkout, a figure and a revision. Out: an account, plain facts for text, JSON and a page. Nothing is changed.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hilum.errors import BadDataError, UsageError, VerificationError
from hilum.lineage.chain import trace
from hilum.lineage.figures import EXPLANATIONS, METRICS, Figure, find_value, list_values
from hilum.lineage.ledger import LEDGER, parse, sha256_of
from hilum.lineage.ledger_check import Noted, check_ledger
from hilum.lineage.lock import LOCKS, Stage
from hilum.lineage.record import Record, open_record
from hilum.lineage.revisions import commits_of
from hilum.lineage.signing import read_keys
from hilum.lineage.snapshots import Snapshot, WorkingTree
from hilum.lineage.source import check_source, count_agreeing, read_landed
from hilum.lineage.statement_check import check_statement
from hilum.lineage.verify import Broken, Checked, check_bytes, check_lock
from hilum.stages.audit_recompute import ReadParams, merge, recompute

PACKAGES = ("hilum", "numpy", "pandas", "pyarrow", "torch", "transformers", "faiss-cpu", "spacy", "scispacy", "dvc")
SERVED_LOCK = LOCKS[1]
FILES = (METRICS, EXPLANATIONS)


def audit_figure(record: Record, figure: Figure, read_params: ReadParams) -> dict[str, Any]:
    """The account of one figure. read_params: a section of params.yaml -> its model, as this version knows it.

    Raises UsageError if there is no such figure or nothing made it.
    """
    value = find_value(figure, record.snapshot)
    return {
        "figure": str(figure),
        "value": value,
        "state": describe_state(record),
        "recomputed": recompute(record, figure.file, read_params, [figure.name]),
        "hops": [hop.to_json() for hop in trace(record, [figure.file])],
        "source": describe_source(record),
        "environment": describe_environment(),
    }


def audit_all(record: Record, read_params: ReadParams) -> dict[str, Any]:
    """The account of every figure of FILES that the state has: they rest on one chain."""
    texts = {file: record.snapshot.read(file) for file in FILES}
    held = {file: text for file, text in texts.items() if text is not None}
    if METRICS not in held:
        raise UsageError(f"{record.snapshot.name} has no {METRICS}; run the line, or name a revision that has it.")
    values = {(file, name): value for file, text in held.items() for name, value in list_values(text, file)}
    return {
        "figure": " and ".join(held),
        "value": {name if file == METRICS else f"{file}:{name}": value for (file, name), value in values.items()},
        "state": describe_state(record),
        "recomputed": merge([recompute(record, file, read_params) for file in held]),
        "hops": [hop.to_json() for hop in trace(record, list(held))],
        "source": describe_source(record),
        "environment": describe_environment(),
    }


def verify(
    record: Record,
    paths: Sequence[str],
    levels: Sequence[str],
    threads: int,
    on_file: Callable[[int], object] = lambda size: None,
    trusted: Sequence[Path] = (),
) -> list[dict[str, Any]]:
    """Check what paths rest on, at each level named; `lock` is always checked. As JSON objects, in order.

    on_file: told of the bytes of every file hashed. trusted: public keys; without any, those that the repository holds
    may sign. Ledger and signed statement are checked last. The first broken link is the one nearest to the raw files.
    """
    stages = record.lineage.behind(paths)[::-1]
    checks: dict[str, Callable[[], Checked]] = {"lock": lambda: _check_locks(stages, record)}
    if {"cache", "source"} & set(levels):
        checks["cache"] = lambda: check_bytes(stages, record, threads, on_file)
    if "source" in levels:
        checks["source"] = lambda: check_source(record, read_landed(record), threads, on_file)
    keys = read_keys(record.snapshot, trusted)
    with_bytes = "cache" in checks
    checks["ledger"] = lambda: check_ledger(record.snapshot, keys)
    checks["statement"] = lambda: check_statement(record, keys, threads, with_bytes=with_bytes)
    done = []
    for level, check in checks.items():
        began = time.monotonic()
        try:
            checked = check()
        except BadDataError as error:
            checked = Checked(level, 0, 0, (Broken(level, "bytes that are here", str(error), missing=True),))
        done.append({
            "level": level, "n": checked.n, "bytes": checked.size, "seconds": round(time.monotonic() - began, 3),
            "broken": [vars(row) for row in checked.broken], "notes": [*getattr(checked, "notes", ())],
        })  # fmt: skip
    return done


def _check_locks(stages: Sequence[Stage], record: Record) -> Noted:
    """Check the line as the snapshot has it, and what is served as it was when it was made, where the line went on.

    So it is between a run and the refresh that follows. Forgiven are links to what stages made or to what is committed,
    where a line of the ledger names the very lock of what is served.
    """
    line = check_lock([stage for stage in stages if stage.lock != SERVED_LOCK], record)
    served = [stage for stage in stages if stage.lock == SERVED_LOCK]
    found = check_lock(served, record)
    broken, notes = found.broken, []
    for stage in served if broken and _is_recorded(SERVED_LOCK, record.snapshot) else ():
        rows = check_lock([stage], record).broken
        made = _made_at(stage, record) if rows and all(_may_lie_behind(row.where, record) for row in rows) else None
        if made:
            broken = tuple(row for row in broken if row not in rows)
            notes.append(f"{stage.name} is of commit {made[:12]}; the line has gone on, `hilum refresh` follows it")
    return Noted("lock", line.n + found.n, line.size + found.size, line.broken + broken, tuple(notes))


def _is_recorded(path: str, snapshot: Snapshot) -> bool:
    """Whether a line of the ledger has the digest of a file as it is."""
    digest = sha256_of(snapshot.read(path) or b"")
    try:
        return any(line.entry.files.get(path) == digest for line in parse(snapshot.read(LEDGER) or b""))
    except VerificationError:
        return False  # said where the ledger is checked


def _may_lie_behind(where: str, record: Record) -> bool:
    """Whether a link is to something that stages made, or that lies as it is committed; the model itself is neither."""
    path = "params.yaml" if ", params.yaml:" in where else where.partition(", read by ")[0]
    makers = [record.lineage.maker(name) for name in (path, *(out.path for out in record.lineage.inside(path)))]
    made = [maker for maker in makers if maker is not None]
    changed = record.snapshot.changed if isinstance(record.snapshot, WorkingTree) else []
    if path == where or made:
        return path != where and not any(maker.is_source for maker in made)
    return not any(name == path or name.startswith(f"{path}/") for name in changed)


def _made_at(stage: Stage, record: Record) -> str | None:
    """The last commit that recorded a stage so, and in which all its links held."""
    for commit in commits_of(record.root, SERVED_LOCK, str(record.snapshot.commit)):
        with open_record(record.root, commit) as then:
            if then.lineage.stages.get(stage.name) != stage:
                return None
            if not check_lock([stage], then).broken:
                return commit
    return None


def raise_broken(account: Mapping[str, Any]) -> None:
    """Raise what the first broken link stands for: VerificationError, or BadDataError where its bytes are not here."""
    recomputed = account["recomputed"]
    rows = [Broken(**row) for check in account.get("checks", ()) for row in check["broken"]]
    Checked("all", len(rows), 0, tuple(rows)).raise_broken()  # what is broken before what is missing
    if recomputed.get("unequal"):
        name, row = next(iter(recomputed["unequal"].items()))
        raise VerificationError(
            f"the chain is broken at {name}: recorded {row['recorded']}, recomputed {row['recomputed']}."
        )


def describe_state(record: Record) -> dict[str, Any]:
    """Which files were looked at. changed: those of the working tree that no commit holds as they are."""
    snapshot = record.snapshot
    changed = snapshot.changed if isinstance(snapshot, WorkingTree) else []
    return {"of": snapshot.name, "commit": snapshot.commit, "changed": changed}


def describe_source(record: Record) -> list[dict[str, Any]]:
    """What each landing brought, and how many of its files the source's own SHA256SUMS.txt names, with what result."""
    try:
        landed = read_landed(record)
    except BadDataError as error:
        return [{"why_not": str(error)}]
    rows = []
    for landing in landed:
        kinds = landing.listing["kind"].value_counts()
        listed, agreeing = count_agreeing(landing)
        rows.append({
            "landing": landing.name, "files": len(landing.listing), "bytes": int(landing.listing["bytes"].sum()),
            "reports": int(kinds.get("report", 0)), "images": int(kinds.get("image", 0)),
            "listed_by_source": listed, "agreeing": agreeing,
        })  # fmt: skip
    return rows


def describe_environment() -> dict[str, Any]:
    """What this audit itself ran on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "system": f"{sys.platform} {platform.machine()}", "packages": found}
