"""A new model is trained beside the one that is served, judged against it, and takes its place or does not.

In: a checkout whose landings are committed. Out: a branch of its own with everything that was made and the decision,
tagged prod or rejected; where the new model was promoted, the checkout has it. All work is done in a clone
(.hilum/retrain/<branch>), from what git holds and nothing else, over the same DVC cache: the checkout can go on
landing, refreshing and answering meanwhile, and a killed retraining leaves it as it was. Started again on the same
commit's inputs it goes on where it was, and does nothing where the decision has been made.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows import promotion, remotes, repository
from flows.bundle import BUNDLE, bundle, read_json, read_settings
from flows.checkout import FOLDER, one_run, read_seconds, write_seconds
from flows.decision import POLICY, write_decision
from flows.driver import Engine, RunReport, drive
from flows.dvc_command import run_dvc
from flows.graph import THE_LINE
from flows.sealing import RECORDS, record_refusal, seal
from flows.served import CHAMPION, EVIDENCE, SERVED_LINE, has_champion
from hilum.errors import UsageError
from hilum.lineage.ledger import LEDGER, STATEMENT

log = logging.getLogger(__name__)

PROMOTED, REFUSED, NOTHING = "promoted", "refused", "nothing to do"
INPUTS = ("dvc.yaml", "params.yaml", "src", "data/landings.yaml", "data/landings", "data/partitions", "data/raw",
          SERVED_LINE)  # fmt: skip
"""What makes a retraining worth while: as git holds it, these name its branch. The promoted model is not among them, or
every promotion would be a reason for another training."""
START = "data/start"


@dataclass(frozen=True)
class Retrained:
    """name: the branch. verdict: promoted, refused or nothing to do. reason: one sentence. tag: of the version."""

    name: str
    verdict: str
    reason: str
    tag: str | None = None
    report: RunReport | None = None


def retrain(
    root: Path,
    jobs: int,
    threads: Mapping[str, int],
    engine: Engine,
    on_change: Callable[[RunReport], object] | None = None,
    cold: bool = False,
) -> Retrained:
    """Train, judge and decide; arguments as for `drive`. cold: from scratch, not from the promoted model's weights.

    Waits for the end of another retraining of this checkout.
    Raises UsageError if an input is not committed; what a failed stage stands for if one fails.
    """
    with one_run(root, wait=True, lock="retrain"):
        changed = repository.changed(root, [*INPUTS, f"{CHAMPION}.dvc"])
        if changed:
            raise UsageError(
                f"{len(changed)} files that a retraining starts from are not committed ({', '.join(changed[:3])}); "
                f"commit them or undo the change."
            )
        name = name_branch(root, cold)
        decided = promotion.decision_of(root, name)
        if decided is not None:
            return Retrained(name, NOTHING, f"{name} has been decided: {decided}")
        origin = promotion.origin(root)
        if (
            origin
            and not cold
            and repository.list_tree(root, INPUTS, origin.commit) == repository.list_tree(root, INPUTS)
        ):
            return Retrained(name, NOTHING, f"{origin.tag} was made from all of this")
        clone = _clone(root, name)
        report = None
        if repository.head(clone) == _base(clone):  # else a killed retraining has committed what it decided
            report = _train(clone, jobs, threads, engine, on_change, cold)
            _commit_decision(clone)
        return _hand_over(root, clone, name, report)


def name_branch(root: Path, cold: bool) -> str:
    """retrain/<last landing>-<digest of the committed inputs>: the same inputs, the same branch."""
    rows = repository.list_tree(root, INPUTS)
    digest = hashlib.sha256(f"{rows}{'cold' if cold else ''}".encode()).hexdigest()[:8]
    landings = sorted(path.stem for path in (root / "data/landings").glob("*.json"))
    return f"retrain/{landings[-1] if landings else 'none'}-{digest}"


def _clone(root: Path, name: str) -> Path:
    """The clone of this retraining: where a killed one left it, else a new one. Those of others are removed."""
    clone = root / FOLDER / name
    for other in clone.parent.glob("*"):
        if other != clone or not (clone / FOLDER / "base").is_file():
            shutil.rmtree(other)
    if not clone.exists():
        start = repository.clone_at_head(root, clone, name)
        (clone / FOLDER / "base").write_text(start, encoding="utf-8")
    return clone


def _base(clone: Path) -> str:
    """The commit that a clone began with; it is written when the clone is whole."""
    return (clone / FOLDER / "base").read_text(encoding="utf-8")


def _train(
    clone: Path,
    jobs: int,
    threads: Mapping[str, int],
    engine: Engine,
    on_change: Callable[[RunReport], object] | None,
    cold: bool,
) -> RunReport:
    """Bring the whole line of the clone up to date, and the challenge if there is a champion."""
    # a killed one may have begun to put the new model there, and to say so
    repository.restore(clone, [*BUNDLE, LEDGER, STATEMENT])
    run_dvc(clone, "checkout", "--quiet", "--force", "--allow-missing")
    challenged = has_champion(clone)
    _start(clone, warm=challenged and not cold)
    target = f"{SERVED_LINE}:challenge" if challenged else THE_LINE
    report = drive(clone, jobs, engine, threads, target, on_change=on_change)
    for error in report.errors.values():
        raise type(error)(f"{error} (All of this is below {FOLDER}/{clone.parent.name}/{clone.name}.)") from error
    return report


def _start(clone: Path, *, warm: bool) -> None:
    """Say in data/start.json what training starts from: the promoted model, whose files go to data/start, or nothing.

    The note may be that of an earlier promotion, and is written anew in either case.
    """
    folder = clone / START
    shutil.rmtree(folder, ignore_errors=True)
    if not warm:
        folder.with_suffix(".dvc").unlink(missing_ok=True)
        _write_note(folder, None, {})
        return
    for name in ("model", "tokenizer"):
        shutil.copytree(clone / CHAMPION / name, folder / name)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    settings = json.loads((clone / CHAMPION / "settings.json").read_text(encoding="utf-8"))
    _write_note(folder, settings["model_id"], digests)
    run_dvc(clone, "add", "--quiet", START)


def _write_note(folder: Path, model_id: str | None, files: Mapping[str, str]) -> None:
    note = {"model_id": model_id, "files": dict(files)}
    folder.with_suffix(".json").write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")


def _commit_decision(clone: Path) -> None:
    """Commit what was made and what was decided; where the new model won, it is the champion of that commit."""
    evidence = read_json(clone / EVIDENCE) if has_champion(clone) else None
    model = read_settings(clone)["model_id"]
    promoted = evidence is None or evidence["verdict"] == PROMOTED
    if promoted:
        bundle(clone)
    verdict, reason = _verdict(evidence)
    reasons = evidence["reasons"] if evidence else [reason]
    write_decision(clone, evidence["verdict"] if evidence else PROMOTED, POLICY, reasons, model)
    if promoted:
        seal(clone, "retrain")
    else:
        record_refusal(clone)
    words = (clone / EVIDENCE).with_suffix(".md").read_text(encoding="utf-8") if evidence else reason
    repository.commit(clone, ["."], f"{verdict}\n\n{words}")


def _verdict(evidence: dict[str, Any] | None) -> tuple[str, str]:
    """The decision in a line for git's log, and the reason in a sentence."""
    if evidence is None:
        return "Promote the first model", "There was no model to compare it with, and the gate let it pass."
    metric = evidence["policy"]["metric"]
    found = evidence["metrics"][metric]
    figures = "not measured" if found["difference"] is None else f"{found['champion']:.3f} -> {found['challenger']:.3f}"
    verb = "Promote" if evidence["verdict"] == PROMOTED else "Refuse"
    return f"{verb} model {evidence['challenger']['model_id']}: {metric} {figures}", "; ".join(evidence["reasons"])


