"""A patient is found wherever they are, and after `hilum withdraw` and a run nowhere: a scan that knows nothing agrees.

The scan is this file's own: it walks every file below data, reports and the cache, unpacks what is packed, reads every
column of every table, and looks for the patient's ids and for the very bytes of their files, pixels and vectors.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from flows.purge import purge_remote
from hilum.stages.audit_subject import audit_subject, purge_subject
from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow
STAY = {"data/landings", "data/partitions", "reports/tainted.json"}  # the bare ids of who is withdrawn
PACKED = ".npz"  # a zip of maps, which names nobody: known by the list of cases beside it


class Patient:
    """Everything by which somebody could be recognised, read from the raw files and tables while they are there."""

    def __init__(self, root: Path, subject: int, study: int | None = None) -> None:
        wanted = f"/s{study}" if study else f"/p{subject}/"
        files = [p for p in sorted((root / "data/raw/L0001/tree/files").rglob("*")) if p.is_file() and wanted in str(p)]
        reports, images = ([p for p in files if (p.suffix == ".txt") == text] for text in (True, False))
        studies = [p.stem[1:] for p in reports]
        self.words = [*([] if study else [str(subject)]), *studies, *(p.stem for p in images)]
        self.bytes = [p.read_bytes() for p in files]
        self._add_vectors(root, set(map(int, studies)))

    def _add_vectors(self, root: Path, studies: set[int]) -> None:
        for path in sorted((root / "data/embeddings").glob("*.parquet")):
            rows = pd.read_parquet(path)
            self.bytes += [
                np.asarray(v, np.float32).tobytes() for v in rows[rows["study_id"].isin(studies)]["embedding"]
            ]
        for path in sorted((root / "data/images").glob("*.parquet")):
            rows, pixels = pd.read_parquet(path), np.load(root / f"data/pixels/{path.stem}.npy")
            self.bytes += [pixels[row].tobytes() for row in rows[rows["study_id"].isin(studies)]["row"]]

    def is_in(self, content: bytes) -> bool:
        texts = [*reveal(content)]
        return any(word.encode() in text for word in self.words for text in texts) or any(
            one in content for one in self.bytes
        )


def reveal(content: bytes) -> Iterator[bytes]:
    """The bytes of a file, and what they say when unpacked."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        for name in table.column_names:
            yield "\n".join(map(str, table.column(name).to_pylist())).encode()


def scan(patient: Patient, root: Path, places: Iterable[str]) -> set[str]:
    """The files below some folders that hold a patient, links not followed."""
    files = [p for place in places for p in sorted((root / place).rglob("*")) if p.is_file() and not p.is_symlink()]
    found = {p.relative_to(root).as_posix() for p in files if patient.is_in(p.read_bytes())}
    return found | {str(p.relative_to(root)) for p in files if any(word in p.name for word in patient.words)}


def content(account: dict[str, Any]) -> set[str]:
    """The files of the checkout that hold somebody, as the audit says."""
    made = ("trained on", "validated on", "made from")
    return {r["path"] for r in account["now"] if r["how"] not in made and not r["path"].endswith((".dir", PACKED))}


def objects(account: dict[str, Any], root: Path) -> set[str]:
    """The cached objects that hold somebody, as the audit says; without the zips."""
    maps = {row["digest"] for row in account["ever"] if row["path"].endswith(PACKED)}
    return {f".dvc/cache/files/md5/{d[:2]}/{d[2:]}" for d in account["purge"]["objects"] if d not in maps}


def stays(path: str) -> bool:
    return any(path.startswith(place) for place in STAY)


