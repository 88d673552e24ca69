"""The signed statement of a promoted model: what it is, to the byte, and what it was made from.

In: a checkout whose bundle has just been made. Out: reports/provenance.json, an in-toto Statement v1 with SLSA
provenance v1 in a DSSE envelope. Its subjects are the files of data/served, the labels and the metrics, with md5 (as
DVC records them) and sha256; what is recorded and not here has md5 alone. It is written before the commit that holds
it, and names the one before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hilum.errors import BadDataError, VerificationError
from hilum.lineage.ledger import CHAMPION, LEDGER, STATEMENT, heads, parse, replace_bytes, sha256_of
from hilum.lineage.lock import LOCKS, Item
from hilum.lineage.record import Record, open_record
from hilum.lineage.revisions import object_ids, status
from hilum.lineage.signing import Signer, seal_envelope
from hilum.lineage.store import BLOCK

STATEMENT_TYPE, PREDICATE_TYPE = "https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1"
BUILD_TYPE, BUILDER = "https://hilum.invalid/line/v1", "https://hilum.invalid/flows/v1"
"""Names, not addresses: nothing is fetched."""
SERVED, LABELS, METRICS = "data/served", "data/region_labels", "reports/metrics.json"
CODE = ("src", "dvc.yaml", "data/served/dvc.yaml", "params.yaml")
"""What git holds as trees and blobs; the stages' records say the digest of each file that they read."""
GATE = "data/validation/validation.json"
EVIDENCE = ("reports/decision.json", "reports/challenge.json")
BUNDLE = (CHAMPION, LOCKS[1])
FOLDER = "dvcMd5"
"""The name of DVC's digest of a folder, where only that is known."""


def write_statement(root: Path, what: str, commit: str, signer: Signer) -> None:
    """Write the statement of what the checkout serves. what: retrain, promote, take, rollback or refresh.

    commit: the one that the checkout stands on.
    Raises VerificationError if a file is not what its record says: then nothing is signed.
    """
    with open_record(root) as record:
        statement = {
            "_type": STATEMENT_TYPE,
            "subject": [*_list_subjects(record)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "buildDefinition": {
                    "buildType": BUILD_TYPE,
                    "externalParameters": {"operation": what},
                    "internalParameters": {"changed": [path for path in status(root) if _is_code(path)]},
                    "resolvedDependencies": [*_list_dependencies(record, commit)],
                },
                "runDetails": {
                    "builder": {
                        "id": BUILDER,
                        "version": {"hilum": version("hilum"), "python": platform.python_version()},
                    },
                    "metadata": {"finishedOn": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
                    "byproducts": [*_list_byproducts(record)],
                },
            },
        }
    payload = json.dumps(statement, indent=1).encode("ascii")
    (root / STATEMENT).parent.mkdir(exist_ok=True)
    replace_bytes(root, STATEMENT, seal_envelope(payload, signer))


def states_what_lies_here(root: Path) -> bool:
    """Whether the statement is of the bundle that the checkout's records name. It is not verified."""
    try:
        statement = json.loads(base64.b64decode(json.loads((root / STATEMENT).read_bytes())["payload"]))
        rows = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        named = {row["name"]: row["digest"].get("sha256") for row in rows}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return all(named.get(path) == sha256_of((root / path).read_bytes()) for path in BUNDLE if (root / path).is_file())


def subject_items(record: Record) -> list[Item]:
    """What DVC records of that which a statement is about."""
    return [*record.lineage.inside(SERVED), *record.lineage.inside(LABELS)]


def _list_subjects(record: Record) -> Iterator[dict[str, Any]]:
    for item in subject_items(record):
        try:
            files = record.store.files(item)
        except BadDataError:  # a folder of which nothing is here
            yield _describe(item.path, {FOLDER: item.md5})
            continue
        for file in files:
            place = record.store.find(file)
            yield _describe(file.path, _digests(file.path, place, file.md5) if place else {"md5": file.md5})
    text = record.snapshot.read(METRICS)
    if text is not None:
        yield _describe(METRICS, {"sha256": sha256_of(text)})


def _list_dependencies(record: Record, commit: str) -> Iterator[dict[str, Any]]:
    yield _describe("commit", {"gitCommit": commit})
    for path, (kind, digest) in object_ids(record.root, commit, CODE).items():
        yield _describe(path, {"gitTree" if kind == "tree" else "gitBlob": digest})
    landed = [path for path in record.snapshot.files("data/raw") if path.endswith(".dvc")]
    for path in (*LOCKS, CHAMPION, "data/landings.yaml", *landed):
        text = record.snapshot.read(path)
        if text is not None:
            yield _describe(path, {"sha256": sha256_of(text)})


def _list_byproducts(record: Record) -> Iterator[dict[str, Any]]:
    for path in EVIDENCE:
        text = record.snapshot.read(path)
        if text is not None:
            yield _describe(path, {"sha256": sha256_of(text)}, verdict=json.loads(text).get("verdict"))
    gate = record.lineage.out(GATE)
    place = record.store.find(record.store.files(gate)[0]) if gate else None
    if gate and place:
        verdict = json.loads(place.read_bytes()).get("verdict")
        yield _describe(GATE, _digests(GATE, place, gate.md5), verdict=verdict)
    for line in heads([*parse(record.snapshot.read(LEDGER) or b"")]):
        yield _describe(LEDGER, {"sha256": line.id})


def _describe(name: str, digest: Mapping[str, str], **annotations: Any) -> dict[str, Any]:
    return {"name": name, "digest": dict(digest), **({"annotations": annotations} if annotations else {})}


def _digests(name: str, place: Path, recorded: str) -> dict[str, str]:
    """md5 and sha256 of a file, read once; VerificationError if it is not the recorded one."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with place.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            md5.update(block)
            sha256.update(block)
    if md5.hexdigest() != recorded:
        raise VerificationError(f"{name}: expected {recorded}, found {md5.hexdigest()}; nothing was signed.")
    return {"md5": recorded, "sha256": sha256.hexdigest()}


def _is_code(path: str) -> bool:
    return any(path == one or path.startswith(f"{one}/") for one in CODE)
