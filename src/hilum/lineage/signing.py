"""Keys and signatures: Ed25519, made and kept on this machine, verified anywhere without a network.

In: bytes. Out: signatures and DSSE envelopes, and whether one is good. The private key lies outside the checkout
(`HILUM_KEY`, else ~/.config/hilum/key.pem); the public one is committed with what it signs, in reports/keys. That a key
in a repository is whose it should be, nobody can tell from the repository: an auditor brings the one that he was given.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

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
from hilum.lineage.verify import Broken

KEYS_FOLDER = "reports/keys"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Signer:
    """A private key. id: the first 32 hex digits of the sha256 of the public key's raw bytes."""

    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        """The key's id."""
        return key_id(self.key.public_key())

    @property
    def path(self) -> str:
        """Where a checkout keeps the public key."""
        return f"{KEYS_FOLDER}/{self.id}.pem"

    def sign(self, text: bytes) -> str:
        """The signature, base64."""
        return base64.b64encode(self.key.sign(text)).decode("ascii")

    def publish(self, root: Path) -> None:
        """Write the public key into the checkout."""
        (root / self.path).parent.mkdir(parents=True, exist_ok=True)
        (root / self.path).write_bytes(_to_pem(self.key.public_key()))


@dataclass(frozen=True)
class Keys:
    """Public keys by id, and the files of the repository's keys that are not as they were published.

    trusted: an auditor brought them; then what nobody signed is no evidence.
    """

    known: Mapping[str, Ed25519PublicKey]
    broken: Sequence[Broken] = ()
    trusted: bool = False

    def problem(self, key: str, text: bytes, signature: str) -> str | None:
        """Why a signature is not good; None if it is."""
        if key not in self.known:
            return "no such key among those that may sign"
        try:
            raw = base64.b64decode(signature, validate=True)
            if base64.b64encode(raw).decode("ascii") != signature:
                raise ValueError("another spelling of the same bytes")
            self.known[key].verify(raw, text)
        except (InvalidSignature, ValueError):
            return "one that does not fit these bytes"
        return None


def own_key(*, make: bool = False) -> Signer | None:
    """This machine's key; made if it is asked for and there is none.

    Raises UsageError if the file is no Ed25519 key, or cannot be made.
    """
    path = _place()
    try:
        if not path.exists():
            if not make:
                return None
            _make(path)
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: the key that signs is not to be had ({error.strerror}); HILUM_KEY names another."
        ) from None
    key: object
    try:
        key = load_pem_private_key(text, password=None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{path} holds no Ed25519 key in PEM; move it away, or name another by HILUM_KEY.")
    return Signer(key)


def published_key(root: Path) -> Signer | None:
    """This machine's key, where the checkout holds its public half already."""
    signer = own_key()
    return signer if signer and (root / signer.path).is_file() else None


def read_keys(snapshot: Snapshot, trusted: Sequence[Path] = ()) -> Keys:
    """The public keys that may sign: those an auditor trusts, else all that the snapshot holds.

    Raises UsageError if a trusted file is no Ed25519 public key.
    """
    held: dict[str, Ed25519PublicKey] = {}
    broken = []
    for path in (path for path in snapshot.files(KEYS_FOLDER) if path.endswith(".pem")):
        text = snapshot.read(path) or b""
        key = _from_pem(text)
        if key is None or _to_pem(key) != text or Path(path).stem != key_id(key):
            broken.append(Broken(path, f"the public key {Path(path).stem[:12]}", "another, or none"))
        else:
            held[key_id(key)] = key
    if not trusted:
        return Keys(held, broken)
    known = {}
    for place in trusted:
        key = _from_pem(place.read_bytes())
        if key is None:
            raise UsageError(f"{place} holds no Ed25519 public key in PEM.")
        known[key_id(key)] = key
    return Keys(known, broken, trusted=True)


def seal_envelope(payload: bytes, signer: Signer) -> bytes:
    """A DSSE envelope around a payload, as the bytes of a file."""
    signature = {"keyid": signer.id, "sig": signer.sign(_what_is_signed(payload))}
    return _lay_out(payload, [signature])


def open_envelope(text: bytes, path: str, keys: Keys) -> tuple[bytes, list[Broken]]:
    """The payload of an envelope, and what is wrong with it: its form to the byte, and every signature."""
    try:
        envelope = json.loads(text)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [{"keyid": str(row["keyid"]), "sig": str(row["sig"])} for row in envelope["signatures"]]
    except (ValueError, KeyError, TypeError):
        return b"", [Broken(path, "a signed envelope", "none, or one that cannot be read")]
    if _lay_out(payload, signatures) != text:
        return payload, [Broken(path, "an envelope as hilum writes it", "one whose bytes were changed")]
    if not signatures:
        return payload, [Broken(path, "a signature", "none")]
    signed = _what_is_signed(payload)
    problems = [(row["keyid"], keys.problem(row["keyid"], signed, row["sig"])) for row in signatures]
    return payload, [Broken(path, f"a signature by key {key[:12]}", problem) for key, problem in problems if problem]


def key_id(key: Ed25519PublicKey) -> str:
    """The id of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def _lay_out(payload: bytes, signatures: Sequence[Mapping[str, str]]) -> bytes:
    coded = base64.b64encode(payload).decode("ascii")
    envelope = {"payloadType": PAYLOAD_TYPE, "payload": coded, "signatures": list(signatures)}
    return json.dumps(envelope, indent=1).encode("ascii") + b"\n"


def _what_is_signed(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode("ascii"), len(payload), payload)


def _to_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _from_pem(text: bytes) -> Ed25519PublicKey | None:
    try:
        key = load_pem_public_key(text)
    except ValueError:
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def _make(path: Path) -> None:
    """Write a new private key that only this user may read. The file appears whole; one that is there stays."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as stream:  # made with mode 0600
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
        try:
            os.link(stream.name, path)
        except FileExistsError:
            return


def _place() -> Path:
    told = os.environ.get("HILUM_KEY")
    if told:
        return Path(told)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hilum/key.pem"
