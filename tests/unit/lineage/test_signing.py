"""The key on this machine, the keys of a repository, and envelopes that somebody else's code verifies."""

from __future__ import annotations

import json
import random
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from hilum.errors import UsageError
from hilum.lineage.signing import (
    PAYLOAD_TYPE,
    Keys,
    Signer,
    open_envelope,
    own_key,
    published_key,
    read_keys,
    seal_envelope,
)
from hilum.lineage.snapshots import WorkingTree

PAYLOAD = b'{"a": "statement"}'


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signer:
    monkeypatch.setenv("HILUM_KEY", str(tmp_path / "keys/of mine/key.pem"))
    made = own_key(make=True)
    assert made is not None
    return made


@pytest.fixture
def root(tmp_path: Path, signer: Signer) -> Path:
    """A repository that holds the key."""
    folder = tmp_path / "repository"
    folder.mkdir()
    signer.publish(folder)
    who = ["-c", "user.name=a", "-c", "user.email=a@hilum.invalid"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "key"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def test_a_key_is_made_once_and_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HILUM_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert own_key() is None and not list(tmp_path.iterdir())
    made, again = own_key(make=True), own_key(make=True)
    path = tmp_path / "config/hilum/key.pem"
    assert made and again and made.id == again.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["key.pem"]


def test_what_is_no_key_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key.pem"
    monkeypatch.setenv("HILUM_KEY", str(path))
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for text in (b"", b"no key", other):
        path.write_bytes(text)
        with pytest.raises(UsageError, match="holds no Ed25519 key in PEM"):
            own_key(make=True)
    monkeypatch.setenv("HILUM_KEY", str(path / "below a file"))
    with pytest.raises(UsageError, match="not to be had"):
        own_key(make=True)


def test_a_checkout_knows_a_key_that_was_published_in_it(root: Path, signer: Signer, tmp_path: Path) -> None:
    known = published_key(root)
    assert known is not None and known.id == signer.id
    assert published_key(tmp_path) is None
    assert [*read_keys(WorkingTree(root)).known] == [signer.id]


def test_an_auditor_trusts_the_key_that_he_brings(root: Path, signer: Signer, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pem"
    mine.write_bytes((root / signer.path).read_bytes())
    assert [*read_keys(WorkingTree(root), [mine]).known] == [signer.id]
    foreign = Signer(Ed25519PrivateKey.generate())
    foreign.publish(tmp_path)
    trusted = read_keys(WorkingTree(root), [tmp_path / foreign.path])
    _, broken = open_envelope(seal_envelope(PAYLOAD, signer), "x", trusted)
    assert [row.found for row in broken] == ["no such key among those that may sign"]
    mine.write_bytes(b"no key")
    with pytest.raises(UsageError, match="holds no Ed25519 public key"):
        read_keys(WorkingTree(root), [mine])


def test_every_byte_of_a_published_key_counts(root: Path, signer: Signer) -> None:
    path = root / signer.path
    held = path.read_bytes()
    rng = random.Random(0)
    for at in range(len(held)):
        text = bytearray(held)
        text[at] = rng.choice([byte for byte in range(256) if byte != held[at]])
        path.write_bytes(bytes(text))
        assert [row.where for row in read_keys(WorkingTree(root)).broken] == [signer.path], (at, bytes(text))
    path.write_bytes(held)
    path.rename(path.with_stem("0" * 32))
    assert len(read_keys(WorkingTree(root)).broken) == 1, "a key under another's name"


def test_every_byte_of_an_envelope_counts(root: Path, signer: Signer) -> None:
    keys = read_keys(WorkingTree(root))
    held = seal_envelope(PAYLOAD, signer)
    assert open_envelope(held, "x", keys) == (PAYLOAD, [])
    rng = random.Random(1)
    for at in range(len(held)):
        text = bytearray(held)
        text[at] = rng.choice([byte for byte in range(256) if byte != held[at]])
        assert open_envelope(bytes(text), "x", keys)[1], (at, bytes(text))
    empty = {**json.loads(held), "signatures": []}
    assert open_envelope(json.dumps(empty, indent=1).encode() + b"\n", "x", keys)[1], "nobody signed"
    assert Keys({}).problem(signer.id, b"", "") == "no such key among those that may sign"


def test_another_library_verifies_an_envelope(signer: Signer) -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    public = signer.key.public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    key = SSlibKey(signer.id, "ed25519", "ed25519", {"public": raw})
    held = json.loads(seal_envelope(PAYLOAD, signer))
    envelope = Envelope.from_dict(json.loads(json.dumps(held)))
    assert list(envelope.verify([key], 1)) == [signer.id]
    assert (envelope.payload, envelope.payload_type) == (PAYLOAD, PAYLOAD_TYPE)
    envelope.payload = PAYLOAD + b" "
    with pytest.raises(VerificationError):
        envelope.verify([key], 1)
