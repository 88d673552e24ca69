"""A patient is found wherever they are, and after `hilum withdraw` and a run nowhere: a scan that knows nothing agrees.

The line has two landings and serves a model, so that they are in the served index and its training set as well. The
scan is this file's own: it walks every file below data, reports and the cache, unpacks what is packed, reads every
column of every table, and looks for the patient's ids and for the very bytes of their files, pixels and vectors.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.purge import purge_remote
from hilum.stages.audit_subject import audit_subject, purge_subject
from tests.pipeline.conftest import Checkout, copy_of

pytestmark = pytest.mark.slow
STAY = {"data/landings", "data/partitions", "reports/tainted.json"}  # the bare ids of who is withdrawn
LANDINGS = ("L0001", "L0002")
PACKED = ".npz"  # a zip of maps, which names nobody: known by the list of cases beside it


class Patient:
    """Everything by which somebody could be recognised, read from the raw files and tables while they are there."""

    def __init__(self, root: Path, subject: int, study: int | None = None) -> None:
        wanted = f"/s{study}" if study else f"/p{subject}/"
        trees = sorted(root.glob("data/raw/*/tree/files"))
        files = [p for tree in trees for p in sorted(tree.rglob("*")) if p.is_file() and wanted in str(p)]
        reports, images = ([p for p in files if (p.suffix == ".txt") == text] for text in (True, False))
        studies = [p.stem[1:] for p in reports]
        self.words = [*([] if study else [str(subject)]), *studies, *(p.stem for p in images)]
        self.bytes = [p.read_bytes() for p in files]
        self._add_vectors(root, set(map(int, studies)))

    def _add_vectors(self, root: Path, studies: set[int]) -> None:
        """Those of every model that there was, by the tables in the cache. Sentences are shared, and so their vectors:
        what others have too is kept apart."""
        mine, others = set[bytes](), set[bytes]()
        for path in sorted((root / ".dvc/cache/files/md5").glob("??/*")):
            if path.read_bytes()[:4] == b"PAR1" and "embedding" in pq.read_schema(path).names:
                rows = pd.read_parquet(path, columns=["study_id", "embedding"])
                vectors = [np.asarray(v, np.float32).tobytes() for v in rows["embedding"]]
                for vector, own in zip(vectors, rows["study_id"].isin(studies)):
                    (mine if own else others).add(vector)
        self.bytes += sorted(mine - others)
        self.shared = sorted(mine & others)
        for path in sorted((root / "data/images").glob("*.parquet")):
            rows, pixels = pd.read_parquet(path), np.load(root / f"data/pixels/{path.stem}.npy")
            self.bytes += [pixels[row].tobytes() for row in rows[rows["study_id"].isin(studies)]["row"]]

    def is_in(self, content: bytes, shared: bool = False) -> bool:
        """shared: or may be, for a vector of theirs is there that somebody else has as well."""
        texts = [*reveal(content)]
        return any(word.encode() in text for word in self.words for text in texts) or any(
            one in content for one in [*self.bytes, *(self.shared if shared else ())]
        )


def reveal(content: bytes) -> Iterator[bytes]:
    """The bytes of a file, and what they say when unpacked."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    if content[:4] == b"PAR1":
        table = pq.read_table(io.BytesIO(content))
        for column in table.columns:
            kind = getattr(column.type, "value_type", column.type)  # of a list, what it holds
            if not pa.types.is_floating(kind):  # the digits of a vector are an id by chance; vectors are known by bytes
                yield "\n".join(map(str, column.to_pylist())).encode()


