"""A new landing joins the served index: embedded by the promoted model, without any training.

In: a checkout with a promoted model (data/served/champion). Out: the served embeddings and index over all landings, in
data/served; the locks that say what made them, committed; and a patch version of the bundle. Partitions that are
embedded already cost nothing. A red gate stops it, and the index stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flows import promotion, remotes, repository
from flows.checkout import one_run
from flows.driver import Engine, RunReport, drive
from flows.dvc_command import run_dvc
from flows.sealing import RECORDS, seal
from flows.served import CHAMPION, SERVED, SERVED_LINE, has_champion
from hilum.config import read_landings
from hilum.errors import UsageError

LOCKS = ("dvc.lock", f"{SERVED}/dvc.lock")


def refresh(
    root: Path,
    jobs: int,
    threads: Mapping[str, int],
    engine: Engine,
    on_change: Callable[[RunReport], object] | None = None,
) -> RunReport:
    """Bring the served index up to date; arguments as for `drive`. Waits for the end of another run.

    Raises UsageError if no model has been promoted yet.
    """
    if not has_champion(root):
        raise UsageError("no model is promoted yet; `hilum retrain` trains and promotes one, `hilum promote` this one.")
    with one_run(root, wait=True):
        run_dvc(root, "checkout", "--quiet", f"{CHAMPION}.dvc")
    report = drive(root, jobs, engine, threads, f"{SERVED_LINE}:index", on_change=on_change, wait=True)
    if not report.errors:
        with one_run(root, wait=True):
            seal(root, "refresh")
            repository.commit(root, [*LOCKS, *RECORDS], _describe(root))
        if not _is_tagged(root):  # asked of what git holds: a killed refresh may have committed and not tagged
            remotes.push(root)
            promotion.renew(root, "HEAD")
    return report


def _is_tagged(root: Path) -> bool:
    """Whether the promoted version holds the index that HEAD holds; so it is where no version is known."""
    now = promotion.current(root)
    held = [repository.file_at(root, commit, LOCKS[1]) for commit in (now.commit if now else "HEAD", "HEAD")]
    return held[0] == held[1]


def _describe(root: Path) -> str:
    landings = sorted({row.landing for row in read_landings(root / "data/landings.yaml").partitions.values()})
    return f"Refresh the served index: {', '.join(landings)}"
