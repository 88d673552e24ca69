"""The four flows of a checkout that is served: watch, refresh, retrain, clean.

In: a checkout. Out: what the functions behind them leave in it, and in Prefect a state whose name says what came of the
run, a task run for every stage, and an account. Each run is a process of its own, and waits for the checkout where
another run holds it.
"""

from __future__ import annotations

import datetime
import fcntl
import functools
import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows import repository
from flows.account import with_last_words, write_account
from flows.checkout import FOLDER, one_run, read_seconds
from flows.clean import delete_logs, delete_runs
from flows.driver import RunReport
from flows.events import (
    PROMOTED,
    RECORDED,
    REFRESHED,
    index_resource,
    landing_resource,
    remember_announced,
    send,
    to_announce,
)
from flows.line import flow_engine
from flows.notify import tell, tell_news
from flows.progress import Progress
from flows.reaper import end_children_with_me
from flows.stage_process import stage_environment
from hilum.config import read_params, section_threads
from hilum.errors import BadDataError, GateError, HilumError, UsageError, VerificationError

log = logging.getLogger(__name__)
Words = ParamSpec("Words")

LANDED, NOTHING_NEW, CHANGING = "Landed", "Nothing new", "Still changing"
LANDING_PATHS = ("data/landings.yaml", "data/landings", "data/partitions", "data/raw")
"""What `hilum land` and `hilum withdraw` write for git, which ignores the rest of what lies there."""
PAGES = ("reports/index.html", "reports/data.html", "reports/challenge.md")
_ERRORS = {error.exit_code: error for error in (UsageError, BadDataError, GateError, VerificationError)}
_ALIKE: dict[str, Any] = {"persist_result": False, "on_failure": [tell], "on_crashed": [tell]}
logging.getLogger("flows").setLevel(logging.INFO)  # the page of a run shows its log
_HELD = "the served index answers as before; mend the cause and start this deployment again: what is done is kept."
_NEXT = {
    "promoted": "a refresh brings what landed meanwhile into the new model's index.",
    "refused": "the served index answers as before; the refused model is kept, under its tag.",
}


def tag_of(root: Path) -> str:
    """The tag of the runs of a served checkout: when it is served anew, those that are unfinished are dead."""
    return f"serve:{root.resolve()}"


def _plainly(work: Callable[Words, State]) -> Callable[Words, State]:
    """Let one of hilum's own errors be the state's message, without the traceback that only a bug deserves."""

    @functools.wraps(work)
    def checked(*args: Words.args, **kwargs: Words.kwargs) -> State:
        try:
            return work(*args, **kwargs)
        except HilumError as error:
            return Failed(message=str(error), data=error)

    return checked


@flow(name="hilum-watch", flow_run_name="watch", persist_result=False, on_failure=[tell_news], on_crashed=[tell_news])
@_plainly
def watch(root: str, source: str, settle_s: float = 600, collection: str | None = None, partial: bool = False) -> State:
    """Look at the source once; land what is new, commit it, and send one event for every landing that nobody knows."""
    here = Path(root)
    found = _look(here, source, settle_s, collection, partial)
    with _landings_at_rest(here):
        rows = to_announce(here)
        message = f"Record landing {', '.join(row.landing for row in rows)}" if rows else "Record what landings say"
        details = "".join(f"\n- {row}" for row in rows)
        commit = repository.commit(here, LANDING_PATHS, f"{message}\n{details}\n" if details else message)
    for row in rows:
        send(RECORDED, landing_resource(here, row.landing), row.payload())
        remember_announced(here, row)
    if rows:
        words = "; ".join(map(str, rows))
        held = f"`{commit[:12]}`" if commit else "nothing was left to commit"
        following = "a refresh brings the served index up to date"
        how = found["summary"] if found["landing"] else "recorded by hand"
        account = f"## {words}\n- {how}\n- commit: {held}\n- next: {following}"
        _show("landing", account)
        return Completed(name=LANDED, message=words)
    return Completed(name=CHANGING if found["verdict"] == "changing" else NOTHING_NEW, message=found["summary"])


@flow(name="hilum-refresh", flow_run_name="refresh {landing}", **_ALIKE)
@_plainly
def refresh(
    root: str,
    jobs: int,
    landing: str = "by hand",
    digest: str = "",
    then_retrain: bool = True,
    cluster: str | None = None,
) -> State:
    """Embed what is new by the promoted model and index it; nothing is trained.

    landing, digest: what was recorded, by which an operator knows the run. then_retrain: send the event for it.
    """
    from flows.refresh import has_champion
    from flows.refresh import refresh as bring_up_to_date

    here = Path(root)
    done: State[Any] = Completed(name="Refreshed", message="the served index holds every landing")
    if has_champion(here):
        _say_if_busy(here, "run")
        progress = Progress("refresh-progress", read_seconds(here))
        with flow_engine(here, jobs, cluster) as engine:
            report = bring_up_to_date(here, jobs, _threads(here), engine, progress)
        following = _HELD if report.errors else "the index answers with what is new; a retraining follows where asked."
        _show("refresh", write_account(report, here, f"Refresh {landing}", following, PAGES))
        if report.errors:
            raise with_last_words(next(iter(report.errors.values())), report, here)
    else:
        done = Completed(name="No model yet", message="no model is promoted; a retraining makes the first")
    if then_retrain:
        send(REFRESHED, index_resource(here), {"landing": landing, "digest": digest})
    return done


