"""Keys and signatures: Ed25519, made and kept on this machine, verified anywhere without a network.

In: bytes. Out: signatures, and whether one is good. The private key lies outside the checkout (`HILUM_KEY`, else
~/.config/hilum/key.pem); the public one is committed with what it signs, in reports/keys. That a key in a repository is
whose it should be, nobody can tell from the repository: an auditor who was given the key's id compares it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hilum.errors import UsageError
from hilum.lineage.snapshots import Snapshot

KEYS_FOLDER = "reports/keys"


@dataclass(frozen=True)
class Signer:
    """A private key. id: the first 32 hex digits of the sha256 of the public key's raw bytes."""

    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        """The key's id."""
        return key_id(self.key.public_key())

    def sign(self, text: bytes) -> str:
        """The signature, base64."""
        return base64.b64encode(self.key.sign(text)).decode("ascii")

    def publish(self, root: Path) -> str:
        """Write the public key into the checkout, if it is not there; its path."""
        path = f"{KEYS_FOLDER}/{self.id}.pem"
        if not (root / path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(
                self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            )
        return path


@dataclass(frozen=True)
class Keys:
    """Public keys by id."""

    known: Mapping[str, Ed25519PublicKey]

    def problem(self, key: str, text: bytes, signature: str) -> str | None:
        """Why a signature is not good; None if it is."""
        if key not in self.known:
            return "no such key among those that may sign"
        try:
            self.known[key].verify(base64.b64decode(signature, validate=True), text)
        except (InvalidSignature, ValueError):
            return "one that does not fit these bytes"
        return None


def own_key(*, make: bool = False) -> Signer | None:
    """This machine's key; made if it is asked for and there is none.

    Raises UsageError if the file is no Ed25519 key.
    """
    path = _place()
    if not path.exists():
        if not make:
            return None
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(text)
    key: object
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds no Ed25519 key in PEM; move it away, or name another by HILUM_KEY.")
    return Signer(key)


def read_keys(snapshot: Snapshot, trusted: Path | None = None) -> Keys:
    """The public keys that may sign: the file an auditor trusts, else all that the snapshot holds.

    Raises UsageError if a file is no Ed25519 public key.
    """
    files = {str(trusted): trusted.read_bytes()} if trusted else {
        path: snapshot.read(path) or b"" for path in snapshot.files(KEYS_FOLDER) if path.endswith(".pem")
    }  # fmt: skip
    known = {}
    key: object
    for path, text in files.items():
        try:
            key = load_pem_public_key(text)
        except ValueError:
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError(f"{path} holds no Ed25519 public key in PEM.")
        known[key_id(key)] = key
    return Keys(known)


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def _place() -> Path:
    told = os.environ.get("HILUM_KEY")
    return Path(told) if told else Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "hilum/key.pem"
