"""Which model answers: versions of the bundle in data/served, as GTO's tags in git name them.

In: commits that hold a bundle. Out: tags `search@v2.0.0`, and which version is promoted (`search#prod#N`) or was
refused (`search#rejected#N`); the highest N counts. The major number counts the models that were promoted, the minor
the challengers that were refused under one, and the patch the landings that joined its index.
`dvc artifacts get REPOSITORY search --stage prod` fetches the folder.
Known to be imperfect: a version holds what had landed when it was made. After a rollback prod is the old version, old
index included, until the refresh that must follow has made the next patch of it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gto import api
from gto.tag import parse_name

from flows import repository
from flows.bundle import BUNDLE, bundle, read_json, read_settings
from flows.checkout import one_run
from flows.decision import DECISION, HAND, write_decision
from flows.dvc_command import run_dvc
from flows.plan import plan_checkout
from flows.remotes import default_remote
from flows.sealing import RECORDS, seal
from flows.served import CHAMPION, EVIDENCE, SERVED, SERVED_LINE, has_champion
from hilum.errors import GateError, UsageError
from hilum.lineage.ledger import LEDGER

ARTIFACT, PROD, REJECTED = "search", "prod", "rejected"
Numbers = tuple[int, ...]
Number = Callable[[Numbers, Sequence[Numbers]], Numbers]
_GATES = ("green", "amber", "red")  # best first
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class Version:
    """A registered version of the artifact. numbers: major, minor, patch."""

    numbers: Numbers
    commit: str

    def __str__(self) -> str:
        return "v" + ".".join(map(str, self.numbers))

    @property
    def tag(self) -> str:
        """Its tag in git."""
        return f"{ARTIFACT}@{self}"


def promote(root: Path, ref: str) -> Version:
    """Make the bundle of a commit the next major version, and that the promoted one."""
    return _tag(root, ref, PROD, lambda now, taken: (max((n[0] for n in taken), default=0) + 1, 0, 0))


def reject(root: Path, ref: str) -> Version:
    """Register what a commit made as a refused challenger: the next minor version of the promoted one."""
    return _tag(root, ref, REJECTED, lambda now, taken: (now[0], _next(taken, now[:1]), 0))


def renew(root: Path, ref: str) -> Version:
    """Make the promoted model's new index, as a commit holds it, the next patch version and the promoted one."""
    return _tag(root, ref, PROD, lambda now, taken: (*now[:2], _next(taken, now[:2])))


def current(root: Path) -> Version | None:
    """The promoted version; None if there is none."""
    promoted = _assigned(root, PROD)
    return promoted[-1] if promoted else None


def origin(root: Path) -> Version | None:
    """The version with which the model that answers now was promoted, before any refresh; None if there is none."""
    now = current(root)
    made = (*now.numbers[:2], 0) if now else None
    return next((version for version in _versions(root).values() if version.numbers == made), None)


def decision_of(root: Path, branch: str) -> str | None:
    """What became of a branch's model, such as `search@v1.1.0 rejected`; None while its tip has no version."""
    tip = repository.resolve(root, f"refs/heads/{branch}")
    version = _versions(root).get(tip) if tip else None
    stages = [stage for stage in (PROD, REJECTED) if version in _assigned(root, stage)]
    return f"{version.tag} {stages[-1]}" if version and stages else None


def rollback(root: Path, name: str | None = None) -> Version:
    """Let an earlier version's model answer again, and commit that; the served index needs a refresh after it.

    name: of a version that was promoted, `v1.0.0`; without one, the last model before this one's number.
    Raises UsageError if there is no such version.
    """
    with one_run(root):
        version = _earlier(root, name)
        changed = repository.changed(root, [SERVED])
        if changed:
            raise UsageError(f"{', '.join(changed[:3])} differ from what is committed; commit or undo that first.")
        path = root / f"{CHAMPION}.dvc"
        old, then = path.read_text(encoding="utf-8"), repository.file_at(root, version.commit, f"{CHAMPION}.dvc")
        if then is None:
            raise UsageError(f"{version.tag} holds no model; name another version.")
        path.write_text(then, encoding="utf-8")
        try:
            run_dvc(root, "pull" if default_remote(root) else "checkout", "--quiet", "--force", f"{CHAMPION}.dvc")
        except BaseException:
            path.write_text(old, encoding="utf-8")
            raise
        model = read_json(root / CHAMPION / "settings.json")["model_id"]
        write_decision(root, "rolled back", HAND, [f"to {version.tag}"], model)
        seal(root, "rollback")
        words = f"Roll back to {ARTIFACT} {version}\n\nThe model is {model}."
        repository.commit(root, [*BUNDLE, DECISION, *RECORDS], words)
        _assign(root, version, PROD)
    return version


