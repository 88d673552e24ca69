"""The signed statement of a served model, made by the real DVC and git: whole, read by others, and tampered with."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.sealing import seal
from hilum.errors import VerificationError
from hilum.lineage.ledger import LEDGER, STATEMENT, is_recorded
from hilum.lineage.ledger_check import check_ledger
from hilum.lineage.record import open_record
from hilum.lineage.signing import own_key, read_keys
from hilum.lineage.statement import states_what_lies_here
from hilum.lineage.statement_check import check_statement
from hilum.stages.audit import verify
from tests.unit.flows.toy import ServedCheckout

CHAMPION = "data/served/champion.dvc"
LABEL = """\
  label:
    cmd: mkdir -p data/region_labels && cp data/images/L0001-a.parquet data/region_labels/L0001-a.parquet
    deps: [data/images/L0001-a.parquet]
    outs: [data/region_labels/L0001-a.parquet]
"""


class Signed(ServedCheckout):
    """A line that has run, whose model is served, sealed and committed, and two commits after it."""

    def prepare(self) -> None:
        self.write(".gitattributes", (Path(__file__).resolve().parents[3] / ".gitattributes").read_text())
        self.write("params.yaml", "locate: {epochs: 1}\n")
        self.write("dvc.yaml", self.read("dvc.yaml").replace("  validate:\n", f"{LABEL}  validate:\n"))
        self.repro()
        self.write("reports/decision.json", '{"verdict": "promoted"}\n')
        self.commit("labels")
        self.serve("locate")
        self.commit("promoted")
        for number in (1, 2):
            self.write("notes.txt", f"{number}\n")
            self.commit(f"later {number}")

    def serve(self, source: str) -> None:
        """Put a model there, index by it, and seal."""
        shutil.rmtree(self.folder / "data/served/champion", ignore_errors=True)
        shutil.copytree(self.folder / f"data/{source}", self.folder / "data/served/champion/model")
        self.dvc("add", "-q", "data/served/champion")
        self.repro_served()
        seal(self.folder, "promote")

    def breaks(self, revision: str | None = None, *, with_bytes: bool = True) -> list[str]:
        """What ledger and statement say that does not hold."""
        try:
            with open_record(self.folder, revision) as record:
                keys = read_keys(record.snapshot)
                rows = [*check_ledger(record.snapshot, keys).broken]
                rows += check_statement(record, keys, 2, with_bytes=with_bytes).broken
        except VerificationError as error:
            return [str(error)]
        return [str(row) for row in rows]

    @property
    def statement(self) -> dict[str, Any]:
        held: dict[str, Any] = json.loads(base64.b64decode(json.loads(self.read(STATEMENT))["payload"]))
        return held


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    checkout = Signed(tmp_path_factory.mktemp("signed"))
    checkout.prepare()
    return checkout


@pytest.fixture
def copy(finished: Signed, tmp_path: Path) -> Signed:
    checkout = Signed.copy(finished, tmp_path / "copy")
    assert isinstance(checkout, Signed)
    return checkout


def test_it_names_every_byte_of_what_is_served(finished: Signed) -> None:
    subjects = {row["name"]: row["digest"] for row in finished.statement["subject"]}
    served = finished.folder / "data/served"
    files = [
        path for name in ("champion", "embeddings", "index") for path in (served / name).rglob("*") if path.is_file()
    ]
    files += [finished.folder / "reports/metrics.json", finished.folder / "data/region_labels/L0001-a.parquet"]
    assert {str(path.relative_to(finished.folder)) for path in files} == set(subjects)
    for path in files:
        found = subjects[str(path.relative_to(finished.folder))]["sha256"]
        assert found == hashlib.sha256(path.read_bytes()).hexdigest()
    named = finished.statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    digests = {row["name"]: row["digest"] for row in named}
    base = finished.git("rev-parse", "HEAD~3").strip()
    assert digests["commit"] == {"gitCommit": base}
    assert digests["src"] == {"gitTree": finished.git("rev-parse", f"{base}:src").strip()}
    assert digests["params.yaml"] == {"gitBlob": finished.git("rev-parse", f"{base}:params.yaml").strip()}
    assert {"dvc.lock", "data/served/dvc.lock", CHAMPION, "data/raw/L0001/listing.txt.dvc"} <= set(digests)
    made = finished.statement["predicate"]["runDetails"]["byproducts"]
    assert {row["name"]: row["annotations"]["verdict"] for row in made} == {
        "reports/decision.json": "promoted", "data/validation/validation.json": "green",
    }  # fmt: skip


def test_untouched_it_is_whole_at_every_commit(finished: Signed) -> None:
    for revision in [None, *finished.git("rev-list", "HEAD").split()]:
        assert finished.breaks(revision) == []
    assert states_what_lies_here(finished.folder) and is_recorded(finished.folder)
    assert finished.git("status", "--porcelain") == ""


def test_what_is_served_may_lie_behind_the_line_and_nothing_else_may(copy: Signed) -> None:
    """Between a run and the refresh that follows it; no longer, once somebody has changed what is served."""

    def links(revision: str | None = None) -> tuple[list[str], list[str]]:
        with open_record(copy.folder, revision) as record:
            (check, *_) = verify(record, record.lineage.outs(), ["lock"], 2)
        return [row["where"] for row in check["broken"]], [
            note.partition(" is of commit")[0] for note in check["notes"]
        ]

    assert links() == ([], [])
    copy.write("parts/L0001-a.txt", "more\n")
    copy.repro()
    (broken, notes) = links()
    assert broken == [], "its lock is the one that the promotion recorded"
    assert notes == ["data/served/dvc.yaml:embed@L0001-a"]
    seal(copy.folder, "refresh")
    copy.commit("run")
    assert links() == links("HEAD") == ([], notes)

    lock = copy.folder / "data/served/dvc.lock"
    held = lock.read_text()
    lock.write_text(held.replace("size: ", "size: 1", 1))
    assert links()[0] and not links()[1]
    lock.write_text(held)
    copy.write("src/embed.py", copy.read("src/embed.py") + "\n")
    assert "src/embed.py, read by data/served/dvc.yaml:embed@L0001-a" in links()[0]
    assert links("HEAD") == ([], notes)


def test_others_read_it(finished: Signed) -> None:
    """DSSE by securesystemslib, the statement by in-toto, the predicate by SLSA's own definition."""
    import in_toto_attestation.predicates.provenance.v1.provenance_pb2 as slsa
    import in_toto_attestation.v1.statement_pb2 as in_toto
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement import Statement
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    signer = own_key()
    assert signer is not None
    public = load_pem_public_key((finished.folder / signer.path).read_bytes())
    key = SSlibKey.from_crypto(public, signer.id)
    envelope = Envelope.from_dict(json.loads(finished.read(STATEMENT)))
    assert list(envelope.verify([key], 1)) == [signer.id]
    held = json.loads(envelope.payload)
    Statement.copy_from_pb(ParseDict({**held, "type": held.pop("_type")}, in_toto.Statement())).validate()
    provenance = ParseDict(held["predicate"], slsa.Provenance())  # refuses a field that SLSA does not have
    definition, details = provenance.build_definition, provenance.run_details
    assert definition.build_type and definition.external_parameters and details.builder.id, "what SLSA requires"
    assert details.metadata.finished_on.seconds > 1_700_000_000
    rows = [*definition.resolved_dependencies, *details.byproducts]
    for row in rows:
        ResourceDescriptor.copy_from_pb(row).validate()
        assert row.digest
    assert len(rows) > 8