@pytest.fixture(scope="module")
def world(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The finished line, with a remote that has all of it, and everything committed."""
    folder = tmp_path_factory.mktemp("world") / "checkout"
    shutil.copytree(line.folder, folder, symlinks=True)
    copy = Checkout.__new__(Checkout)
    copy.folder = folder
    copy.run("dvc", "remote", "add", "-q", "-d", "store", str(folder.parent / "store"))
    copy.commit("run")
    copy.run("dvc", "push", "-q", "--run-cache")
    return copy


def people_of(root: Path) -> tuple[int, int, tuple[int, int]]:
    """A subject of the train split, one whose case is shown in the gallery, and a study of another of several."""
    rows = pd.concat([pd.read_parquet(p) for p in sorted((root / "data/texts").glob("*.parquet"))])
    cases = json.loads((root / "data/evaluation/gallery.json").read_text())["examples"]
    shown = cases[0]["subject_id"]
    rows = rows[rows["subject_id"] != shown].sort_values("study_id")
    train = rows[rows["split"] == "train"].groupby("subject_id")["study_id"].agg(list)
    several = [subject for subject in train.index if len(train[subject]) > 1]
    return int(train.index[0]), int(shown), (int(several[-1]), int(train[several[-1]][0]))


def test_found_before_and_gone_after(world: Checkout) -> None:
    root = world.folder
    trained, shown, (_, study) = people_of(root)
    asked = [("subject", trained, Patient(root, trained)), ("subject", shown, Patient(root, shown)),
             ("study", study, Patient(root, 0, study))]  # fmt: skip
    old = world.run("git", "rev-parse", "HEAD").stdout.strip()

    # before: the audit finds what the scan finds, here, in the cache and so in the commit
    for kind, number, patient in asked:
        account = audit_subject(root, kind, str(number))
        assert content(account) == scan(patient, root, ("data", "reports")), (kind, number)
        assert objects(account, root) == scan(patient, root, (".dvc/cache",)), (kind, number)
        assert content(audit_subject(root, kind, str(number), old)) == content(account)
        models = {row["path"] for row in account["tainted"]}
        assert ("data/locate/model.safetensors" in models) == (number != shown)

    raw = {p: p.read_bytes() for p in sorted((root / "data/raw/L0001/tree/files").rglob("*")) if p.is_file()}
    world.run("hilum", "withdraw", "--subject", str(trained), "--subject", str(shown), "--study", str(study))
    world.repro()
    world.commit("withdrawn")
    world.run("dvc", "push", "-q", "--run-cache")

    # after: nothing here holds them, and nobody else's file has changed
    for kind, number, patient in asked:
        assert {path for path in scan(patient, root, ("data", "reports", ".hilum")) if not stays(path)} == set()
        account = audit_subject(root, kind, str(number))
        assert account["absent"] and not account["tainted"] and account["withdrawn_by"] == ["L0002"]
        assert {path for path in content(account) if not stays(path)} == set()
    left = {p: p.read_bytes() for p in sorted((root / "data/raw/L0001/tree/files").rglob("*")) if p.is_file()}
    words = tuple(word for _, _, patient in asked for word in patient.words)
    assert left == {path: held for path, held in raw.items() if not any(word in str(path) for word in words)}
    assert world.run("hilum", "land", "data/raw/L0001/tree").stdout.count("nothing new") == 1

    # purged: nothing of them in cache and remote, and everything else as it was
    cache = {str(p.relative_to(root)): p.read_bytes() for p in (root / ".dvc/cache").rglob("*") if p.is_file()}
    removed: set[str] = set()
    for kind, number, _ in asked:
        done = purge_subject(root, kind, str(number), lambda digests, runs: purge_remote(root, digests, runs))
        removed |= {f".dvc/cache/files/md5/{d[:2]}/{d[2:]}" for d in done["purged"]["objects"]}
        removed |= {f".dvc/cache/{run}" for run in done["purged"]["runs"]}
        assert old in done["purged"]["broken_commits"] or number != trained
    after = {str(p.relative_to(root)): p.read_bytes() for p in (root / ".dvc/cache").rglob("*") if p.is_file()}
    assert after == {path: held for path, held in cache.items() if path not in removed}
    for _, _, patient in asked:
        assert scan(patient, root, (".dvc/cache",)) == set() == scan(patient, root.parent, ("store",))

    # the line stands: nothing runs, everything verifies, and a clone gets all of it from the remote
    world.commit("what stays of them")
    assert world.repro() == set()
    world.run("hilum", "audit", "--all", "--verify", "cache")
    world.run("git", "clone", "-q", ".", "../clone")
    clone = Checkout.__new__(Checkout)
    clone.folder = root.parent / "clone"
    clone.run("dvc", "pull", "-q", "dvc.yaml")  # nothing is served yet
    assert clone.repro() == set()