def _hand_over(root: Path, clone: Path, name: str, report: RunReport | None) -> Retrained:
    """Tag the decision, and bring the branch, and a promoted model, to the checkout."""
    evidence = read_json(clone / EVIDENCE) if repository.file_at(clone, _base(clone), f"{CHAMPION}.dvc") else None
    promoted = evidence is None or evidence["verdict"] == PROMOTED
    remotes.push(clone)
    repository.push_branch(clone, name)
    if promoted:
        _take(root, name)
    # the tag comes last: while there is none, a retraining that was killed goes on here
    version = (promotion.promote if promoted else promotion.reject)(root, f"refs/heads/{name}")
    write_seconds(root, read_seconds(clone))
    if (clone / FOLDER / "logs").is_dir():
        shutil.copytree(clone / FOLDER / "logs", root / FOLDER / "logs", dirs_exist_ok=True)
    shutil.rmtree(clone)
    return Retrained(name, PROMOTED if promoted else REFUSED, _verdict(evidence)[1], version.tag, report)


def _take(root: Path, name: str) -> None:
    """Let the checkout have the promoted model: all of its branch, or the model alone where the checkout has gone on.

    A refresh must follow in the second case, which embeds what the branch did not know.
    """
    with one_run(root, wait=True):
        if repository.fast_forward(root, name, [LEDGER]):
            run_dvc(root, "checkout", "--quiet")
            return
        text = repository.file_at(root, f"refs/heads/{name}", f"{CHAMPION}.dvc")
        assert text is not None, "a promoted branch holds a champion"
        (root / f"{CHAMPION}.dvc").write_text(text, encoding="utf-8")
        run_dvc(root, "checkout", "--quiet", f"{CHAMPION}.dvc")
        seal(root, "take")
        repository.commit(root, [f"{CHAMPION}.dvc", *RECORDS], f"Take the model of {name}\n\nA refresh follows.")