def scan(patient: Patient, root: Path, places: Iterable[str], shared: bool = False) -> set[str]:
    """The files below some folders that hold a patient, links not followed; shared: or may do so."""
    files = [p for place in places for p in sorted((root / place).rglob("*")) if p.is_file() and not p.is_symlink()]
    found = {p.relative_to(root).as_posix() for p in files if patient.is_in(p.read_bytes(), shared)}
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
def world(landed: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A finished line of two landings that serves its model, with a remote that has all of it."""
    copy = copy_of(landed, tmp_path_factory.mktemp("world") / "checkout")
    copy.run("dvc", "remote", "add", "-q", "-d", "store", str(copy.folder.parent / "store"))
    copy.commit("a remote")
    copy.run("hilum", "promote")
    copy.run("dvc", "push", "-q", "--run-cache")
    return copy


def people_of(root: Path) -> tuple[int, int, int, tuple[int, int]]:
    """Subjects of the train split of both landings, one shown in the gallery, a study of another one of several."""
    tables = sorted((root / "data/texts").glob("*.parquet"))
    rows = pd.concat([pd.read_parquet(p).assign(landing=p.name.partition("-")[0]) for p in tables])
    cases = json.loads((root / "data/evaluation/gallery.json").read_text())["examples"]
    shown = cases[0]["subject_id"]
    rows = rows[(rows["subject_id"] != shown) & (rows["split"] == "train")].sort_values("study_id")
    old, new = (rows[rows["landing"] == landing].groupby("subject_id")["study_id"].agg(list) for landing in LANDINGS)
    several = [subject for subject in old.index if len(old[subject]) > 1]
    return int(old.index[0]), int(new.index[0]), int(shown), (int(several[-1]), int(old[several[-1]][0]))


def test_found_before_and_gone_after(world: Checkout) -> None:
    root = world.folder
    trained, arrived, shown, (_, study) = people_of(root)
    asked = [("subject", one, Patient(root, one)) for one in (trained, arrived, shown)]
    asked.append(("study", study, Patient(root, 0, study)))
    old = world.run("git", "rev-parse", "HEAD").stdout.strip()

    # before: the audit finds what the scan finds, here, in the cache and so in the commit
    for kind, number, patient in asked:
        account = audit_subject(root, kind, str(number))
        for told, places in ((content(account), ("data", "reports")), (objects(account, root), (".dvc/cache",))):
            assert scan(patient, root, places) <= told <= scan(patient, root, places, shared=True), (kind, number)
        assert content(audit_subject(root, kind, str(number), old)) == content(account)
        models = {row["path"] for row in account["tainted"]}
        for path in ("data/locate/model.safetensors", "data/served/champion/model/model.safetensors"):
            assert (path in models) == (number != shown)
        for place in ("data/truth/", "data/served/embeddings/", "data/served/index/"):
            assert any(path.startswith(place) for path in content(account)), (kind, number, place)
        assert account["unseen"] == {}

    raw = {p: p.read_bytes() for p in sorted((root / "data/raw/L0001/tree/files").rglob("*")) if p.is_file()}
    gone = [word for kind, number, _ in asked for word in (f"--{kind}", str(number))]
    world.run("hilum", "withdraw", *gone)
    world.repro()
    world.commit("withdrawn")

    # what is served holds them still, and the audit says so and what to do
    for kind, number, patient in asked:
        account = audit_subject(root, kind, str(number))
        held = {path for path in content(account) if not stays(path)}
        sure, maybe = (scan(patient, root, ("data", "reports"), shared) for shared in (False, True))
        assert {path for path in sure if not stays(path)} <= held <= maybe and held
        assert all(path.startswith("data/served/") for path in held)
    done = world.run("hilum", "audit", "--subject", str(trained), "--purge", check=False)
    assert done.returncode == 2 and "`hilum refresh`" in done.stdout.splitlines()[-1]
    done = world.run("hilum", "audit", "--subject", str(trained), check=False)
    assert done.returncode == 5 and "`hilum refresh`" in done.stdout.splitlines()[-1]
    world.run("hilum", "promote", "--force")
    world.run("dvc", "push", "-q", "--run-cache")

    # after: nothing here holds them, and nobody else's file has changed
    for kind, number, patient in asked:
        assert {path for path in scan(patient, root, ("data", "reports", ".hilum")) if not stays(path)} == set()
        account = audit_subject(root, kind, str(number))
        assert account["absent"] and not account["tainted"] and account["withdrawn_by"] == ["L0003"]
        assert {path for path in content(account) if not stays(path)} == set()
    left = {p: p.read_bytes() for p in sorted((root / "data/raw/L0001/tree/files").rglob("*")) if p.is_file()}
    words = tuple(word for _, _, patient in asked for word in patient.words)
    assert left == {path: held for path, held in raw.items() if not any(word in str(path) for word in words)}
    for landing in LANDINGS:
        assert world.run("hilum", "land", f"data/raw/{landing}/tree").stdout.count("nothing new") == 1

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
    clone.run("dvc", "pull", "-q")
    assert clone.repro() == set()
    clone.run("hilum", "audit", "--all", "--verify", "cache")
