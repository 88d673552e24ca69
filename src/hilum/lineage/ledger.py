"""The ledger: what every run left behind, in lines that none can change, drop or slip in unseen.

In: a checkout after a run. Out: a line of reports/ledger.jsonl, which git holds: the sha256 of what dvc.lock, metrics
and decision were, the commit that the run started from, what it ran on, the lines it follows, and a signature where
this machine has a key. Branches may each add lines: git merges them as a union, and the next line follows both.
Known to be imperfect: the last lines can be cut off together with all the commits that hold them; an auditor notices
only if he has seen one of them before, or a tag of it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilum.errors import VerificationError
from hilum.lineage.revisions import is_ancestor, lines_removed
from hilum.lineage.signing import Keys, Signer
from hilum.lineage.snapshots import Snapshot
from hilum.lineage.verify import Broken, Checked

LEDGER = "reports/ledger.jsonl"
RECORDED = ("dvc.lock", "data/served/dvc.lock", "reports/metrics.json", "reports/decision.json")
_SHA256 = r"^[0-9a-f]{64}$"


class Entry(BaseModel):
    """A line. previous: ids of the lines it follows. files: path -> sha256, of those of RECORDED that there were.

    commit: the one that the run started from. gate: green, amber or red. key: id of the key of the signature.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    previous: list[str]
    at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    what: str
    commit: str = Field(pattern=r"^[0-9a-f]{40,64}$")
    files: dict[str, str]
    gate: str | None = None
    decision: str | None = None
    environment: dict[str, str] = {}
    key: str | None = None
    signature: str | None = None

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return _canonical(self.model_dump(exclude={"signature"}))


@dataclass(frozen=True)
class Line:
    """An entry and its id, the sha256 of its line."""

    id: str
    entry: Entry


def append(root: Path, what: str, commit: str, signer: Signer | None) -> Line | None:
    """Add a line for what lies here; None, and nothing done, where the last one already says so.

    what: run, refresh, retrain, promote, rollback or withdraw.
    """
    path = root / LEDGER
    lines = list(parse(path.read_bytes() if path.is_file() else b""))
    files = {name: _sha256((root / name).read_bytes()) for name in RECORDED if (root / name).is_file()}
    last = heads(lines)
    if any(line.entry.files == files for line in last):
        return None
    entry = Entry(
        previous=[line.id for line in last],
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        what=what,
        commit=commit,
        files=files,
        gate=_value(root / "data/validation/validation.json", "verdict"),
        decision=_value(root / "reports/decision.json", "verdict"),
        environment={"python": platform.python_version(), "hilum": version("hilum"), "torch": version("torch")},
        key=signer.id if signer else None,
    )
    if signer:
        entry = entry.model_copy(update={"signature": signer.sign(entry.signed())})
    text = _canonical(entry.model_dump())
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as stream:
        stream.write(text + b"\n")
    return Line(_sha256(text), entry)


def parse(text: bytes) -> Iterator[Line]:
    """The lines of a ledger. Raises VerificationError at the first that is not exactly as `append` writes it."""
    for number, row in enumerate(text.splitlines(), 1):
        try:
            entry = Entry.model_validate_json(row)
        except ValidationError as error:
            reason = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:2])
            raise VerificationError(f"{LEDGER}, line {number}: not an entry ({reason}).") from None
        if _canonical(entry.model_dump()) != row:
            raise VerificationError(f"{LEDGER}, line {number}: not as hilum writes it; its bytes were changed.")
        yield Line(_sha256(row), entry)


def heads(lines: Sequence[Line]) -> list[Line]:
    """The lines that no other follows; after a merge there may be several."""
    followed = {previous for line in lines for previous in line.entry.previous}
    return [line for line in lines if line.id not in followed]


def check_ledger(snapshot: Snapshot, keys: Keys) -> Checked:
    """Every line follows lines that are there, bears a good signature or none, and is of a commit in this history.

    keys: those that may sign. Nothing to check where there is no ledger.
    """
    text = snapshot.read(LEDGER) or b""
    broken: list[Broken] = []
    try:
        lines = list(parse(text))
    except VerificationError as error:
        return Checked("ledger", 0, len(text), (Broken(LEDGER, "lines as hilum writes them", str(error)),))
    known: set[str] = set()
    for number, line in enumerate(lines, 1):
        where = f"{LEDGER}, line {number}"
        lost = [one for one in line.entry.previous if one not in known]
        broken += [Broken(where, f"line {one[:12]} before it", "none") for one in lost]
        if not line.entry.previous and number > 1:
            broken.append(Broken(where, "an earlier line that it follows", "none: it begins a ledger of its own"))
        if line.id in known:
            broken.append(Broken(where, "a line that stands here once", "the same line again"))
        known.add(line.id)
        broken += _check_signature(where, line.entry, keys)
        if snapshot.commit and not is_ancestor(snapshot.root, line.entry.commit, snapshot.commit):
            found = f"a history that lacks commit {line.entry.commit[:12]}: it was rewritten, or not all of it is here"
            broken.append(Broken(where, f"the history that it was made in, up to {snapshot.commit[:12]}", found))
    for commit in lines_removed(snapshot.root, LEDGER, snapshot.commit or "HEAD"):
        broken.append(Broken(LEDGER, "lines that stay", f"commit {commit[:12]} changed or removed some"))
    held = snapshot.committed(LEDGER) or b""
    if not set(held.splitlines()) <= set(text.splitlines()):
        broken.append(Broken(LEDGER, "the lines that git holds", "fewer or others here"))
    return Checked("ledger", len(lines), len(text), tuple(broken))


def is_recorded(snapshot: Snapshot) -> bool | None:
    """Whether a line tells of exactly these locks, metrics and decision; None where there is no ledger."""
    text = snapshot.read(LEDGER)
    if text is None:
        return None
    held = {name: snapshot.read(name) for name in RECORDED}
    files = {name: _sha256(found) for name, found in held.items() if found is not None}
    return any(line.entry.files == files for line in parse(text))


def _check_signature(where: str, entry: Entry, keys: Keys) -> Iterator[Broken]:
    if (entry.key is None) != (entry.signature is None):
        yield Broken(where, "a key and a signature, or neither", "one of them")
    elif entry.key is not None and entry.signature is not None:
        problem = keys.problem(entry.key, entry.signed(), entry.signature)
        if problem:
            yield Broken(where, f"a signature by key {entry.key[:12]}", problem)


def _value(path: Path, key: str) -> str | None:
    try:
        return str(json.loads(path.read_bytes())[key])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not made yet, or not in this checkout: the ledger says what there was


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