@flow(name="hilum-retrain", flow_run_name="retrain {landing}", **_ALIKE)
@_plainly
def retrain(root: str, jobs: int, landing: str = "by schedule", cluster: str | None = None) -> State:
    """Train a model beside the promoted one, judge both, and promote or refuse it."""
    from flows.retrain import retrain as train_and_judge

    here = Path(root)
    _say_if_busy(here, "retrain")
    progress = Progress("retrain-progress", read_seconds(here))
    try:
        with flow_engine(here, jobs, cluster) as engine:
            done = train_and_judge(here, jobs, _threads(here), engine, progress)
    except Exception as error:
        raise _accounted_for(error, progress.report, here, f"Retrain {landing}") from error
    if done.report is not None:
        account = write_account(done.report, here, f"Retrain {landing}", _NEXT.get(done.verdict, ""), PAGES)
        head = f"# {done.verdict.capitalize()}: {done.reason}\n- branch: `{done.name}`"
        tag = f"\n- tag: `{done.tag}`" if done.tag else ""
        _show("retrain", f"{head}{tag}\n\n{account}")
    if done.verdict == "refused":
        return Failed(name="Refused", message=done.reason)
    if done.verdict == "promoted":
        send(PROMOTED, index_resource(here), {"landing": landing, "name": done.name})
    return Completed(name=done.verdict.capitalize(), message=done.reason)


@flow(name="hilum-clean", flow_run_name="clean", **_ALIKE)
def clean(root: str, keep_days: int = 30) -> State:
    """Remove runs, artifacts and logs that are older than that, and after a day the runs that found nothing new."""
    here, now = Path(root), datetime.datetime.now(datetime.UTC)
    before = now - datetime.timedelta(days=keep_days)
    tags = [tag_of(here), *(f"{name}:{here.resolve()}" for name in ("line", "refresh", "retrain"))]
    runs = delete_runs(tags, before)
    idle = delete_runs(tags, now - datetime.timedelta(days=1), [NOTHING_NEW, CHANGING])
    words = f"{runs + idle} runs and {delete_logs(here, before)} log folders were removed"
    return Completed(message=words)


def _show(key: str, account: str) -> None:
    """Put an account on the page of the run; its first line is what lists of artifacts show."""
    create_markdown_artifact(account, key=key, description=account.splitlines()[0].lstrip("# "))


def _accounted_for(error: Exception, report: RunReport | None, root: Path, subject: str) -> Exception:
    """Account for a retraining that raised, and say why it did; its clone is kept, and holds the logs."""
    if report is None or not report.errors:
        return error
    clones = root.glob(f"{FOLDER}/retrain/*/{FOLDER}/logs/{report.run}")
    clone = next((path.parents[2] for path in clones), root)
    _show("retrain", write_account(report, clone, subject, _HELD))
    return with_last_words(error, report, clone)


def _look(root: Path, source: str, settle_s: float, collection: str | None, partial: bool) -> dict[str, Any]:
    """`hilum watch SOURCE --json` in the checkout; raises the error that its exit code stands for."""
    words = ["--settle", str(settle_s), *(["--collection", collection] if collection else []),
             *(["--partial"] if partial else [])]  # fmt: skip
    path = root / FOLDER / "logs" / "watch.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    end_children_with_me()
    with path.open("w", encoding="utf-8") as messages:
        done = subprocess.run(
            [sys.executable, "-c", "from hilum.cli import main; main()", "watch", source, "--json", *words],
            cwd=root, env=stage_environment(root, len(os.sched_getaffinity(0))), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=messages, text=True, start_new_session=True, check=False,
        )  # fmt: skip
    if done.returncode:
        lines = path.read_text(encoding="utf-8").splitlines()
        said = [line.partition(": ")[2] for line in lines if line.startswith(("hilum: ", "Error: "))]
        reason = said[-1] if said else f"the messages are in {path.relative_to(root)}"
        raise _ERRORS.get(done.returncode, HilumError)(f"the source could not be landed: {reason}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _landings_at_rest(root: Path) -> Iterator[None]:
    """Keep `hilum land` and `hilum withdraw` out, which take this lock and may be halfway through."""
    path = root / "data/.landings.lock"
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _say_if_busy(root: Path, lock: str) -> None:
    """Say what the run is about to wait for."""
    try:
        with one_run(root, lock=lock):
            return
    except UsageError as busy:
        log.info("%s", busy)


def _threads(root: Path) -> dict[str, int]:
    return section_threads(read_params(root / "params.yaml"))
