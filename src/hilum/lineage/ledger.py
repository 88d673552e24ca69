"""The ledger: what every run left behind, in lines that none can change, drop or slip in unseen.

In: a checkout after a run. Out: a line of reports/ledger.jsonl, which git holds: the sha256 of what locks, model,
metrics, decision and statement were, the commit that the run started from, what it ran on, the lines it follows, and a
signature where this machine has a key that the checkout knows. The lines are a graph and not a list: branches may each
add some, git merges them as a union in any order, and the next line follows the ends of all.
Imported light: a run that has nothing to say must not wait for what signs.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hilum.errors import VerificationError
from hilum.lineage.lock import LOCKS

if TYPE_CHECKING:
    from hilum.lineage.signing import Signer

LEDGER = "reports/ledger.jsonl"
STATEMENT = "reports/provenance.json"
CHAMPION = "data/served/champion.dvc"
RECORDED = (*LOCKS, CHAMPION, "reports/metrics.json", "reports/decision.json", STATEMENT)
PACKAGES = ("hilum", "dvc", "torch", "numpy", "faiss-cpu", "spacy", "transformers")


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
    gate: str | None
    decision: str | None
    environment: dict[str, str]
    key: str | None
    signature: str | None

    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        return _canonical(self.model_dump(exclude={"signature"}))


@dataclass(frozen=True)
class Line:
    """An entry and its id, the sha256 of its line."""

    id: str
    entry: Entry


def append(root: Path, what: str, commit: str, find_key: Callable[[], Signer | None]) -> Line | None:
    """Add a line for what lies here; None, and nothing done, where an end of the ledger already says so.

    what: run, refresh, retrain, promote, take or rollback. find_key: asked where a line is added.
    Raises VerificationError if what is there is no ledger.
    """
    text, last, files = _look(root)
    if _is_said(last, files):
        return None
    signer = find_key()
    entry = Entry(
        previous=sorted(line.id for line in last),
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        what=what,
        commit=commit,
        files=files,
        gate=_value(root / "data/validation/validation.json", "verdict"),
        decision=_value(root / "reports/decision.json", "verdict"),
        environment=_describe_environment(),
        key=signer.id if signer else None,
        signature=None,
    )
    if signer:
        entry = entry.model_copy(update={"signature": signer.sign(entry.signed())})
    row = _canonical(entry.model_dump())
    (root / LEDGER).parent.mkdir(exist_ok=True)
    replace_bytes(root, LEDGER, text + row + b"\n")
    return Line(sha256_of(row), entry)


def is_recorded(root: Path) -> bool:
    """Whether `append` would add nothing. Raises VerificationError if what is there is no ledger."""
    _, last, files = _look(root)
    return _is_said(last, files)


def parse(text: bytes) -> Iterator[Line]:
    """The lines of a ledger, each once. Raises VerificationError at the first that is not as `append` writes it."""
    rows = text.split(b"\n")
    if rows.pop():
        raise VerificationError(f"{LEDGER}, line {len(rows) + 1}: it has no end; it was cut or changed.")
    seen = set()
    for number, row in enumerate(rows, 1):
        try:
            entry = Entry.model_validate_json(row)
        except ValidationError as error:
            reason = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:2])
            raise VerificationError(f"{LEDGER}, line {number}: not an entry ({reason}).") from None
        if _canonical(entry.model_dump()) != row:
            raise VerificationError(f"{LEDGER}, line {number}: not as hilum writes it; its bytes were changed.")
        line = Line(sha256_of(row), entry)
        if line.id not in seen:
            yield line
        seen.add(line.id)


def heads(lines: Sequence[Line]) -> list[Line]:
    """The ends: lines that no other follows; after a merge there may be several."""
    followed = {previous for line in lines for previous in line.entry.previous}
    return [line for line in lines if line.id not in followed]


def replace_bytes(root: Path, path: str, text: bytes) -> None:
    """Write a file of the checkout so that it is there as it was or as it shall be, whatever is killed."""
    temporary = root / ".hilum" / f"{Path(path).name}.new"  # git and DVC look away from there
    temporary.parent.mkdir(exist_ok=True)
    temporary.write_bytes(text)
    os.replace(temporary, root / path)


def _look(root: Path) -> tuple[bytes, list[Line], dict[str, str]]:
    """The ledger, its ends, and the digests of what lies here."""
    path = root / LEDGER
    text = path.read_bytes() if path.is_file() else b""
    files = {name: sha256_of((root / name).read_bytes()) for name in RECORDED if (root / name).is_file()}
    return text, heads([*parse(text)]), files


def _is_said(last: Sequence[Line], files: Mapping[str, str]) -> bool:
    return not files or any(line.entry.files == files for line in last)


def _describe_environment() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": f"{sys.platform} {platform.machine()}"}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _value(path: Path, key: str) -> str | None:
    try:
        return str(json.loads(path.read_bytes())[key])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not made yet, or not in this checkout: the ledger says what there was


def _canonical(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def sha256_of(text: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(text).hexdigest()