def flip(path: Path, at: int, rng: random.Random) -> None:
    text = bytearray(path.read_bytes())
    text[at] = rng.choice([byte for byte in range(256) if byte != text[at]])
    path.chmod(0o644)
    path.write_bytes(bytes(text))


def test_random_bytes_of_ledger_statement_signature_and_key(copy: Signed) -> None:
    rng = random.Random(5)
    signer = own_key()
    assert signer is not None
    names = {LEDGER: (0, None), STATEMENT: (0, None), signer.path: (0, None)}
    text = (copy.folder / STATEMENT).read_bytes()
    places = [(name, rng.randrange((copy.folder / name).stat().st_size)) for name in names for _ in range(16)]
    places += [(STATEMENT, rng.randrange(text.index(b'"sig"'), len(text))) for _ in range(8)]
    ledger = (copy.folder / LEDGER).read_bytes()
    places += [(LEDGER, rng.randrange(ledger.index(b'"signature"'), len(ledger))) for _ in range(8)]
    for name, at in places:
        held = (copy.folder / name).read_bytes()
        flip(copy.folder / name, at, rng)
        committed = rng.random() < 0.3
        if committed:
            copy.commit("an innocent change")
        found = copy.breaks("HEAD" if committed else None, with_bytes=False)
        assert found and name in found[0], (name, at, held[at - 5 : at + 5], found)
        if committed:
            copy.git("reset", "-q", "--hard", "HEAD~")
        (copy.folder / name).write_bytes(held)
    assert copy.breaks() == []


def swap(copy: Signed) -> None:
    copy.write("data/served/champion/model/model.safetensors", "another model")
    copy.dvc("add", "-q", "data/served/champion")


def swap_and_index(copy: Signed) -> None:
    swap(copy)
    copy.repro_served()