def promote_by_hand(root: Path, worst_gate: str, *, force: bool = False) -> Version:
    """Promote the model that the checkout's line has made. force: whatever the evidence says or lacks.

    worst_gate: the worst verdict of the gate with which a model may be promoted, by the policy.
    Raises UsageError with every reason against it, GateError if the gate is worse than the policy allows.
    """
    with one_run(root):
        reasons = _unready(root)
        if reasons:
            raise UsageError(f"nothing is promoted: {'; '.join(reasons)}.")
        verdict = read_json(root / "data/validation/validation.json")["verdict"]
        if _GATES.index(verdict) > _GATES.index(worst_gate):
            raise GateError(f"nothing is promoted: the gate is {verdict}, the policy asks for {worst_gate} or better.")
        settings = read_settings(root)
        against = _evidence_against(root, settings["model_id"])
        if against and not force:
            raise UsageError(f"nothing is promoted: {against}; --force promotes it all the same.")
        bundle(root)
        told = f"By hand{f', although {against}' if against else ''}. The gate is {verdict}."
        write_decision(root, "promoted", HAND, [told], settings["model_id"])
        seal(root, "promote")
        repository.commit(root, [*BUNDLE, DECISION, *RECORDS], f"Promote model {settings['model_id']}\n\n{told}")
        return promote(root, "HEAD")


def _unready(root: Path) -> list[str]:
    """Why what the line has made is not what git holds. The lines of runs are committed with the promotion."""
    changed = [path for path in repository.changed(root) if path != LEDGER]
    stale = [stage.stage for stage in plan_checkout(root) if stage.stale]
    return [
        *([f"{len(changed)} files are not committed ({', '.join(changed[:3])})"] if changed else []),
        *([f"{len(stale)} stages are not up to date ({', '.join(stale[:3])}), `hilum run`"] if stale else []),
    ]


def _evidence_against(root: Path, model_id: str) -> str | None:
    """Why the evidence does not speak for a model; None if it does, or if there is no champion to be compared with."""
    if not has_champion(root):
        return None
    run_dvc(root, "checkout", "--quiet", f"{CHAMPION}.dvc")
    champion = read_json(root / CHAMPION / "settings.json")["model_id"]
    if champion == model_id:
        return f"model {model_id} is promoted already"
    evidence = read_json(root / EVIDENCE) if (root / EVIDENCE).is_file() else {}
    judged = [evidence.get(side, {}).get("model_id") for side in ("challenger", "champion")]
    if judged != [model_id, champion]:
        return f"{EVIDENCE} does not compare {model_id} with {champion}, `dvc repro {SERVED_LINE}:challenge` does"
    if evidence["verdict"] != "promoted":
        return f"it was refused ({'; '.join(evidence['reasons'])})"
    return None


def _tag(root: Path, ref: str, stage: str, number: Number) -> Version:
    """Register a commit's version, unless it has one, and put it into a stage. number: (promoted one, all) -> its."""
    commit = repository.resolve(root, ref)
    if commit is None:
        raise UsageError(f"there is no commit {ref} in {root}.")
    versions = _versions(root)
    version = versions.get(commit)
    if version is None:
        now = current(root)
        taken = [other.numbers for other in versions.values()]
        version = Version(number(now.numbers if now else (0, 0, 0), taken), commit)
        name, address = repository.identity(root)
        api.register(root, ARTIFACT, commit, version=str(version), author=name, author_email=address)
    if version not in _assigned(root, stage)[-1:]:
        _assign(root, version, stage)
    return version


def _assign(root: Path, version: Version, stage: str) -> None:
    """Tag a version with a stage. Of two tags of one second DVC takes either: so this waits for the next."""
    last = max((tag.seconds for tag in repository.tags(root, f"{ARTIFACT}#*")), default=0)
    time.sleep(max(0.0, min(last + 1 - time.time(), 1.0)))
    name, address = repository.identity(root)
    api.assign(root, ARTIFACT, stage, version=str(version), force=True, author=name, author_email=address)


def _versions(root: Path) -> dict[str, Version]:
    """Commit -> the version that it is."""
    found = {}
    for tag in repository.tags(root, f"{ARTIFACT}@*"):
        numbers = _VERSION.fullmatch(parse_name(tag.name).get("version", ""))
        if numbers:
            found[tag.commit] = Version(tuple(map(int, numbers.groups())), tag.commit)
    return found


def _assigned(root: Path, stage: str) -> list[Version]:
    """The versions that were put into a stage, the last one last."""
    versions = _versions(root)
    parsed = [(parse_name(tag.name), tag.commit) for tag in repository.tags(root, f"{ARTIFACT}#{stage}#*")]
    rows = sorted((row["counter"], commit) for row, commit in parsed if row.get("counter") and commit in versions)
    return [versions[commit] for _, commit in rows]


def _earlier(root: Path, name: str | None) -> Version:
    now, served = current(root), _assigned(root, PROD)
    if now is None:
        raise UsageError("no model is promoted yet; there is nothing to roll back.")
    if name is None:
        before = [version for version in served if version.numbers[:2] < now.numbers[:2]]
        if not before:
            raise UsageError(f"{now.tag} is the first promoted model; there is none before it.")
        return max(before, key=lambda version: version.numbers)
    known = {str(version): version for version in served}
    found = known.get(name.removeprefix(f"{ARTIFACT}@"))
    if found is None or found == now:
        raise UsageError(f"'{name}' was not promoted before {now}; there are: {', '.join(sorted(known))}.")
    return found


def _next(taken: Sequence[Numbers], prefix: Numbers) -> int:
    return max((n[len(prefix)] for n in taken if n[: len(prefix)] == prefix), default=0) + 1