def replay(copy: Signed) -> None:
    """An earlier statement, and the model that it is of, come back."""
    held = {name: copy.read(name) for name in (STATEMENT, CHAMPION)}
    copy.train("second", 0.75)
    copy.serve("locate")
    copy.commit("a second model")
    assert copy.breaks() == []
    copy.write(STATEMENT, held[STATEMENT])


def sign_again(copy: Signed) -> None:
    """Somebody else's key signs what he likes, and is put beside the others."""
    swap_and_index(copy)
    (copy.folder / STATEMENT).unlink()


TAMPERINGS: dict[str, tuple[Callable[[Signed], object], str]] = {
    "swapped model": (swap, f"{CHAMPION}: expected"),
    "swapped model, indexed": (swap_and_index, f"{CHAMPION}: expected"),
    "statement gone": (lambda copy: (copy.folder / STATEMENT).unlink(), f"{STATEMENT}: expected the signed statement"),
    "model and statement gone": (sign_again, f"{STATEMENT}: expected the signed statement"),
    "an earlier statement": (replay, "as reports/provenance.json says"),
    "key gone": (lambda copy: shutil.rmtree(copy.folder / "reports/keys"), "no such key"),
}


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_change_is_named(copy: Signed, name: str, committed: bool) -> None:
    change, where = TAMPERINGS[name]
    change(copy)
    if committed:
        copy.commit("as if nothing had happened")
    found = copy.breaks("HEAD" if committed else None)
    assert any(where in row for row in found), found


@pytest.mark.parametrize("name", ["reports/metrics.json", "data/served/dvc.lock", "dvc.lock", "src/index.py"])
def test_the_commit_that_holds_it_cannot_be_rewritten(copy: Signed, name: str) -> None:
    copy.git("-c", "sequence.editor=sed -i 1s/^pick/edit/", "rebase", "-q", "-i", "HEAD~3")
    text = copy.read(name)
    copy.write(name, text.replace("0.5", "0.9") if "metrics" in name else text + "# nothing\n")
    copy.git("add", "-A")
    copy.git("commit", "-q", "--amend", "--no-edit")
    copy.git("-c", "core.editor=true", "rebase", "--continue")
    found = copy.breaks()
    if name.startswith(
        "src"
    ):  # it is named as the commit before holds it; that the line did not run again, the lock says
        assert found == []
    else:
        assert any(row.startswith(f"{name}: expected") for row in found), found


def test_bytes_are_those_that_were_signed(copy: Signed) -> None:
    path = copy.folder / "data/served/index/global.faiss"
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    flip(copy.folder / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}", 3, random.Random(0))
    assert copy.breaks(with_bytes=False) == []
    (row,) = copy.breaks()
    assert row.startswith("data/served/index/global.faiss, as reports/provenance.json says: expected ")
    with pytest.raises(VerificationError, match=r"global.faiss: expected .* nothing was signed"):
        seal(copy.folder, "promote")


def test_a_clone_without_bytes_signs_what_is_recorded(copy: Signed, tmp_path: Path) -> None:
    clone = Signed.clone(copy.folder, tmp_path / "clone")
    assert isinstance(clone, Signed)
    with open_record(clone.folder) as record:
        keys = read_keys(record.snapshot)
        assert check_statement(record, keys, 2).broken == ()
        assert all(row.missing for row in check_statement(record, keys, 2, with_bytes=True).broken)
    seal(clone.folder, "rollback")
    subjects = {row["name"]: row["digest"] for row in clone.statement["subject"]}
    assert set(subjects["data/served/index"]) == {"dvcMd5"} and clone.breaks() == []
    clone.git("-c", "user.name=a", "-c", "user.email=a", "add", "-A")
    clone.git("-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "back")
    assert clone.breaks() == [] and clone.breaks("HEAD") == []


def test_where_nothing_was_ever_promoted_there_is_nothing_to_say(tmp_path: Path) -> None:
    toy = ServedCheckout(tmp_path / "toy")
    with open_record(toy.folder) as record:
        checked = check_statement(record, read_keys(record.snapshot), 1)
    assert checked.broken == () and checked.notes == ("no model is promoted",)


def test_an_index_made_by_dvc_alone_is_no_alarm(copy: Signed) -> None:
    copy.write("data/landings.yaml", copy.read("data/landings.yaml") + "  L0002-a: {landing: L0001}\n")
    copy.repro()
    copy.repro_served()
    copy.commit("by dvc repro")
    assert copy.breaks() == [] and not states_what_lies_here(copy.folder) and not is_recorded(copy.folder)
    seal(copy.folder, "refresh")
    copy.commit("refreshed")
    assert copy.breaks() == [] and is_recorded(copy.folder)
