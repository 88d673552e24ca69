"""The audit after three landings and two promotions: whole where nothing was touched, broken wherever something was.

usage: python tests/benchmarks/audit_trials.py [--parts PART ...] [--cases N] [--untouched N] [--figures N]
           [--gigabytes G] [--seed S] [--keep FOLDER] [--world FOLDER]

Makes a small phantom in a checkout of its own, lands it twice more, and promotes two models, by the commands of the
README; --keep keeps that, --world uses a kept one again. Every audit is a process of its own, by the code of this tree.

chain      `hilum audit METRIC` for every figure of metrics.json: seconds, whole process
whole      `hilum audit --all --verify source`: every figure comes out equal
tampering  something is changed, by accident or with care; `hilum audit --all --verify source` must exit 5 and its last
           line must name it; then it is put back, to the byte
untouched  clones, old commits, merges, collected garbage, new times: nothing may exit 5
speed      `--verify cache` beside sha256 of the same files by hashlib, one thread, and by sha256sum

Where a case is about who signed, the auditor brings the public key that he was given (--key).
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from material import figure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from hilum.config import read_section  # noqa: E402
from hilum.lineage.figures import METRICS, list_values  # noqa: E402
from hilum.lineage.ledger import CHAMPION, LEDGER, STATEMENT, append, parse  # noqa: E402
from hilum.lineage.lock import LOCKS, Item  # noqa: E402
from hilum.lineage.record import Record, open_record  # noqa: E402
from hilum.lineage.signing import Signer, own_key, seal_envelope  # noqa: E402
from hilum.lineage.source import read_landed  # noqa: E402
from hilum.lineage.store import digest_of_listing  # noqa: E402
from hilum.stages.audit_recompute import recompute  # noqa: E402
from tests.pipeline.conftest import Checkout  # noqa: E402

ALL = ("--all", "--verify", "source")
RUN = ("hilum", "run", "--engine", "threads", "--jobs", "2")
SUBJECTS, MORE = 60, 20
FIGURE_S, RATIO = 3.0, 1.3
PARTS = ("chain", "whole", "tampering", "untouched", "speed")


@dataclass(frozen=True)
class Said:
    """What an audit came to. last: the last line of what it says of errors. cpu: the processor's seconds."""

    code: int
    out: str
    last: str
    seconds: float
    cpu: float


def audit(root: Path, *words: str) -> Said:
    """`hilum audit` as a process of its own, by this tree's code."""
    env = {
        **os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    began, cpu = time.monotonic(), _cpu_of_children()
    done = subprocess.run(["hilum", "audit", *words], cwd=root, env=env, text=True, capture_output=True, check=False)
    lines = done.stderr.strip().splitlines() or [""]
    return Said(done.returncode, done.stdout, lines[-1], time.monotonic() - began, _cpu_of_children() - cpu)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class World:
    """The checkout, and what there is to be tampered with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "checkout"
        os.environ["HILUM_KEY"], os.environ["PREFECT_HOME"] = str(folder / "key.pem"), str(folder / "prefect")
        if self.root.exists():
            self.checkout = Checkout.__new__(Checkout)
            self.checkout.folder = self.root
        else:
            self._make()
        self.tip = self.git("rev-parse", "HEAD")
        self.first = self.git("rev-parse", "search@v1.0.0^{commit}")
        with open_record(self.root) as record:
            self.items = _items(record)
            self.objects = _objects(record)
            self.raw = [
                (f"{row.folder}/tree/{path}", row.folder) for row in read_landed(record)
                for path, kind in zip(row.listing["path"], row.listing["kind"], strict=True) if kind != "table"
            ]  # fmt: skip
        with open_record(self.root, self.first) as record:
            self.then = _items(record)
            self.old_objects = [row for row in _objects(record) if row not in set(self.objects)]
        signer = own_key()
        assert signer is not None
        self.key, self.cache = self.root / signer.path, self.root / ".dvc/cache"
        self.figures = [name for name, value in list_values((self.root / METRICS).read_bytes(), METRICS)]

    def _make(self) -> None:
        self.root.mkdir(parents=True)
        began = time.monotonic()
        run = Checkout(self.root, ROOT, {"phantom": {"n_subjects": SUBJECTS}}).run
        self.checkout = Checkout.__new__(Checkout)
        self.checkout.folder = self.root
        run(*RUN)
        self.checkout.commit("Run L0001")
        run("hilum", "promote")
        for number in (2, 3):
            name, first = f"L000{number}", SUBJECTS + (number - 2) * MORE
            words = ["--tree", f"../{name}", "--listing", f"../{name}.parquet", "--truth", f"data/truth/{name}"]
            run("hilum", "phantom", *words, "--first-subject", str(first), "--subjects", str(MORE))
            run("hilum", "land", f"../{name}")
            self.checkout.commit(f"Land {name}")
            if number == 3 and run("hilum", "retrain", *RUN[2:], check=False).returncode == 0:
                break  # the policy has promoted it
            run(*RUN)
            self.checkout.commit(f"Run {name}")
        else:
            run("hilum", "promote", "--force")
        print(f"world: made in {time.monotonic() - began:.0f} s", flush=True)

    def git(self, *words: str, text: bytes | None = None) -> str:
        """What git says in the checkout."""
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            input=text,
            capture_output=True,
            check=False,
            env=self.checkout.environment(),
        )
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr.decode()}"
        return done.stdout.decode().strip()

    def place(self, md5: str) -> Path:
        """Where the cache keeps an object."""
        return self.cache / "files/md5" / md5[:2] / md5[2:]


def _items(record: Record) -> dict[str, Item]:
    outs = (out for stage in record.lineage.stages.values() for out in stage.outs)
    return {out.path: out for out in outs if out.path not in record.held_by_git}


def _objects(record: Record) -> list[tuple[str, str]]:
    """(md5, path) of every cached object of a record, listings of folders included; empty ones left out."""
    rows = {(item.md5, item.path) for item in _items(record).values()}
    rows |= {(file.md5, file.path) for item in _items(record).values() for file in record.store.files(item)}
    return sorted(row for row in rows if (place := record.store.cached(row[0])) and place.stat().st_size)


class Changes:
    """What a case has changed, and how it was before. Everything is put back to the byte, times and modes too."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._held: dict[Path, tuple[bytes, os.stat_result] | None] = {}
        self._tags: dict[str, str] = {}
        self._tip: str | None = None

    def write(self, path: Path, content: bytes | None) -> None:
        """Give a file other bytes, or none."""
        if path not in self._held:
            self._held[path] = (path.read_bytes(), path.stat()) if path.is_file() else None
        _put(path, content)

    def flip(self, path: Path, chance: random.Random) -> int:
        """Change one byte of a file; which."""
        text = bytearray(path.read_bytes())
        at = chance.randrange(len(text))
        text[at] ^= chance.randrange(1, 256)
        self.write(path, bytes(text))
        return at

    def commit(self, message: str) -> None:
        """Commit what was changed."""
        self._tip = self.world.tip
        self.world.git("add", "-A")
        self.world.git("commit", "-qm", message)

    def move_tip(self, commit: str, tags: Iterable[tuple[str, str]] = ()) -> None:
        """Let the branch stand on another commit of the same tree, and tags."""
        self._tip = self.world.tip
        self.world.git("update-ref", "HEAD", commit)
        for name, other in tags:
            self._tags[name] = self.world.git("rev-parse", f"refs/tags/{name}")
            self.world.git("update-ref", f"refs/tags/{name}", other)

    def undo(self) -> None:
        """Put everything back, and see that it is."""
        for path, held in self._held.items():
            _put(path, held[0] if held else None)
            if held:
                path.chmod(held[1].st_mode)
                os.utime(path, ns=(held[1].st_atime_ns, held[1].st_mtime_ns))
        for name, digest in self._tags.items():
            self.world.git("update-ref", f"refs/tags/{name}", digest)
        if self._tip:
            self.world.git("reset", "-q", self._tip)
        left = [path for path, held in self._held.items() if (path.read_bytes() if path.is_file() else None) != (
            held[0] if held else None)]  # fmt: skip
        assert not left and not self.world.git("status", "--porcelain"), f"not put back: {left}"
        assert self.world.git("rev-parse", "HEAD") == self.world.tip

    def keep(self, content: bytes) -> str:
        """Put an object into the cache, as DVC would; its digest."""
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        place = self.world.place(digest)
        if not place.exists():
            self.write(place, content)
        return digest

    def keep_folder(self, files: dict[str, bytes]) -> tuple[str, int, int]:
        """The same for a folder: digest, bytes and number of its files."""
        rows = [{"md5": self.keep(text), "relpath": name} for name, text in sorted(files.items())]
        digest = digest_of_listing((row["relpath"], row["md5"]) for row in rows)
        self.write(self.world.place(digest), json.dumps(rows, sort_keys=True).encode())
        return digest, sum(map(len, files.values())), len(files)

    def record(self, path: str, md5: str, size: int, nfiles: int | None = None) -> None:
        """Say in every lock that a path has these bytes, and so every folder that outputs make up."""
        known = dict(self.world.items)
        if path in known:
            known[path] = known[path].model_copy(update={"md5": md5, "size": size, "nfiles": nfiles})
        self._record(path, md5, size, nfiles)
        parent = path.rpartition("/")[0]
        inside = [item for name, item in known.items() if name.rpartition("/")[0] == parent]
        if not any(item.is_folder for item in inside):
            digest = digest_of_listing((item.path.rpartition("/")[2], item.md5) for item in inside)
            self._record(parent, digest, sum(item.size for item in inside), len(inside))

    def _record(self, path: str, md5: str, size: int, nfiles: int | None) -> None:
        form = rf"(- path: {re.escape(path)}\n +hash: md5\n +md5: )\S+(\n +size: )\d+(\n +nfiles: \d+)?(?=\n|$)"
        start = f"\n      nfiles: {nfiles}" if nfiles else ""
        for lock in LOCKS:
            text = (self.world.root / lock).read_text()
            new = re.sub(form, rf"\g<1>{md5}\g<2>{size}{start}", text)
            if new != text:
                self.write(self.world.root / lock, new.encode())


def _to_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    side = path.with_name(f".{path.name}.audit-trial")
    side.write_bytes(content)
    os.replace(side, path)


@dataclass(frozen=True)
class Case:
    """What was changed, the audit to be asked, and the words of which its last line must hold one."""

    what: str
    names: Sequence[str]
    words: Sequence[str] = ALL


Tamper = Callable[[World, Changes, random.Random], Case]


def _object_names(world: World, md5: str, path: str) -> list[str]:
    return [f"files/md5/{md5[:2]}/{md5[2:]}", path, f"{path.rpartition('/')[0]}, read by"]


def cached_object(world: World, changes: Changes, chance: random.Random) -> Case:
    md5, path = chance.choice(world.objects)
    at = changes.flip(world.place(md5), chance)
    return Case(f"byte {at} of {path} in the cache ({md5})", _object_names(world, md5, path))


def older_object(world: World, changes: Changes, chance: random.Random) -> Case:
    md5, path = chance.choice(world.old_objects)
    at = changes.flip(world.place(md5), chance)
    return Case(f"byte {at} of {path} in the cache ({md5}), of v1.0.0", _object_names(world, md5, path),
                (*ALL, "--rev", world.first))  # fmt: skip


def file_that_lies_here(world: World, changes: Changes, chance: random.Random) -> Case:
    path = chance.choice([path for _, path in world.objects if (world.root / path).is_file()])
    return Case(f"byte {changes.flip(world.root / path, chance)} of {path}", [path])


def raw_file(world: World, changes: Changes, chance: random.Random) -> Case:
    path, _ = chance.choice([row for row in world.raw if (world.root / row[0]).stat().st_size])
    return Case(f"byte {changes.flip(world.root / path, chance)} of {path}", [path])


def _byte_in(folder: str, world: World, changes: Changes, chance: random.Random) -> Case:
    """One byte of a file of a folder, as it lies here or as the cache has it."""
    md5, path = chance.choice([row for row in world.objects if row[1].startswith(folder) and ".dir" not in row[0]])
    cached = chance.random() < 0.5
    at = changes.flip(world.place(md5) if cached else world.root / path, chance)
    return Case(f"byte {at} of {path}{' in the cache' if cached else ''}", [path])


def manifest(world: World, changes: Changes, chance: random.Random) -> Case:
    return _byte_in("data/manifest/", world, changes, chance)


def manifest_recorded(world: World, changes: Changes, chance: random.Random) -> Case:
    """A manifest that gives a raw file another sha256, recorded everywhere as if it had been made so."""
    path = chance.choice([path for path in world.items if path.startswith("data/manifest/")])
    table = pq.read_table(world.root / path)
    digests = table.column("sha256").to_pylist()
    row = chance.randrange(len(digests))
    digests[row] = hashlib.sha256(digests[row].encode()).hexdigest()
    at = table.schema.get_field_index("sha256")
    content = _to_parquet(table.set_column(at, table.schema.field(at), pa.array(digests)))
    changes.write(world.root / path, content)
    changes.record(path, changes.keep(content), len(content))
    return Case(f"row {row} of {path} and every digest of that", [path])


def queries(world: World, changes: Changes, chance: random.Random) -> Case:
    return _byte_in("data/evaluation/", world, changes, chance)


def _forge_evaluation(world: World, changes: Changes, chance: random.Random) -> str:
    """Per-query rows, what they average to, and every digest, changed alike: all of it agrees with itself."""
    folder = world.root / "data/evaluation"
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    rows = pd.read_parquet(folder / "queries.parquet")
    names = [name for name in rows.columns if pd.api.types.is_float_dtype(rows[name]) and rows[name].notna().any()]
    name = chance.choice([n for n in names if n not in ("alpha",)] or names)
    schema = pq.read_schema(folder / "queries.parquet")
    rows[name] = rows[name] * 0.5
    files["queries.parquet"] = _to_parquet(pa.Table.from_pandas(rows, schema=schema, preserve_index=False))
    changes.write(folder / "queries.parquet", files["queries.parquet"])
    changes.record("data/evaluation", *changes.keep_folder(files))
    with open_record(world.root) as record:
        again = recompute(record, METRICS, read_section)
    metrics = json.loads((world.root / METRICS).read_bytes())
    for figure_, pair in again["unequal"].items():
        _set(metrics, figure_.rpartition(":")[2], pair["recomputed"])
    _write_metrics(world, changes, metrics)
    return f"column {name} of queries.parquet, {len(again['unequal'])} figures that follow, and every digest"


def forged_evaluation(world: World, changes: Changes, chance: random.Random) -> Case:
    what = _forge_evaluation(world, changes, chance)
    return Case(what, [f"dvc.lock, {METRICS}"], (*ALL, "--key", str(world.key)))


def forged_evaluation_recorded(world: World, changes: Changes, chance: random.Random) -> Case:
    what = _forge_evaluation(world, changes, chance)
    commit_too = chance.random() < 0.5
    changes.write(world.root / LEDGER, (world.root / LEDGER).read_bytes())
    append(world.root, "run", world.tip, lambda: None)
    if commit_too:
        changes.commit("Run")
    told = f"{what}, and an unsigned line of the ledger{', committed' if commit_too else ''}"
    return Case(told, [f"dvc.lock, {METRICS}"], (*ALL, "--key", str(world.key)))


def _byte_of_record(path: str, world: World, changes: Changes, chance: random.Random) -> Case:
    """One byte of a file in which DVC has recorded something. It may be named, or the entry that it stands in."""
    lines = (world.root / path).read_text().split("\n")
    at = changes.flip(world.root / path, chance)
    number = len("\n".join(lines)[: at + 1].split("\n")) - 1
    names = [path, path.removesuffix(".dvc")]
    above = lines[: number + 1][::-1]
    names += [m[1] for line in above if (m := re.match(r"  (\S+):$", line))][:1]
    items = [m[1] for line in above if (m := re.match(r"\s+- path: (\S+)", line))][:1]
    names += [*items, *(f"{item.rpartition('/')[0]}, read by" for item in items)]
    return Case(f"byte {at} of {path}: {lines[number].strip()!r}", names)


def main_lock(world: World, changes: Changes, chance: random.Random) -> Case:
    return _byte_of_record(LOCKS[0], world, changes, chance)


def served_lock(world: World, changes: Changes, chance: random.Random) -> Case:
    return _byte_of_record(LOCKS[1], world, changes, chance)


def tracked(world: World, changes: Changes, chance: random.Random) -> Case:
    notes = [p.relative_to(world.root).as_posix() for p in sorted(world.root.glob("data/**/*.dvc"))]
    return _byte_of_record(chance.choice(notes), world, changes, chance)


def _set(metrics: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    for part in path:
        metrics = metrics[part]
    metrics[last] = value


def _write_metrics(world: World, changes: Changes, metrics: dict[str, Any]) -> None:
    content = json.dumps(metrics, indent=2).encode() + b"\n"
    changes.write(world.root / METRICS, content)
    changes.record(METRICS, hashlib.md5(content, usedforsecurity=False).hexdigest(), len(content))


def _another_figure(world: World, chance: random.Random) -> tuple[dict[str, Any], str]:
    text = (world.root / METRICS).read_bytes()
    name, value = chance.choice([row for row in list_values(text, METRICS) if row[1] is not None])
    metrics = json.loads(text)
    _set(metrics, name, not value if isinstance(value, bool) else value + chance.choice([1, -1]) * (
        1 if isinstance(value, int) else 10.0 ** -chance.randint(1, 4)))  # fmt: skip
    return metrics, name


def metrics_byte(world: World, changes: Changes, chance: random.Random) -> Case:
    return Case(f"byte {changes.flip(world.root / METRICS, chance)} of {METRICS}", [METRICS])


def metrics_figure(world: World, changes: Changes, chance: random.Random) -> Case:
    metrics, name = _another_figure(world, chance)
    changes.write(world.root / METRICS, json.dumps(metrics, indent=2).encode() + b"\n")
    return Case(f"the figure {name}", [METRICS])


def metrics_recorded(world: World, changes: Changes, chance: random.Random) -> Case:
    metrics, name = _another_figure(world, chance)
    _write_metrics(world, changes, metrics)
    if chance.random() < 0.5:
        changes.commit("Another figure")
    return Case(f"the figure {name} and every digest of {METRICS}", [f"{METRICS}:{name}"])


def ledger_byte(world: World, changes: Changes, chance: random.Random) -> Case:
    return Case(f"byte {changes.flip(world.root / LEDGER, chance)} of {LEDGER}", [LEDGER])


def ledger_line_removed(world: World, changes: Changes, chance: random.Random) -> Case:
    rows = (world.root / LEDGER).read_bytes().splitlines(keepends=True)
    number = chance.randrange(len(rows))
    how = chance.choice(["", ", committed", " with all others"])
    changes.write(world.root / LEDGER, None if "all" in how else b"".join(rows[:number] + rows[number + 1 :]))
    if "committed" in how:
        changes.commit("Tidy")
    return Case(f"line {number + 1} of {LEDGER} removed{how}", [LEDGER])


def ledger_edited(world: World, changes: Changes, chance: random.Random) -> Case:
    """A line that says something else, written as hilum writes it."""
    rows = (world.root / LEDGER).read_bytes().splitlines()
    number = chance.randrange(len(rows))
    held = json.loads(rows[number])
    key = chance.choice(["at", "what", "gate", "decision", "files", "environment", "commit", "previous"])
    new = {"at": "2025-01-01T00:00:00Z", "what": "refresh", "gate": "amber", "decision": "refused",
           "commit": world.git("rev-parse", "HEAD~1") if held["commit"] == world.tip else world.tip,
           "previous": [], "environment": {**held["environment"], "torch": "1.0"},
           "files": {**held["files"], LOCKS[0]: "0" * 64}}  # fmt: skip
    if held[key] == new[key]:
        key = "at"
    rows[number] = json.dumps({**held, key: new[key]}, sort_keys=True, separators=(",", ":")).encode()
    changes.write(world.root / LEDGER, b"".join(row + b"\n" for row in rows))
    commit_too = chance.random() < 0.5
    if commit_too:
        changes.commit("Mend the ledger")
    return Case(f"{key} of line {number + 1} of {LEDGER}{', committed' if commit_too else ''}", [LEDGER])


def _stranger() -> Signer:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Signer(Ed25519PrivateKey.generate())


def _publish(signer: Signer, world: World, changes: Changes) -> None:
    """Let the repository hold a stranger's key among its own."""
    changes.write(world.root / signer.path, b"")
    signer.publish(world.root)


def ledger_signature(world: World, changes: Changes, chance: random.Random) -> Case:
    """A signature of a line: another one, or a stranger's, whose key is published, while the auditor brings his own."""
    rows = (world.root / LEDGER).read_bytes().splitlines()
    number = chance.choice([at for at, row in enumerate(rows) if json.loads(row)["key"]])
    held = json.loads(rows[number])
    how = chance.choice(["another", "none", "a stranger's", "a stranger's, committed"])
    words: tuple[str, ...] = ALL
    if how == "another":
        raw = bytearray(base64.b64decode(held["signature"]))
        raw[chance.randrange(len(raw))] ^= chance.randrange(1, 256)
        held["signature"] = base64.b64encode(raw).decode()
    elif how == "none":
        held["key"] = held["signature"] = None
    else:
        signer, words = _stranger(), (*ALL, "--key", str(world.key))
        _publish(signer, world, changes)
        held["key"], held["signature"] = signer.id, None
        (entry,) = [line.entry for line in parse(_row(held))]
        held["signature"] = signer.sign(entry.signed())
    rows[number] = _row(held)[:-1]
    changes.write(world.root / LEDGER, b"".join(row + b"\n" for row in rows))
    if "committed" in how:
        changes.commit("Sign again")
    return Case(f"signature of line {number + 1} of {LEDGER}: {how}", [LEDGER], words)


def _row(held: dict[str, Any]) -> bytes:
    return json.dumps(held, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def statement_byte(world: World, changes: Changes, chance: random.Random) -> Case:
    return Case(f"byte {changes.flip(world.root / STATEMENT, chance)} of {STATEMENT}", [STATEMENT])


def _another_statement(world: World, chance: random.Random) -> tuple[bytes, dict[str, Any], str]:
    envelope = json.loads((world.root / STATEMENT).read_bytes())
    said = json.loads(base64.b64decode(envelope["payload"]))
    row = chance.choice([row for row in said["subject"] if "sha256" in row["digest"]])
    row["digest"]["sha256"] = hashlib.sha256(row["digest"]["sha256"].encode()).hexdigest()
    return json.dumps(said, indent=1).encode("ascii"), envelope, row["name"]


def statement_edited(world: World, changes: Changes, chance: random.Random) -> Case:
    payload, envelope, name = _another_statement(world, chance)
    envelope["payload"] = base64.b64encode(payload).decode()
    changes.write(world.root / STATEMENT, json.dumps(envelope, indent=1).encode() + b"\n")
    return Case(f"what {STATEMENT} says of {name}, under the old signature", [STATEMENT])


def statement_signed_by_a_stranger(world: World, changes: Changes, chance: random.Random) -> Case:
    """The same words or others, signed by a stranger, recorded in the ledger and committed; the auditor has the key."""
    payload, envelope, name = _another_statement(world, chance)
    same = chance.random() < 0.5
    signer = _stranger()
    _publish(signer, world, changes)
    content = seal_envelope(base64.b64decode(envelope["payload"]) if same else payload, signer)
    changes.write(world.root / STATEMENT, content)
    how = chance.choice(["", ", recorded", ", recorded and committed"])
    if how:
        changes.write(world.root / LEDGER, (world.root / LEDGER).read_bytes())
        append(world.root, "promote", world.tip, lambda: signer)
    if "committed" in how:
        changes.commit("Sign again")
    what = f"{STATEMENT} signed by a stranger{'' if same else f', another sha256 of {name}'}{how}"
    return Case(what, [STATEMENT, LEDGER] if how else [STATEMENT], (*ALL, "--key", str(world.key)))


def public_key(world: World, changes: Changes, chance: random.Random) -> Case:
    path = world.key.relative_to(world.root).as_posix()
    if chance.random() < 0.5:
        return Case(f"byte {changes.flip(world.key, chance)} of {path}", [path])
    signer = _stranger()
    _publish(signer, world, changes)
    changes.write(world.key, (world.root / signer.path).read_bytes())
    changes.write(world.root / signer.path, None)
    return Case(f"{path}: a stranger's key under this name", [path])


def swapped_model(world: World, changes: Changes, chance: random.Random) -> Case:
    """The weights of another valid model, here or in the cache."""
    folder = chance.choice(["data/locate", "data/served/champion"])
    files = [row for row in world.objects if row[1].startswith(folder) and row[1].endswith("model.safetensors")]
    md5, path = files[0]
    others = [m for m, p in (*world.objects, *world.old_objects) if p.endswith("model.safetensors") and m != md5]
    other = chance.choice(sorted(set(others)))
    cached = chance.random() < 0.5
    changes.write(world.place(md5) if cached else world.root / path, world.place(other).read_bytes())
    return Case(f"{path}{' in the cache' if cached else ''} is {other[:12]}, another model",
                _object_names(world, md5, path) if cached else [path])  # fmt: skip


def swapped_model_recorded(world: World, changes: Changes, chance: random.Random) -> Case:
    """The model of the first promotion in the place of the second's, and every digest of it."""
    path = chance.choice(["data/locate", "data/served/champion"])
    item = world.then[path]
    rows = json.loads(world.place(item.md5).read_bytes())
    for row in rows:
        changes.write(world.root / path / row["relpath"], world.place(row["md5"]).read_bytes())
    changes.record(path, item.md5, item.size, item.nfiles)
    how = "dvc.lock"
    if path != "data/locate":
        how = CHAMPION
        changes.write(world.root / CHAMPION, world.git("show", f"{world.first}:{CHAMPION}").encode() + b"\n")
    commit_too = chance.random() < 0.5
    if commit_too:
        changes.commit("Another model")
    return Case(f"{path} is that of v1.0.0, and so every digest ({how}){', committed' if commit_too else ''}", [path])


def rewritten_commit(world: World, changes: Changes, chance: random.Random) -> Case:
    """A commit that a line of the ledger names is amended or dropped, and those after it put on top again."""
    ours = set(world.git("rev-list", "HEAD").split())
    named = {line.entry.commit for line in parse((world.root / LEDGER).read_bytes())} & (ours - {world.tip})
    target, how = chance.choice(sorted(named)), chance.choice(["message", "time", "tree", "dropped"])
    made: dict[str, str] = {}
    for row in world.git("rev-list", "--reverse", "--topo-order", "--parents", "HEAD").splitlines():
        commit, *parents = row.split()
        if how == "dropped" and commit == target and len(parents) == 1:
            made[commit] = made.get(parents[0], parents[0])
            continue
        raw = subprocess.run(["git", "cat-file", "commit", commit], cwd=world.root, capture_output=True, check=True)
        head, _, message = raw.stdout.decode().partition("\n\n")
        for parent in parents:
            head = head.replace(f"parent {parent}", f"parent {made.get(parent, parent)}")
        if commit == target:
            if how == "time":
                head = re.sub(r"> (\d+) ", lambda m: f"> {int(m[1]) - 60} ", head)
            elif how == "tree":
                head = re.sub(r"^tree \w+", f"tree {_another_tree(world, commit)}", head)
            else:
                message = f"Amended\n\n{message}"
        text = f"{head}\n\n{message}".encode()
        made[commit] = world.git("hash-object", "-t", "commit", "-w", "--stdin", text=text)
    tags = [row.split() for row in world.git("for-each-ref", "--format=%(refname:strip=2) %(objectname)",
                                             "refs/tags").splitlines()]  # fmt: skip
    move_tags = chance.random() < 0.5
    moved = [(name, made[commit]) for name, tag in tags
             if (commit := world.git("rev-parse", f"{tag}^{{commit}}")) in made]  # fmt: skip
    changes.move_tip(made[world.tip], moved if move_tags else ())
    what = f"commit {target[:12]}: {how}, and all after it again{', tags too' if move_tags else ''}"
    return Case(what, [target[:12]])


def _another_tree(world: World, commit: str) -> str:
    """The tree of a commit with another README."""
    blob = world.git("hash-object", "-w", "--stdin", text=b"another\n")
    rows = world.git("ls-tree", commit).splitlines()
    new = [f"100644 blob {blob}\tREADME.md" if row.endswith("\tREADME.md") else row for row in rows]
    return world.git("mktree", text="\n".join(new).encode() + b"\n")


KINDS: dict[str, Tamper] = {
    "a byte of a cached object": cached_object,
    "a byte of an object of an older commit": older_object,
    "a byte of an artifact that lies here": file_that_lies_here,
    "a byte of a raw file": raw_file,
    "a byte of a manifest": manifest,
    "a manifest and every digest of it": manifest_recorded,
    "a byte of a per-query table": queries,
    "per-query table, figures and digests (--key)": forged_evaluation,
    "the same with a line of the ledger (--key)": forged_evaluation_recorded,
    "a byte of dvc.lock": main_lock,
    "a byte of data/served/dvc.lock": served_lock,
    "a byte of a .dvc file": tracked,
    "a byte of metrics.json": metrics_byte,
    "a figure": metrics_figure,
    "a figure and every digest of it": metrics_recorded,
    "a byte of the ledger": ledger_byte,
    "a line of the ledger removed": ledger_line_removed,
    "a line of the ledger edited": ledger_edited,
    "a signature of the ledger": ledger_signature,
    "a byte of the statement": statement_byte,
    "the statement's words": statement_edited,
    "the statement signed by a stranger (--key)": statement_signed_by_a_stranger,
    "a public key": public_key,
    "a swapped model": swapped_model,
    "a swapped model and every digest of it": swapped_model_recorded,
    "a rewritten commit": rewritten_commit,
}


def try_tampering(world: World, n_cases: int, seed: int, only: str | None) -> bool:
    """Every kind in turn; one line a kind, and every miss in full."""
    found: dict[str, list[bool]] = {name: [] for name in KINDS if only is None or only in name}
    for number in range(n_cases):
        name = [*found][number % len(found)]
        changes = Changes(world)
        try:
            case = KINDS[name](world, changes, random.Random(f"{seed} {number}"))
            said = audit(world.root, *case.words)
        finally:
            changes.undo()
        good = said.code == 5 and any(word in said.last for word in case.names)
        found[name].append(good)
        if not good:
            print(f"MISSED case {number}, {name}: {case.what}\n       exit {said.code}: {said.last}", flush=True)
    for name, rows in found.items():
        print(f"       {name}: {sum(rows)} of {len(rows)}")
    n_found, n = sum(map(sum, found.values())), sum(map(len, found.values()))
    return figure("tampering", f"{n_found} of {n} detected, each by its name", n_found == n, "all")


def try_chain(world: World, n_figures: int | None, seed: int) -> bool:
    """One process a figure."""
    names = world.figures if n_figures is None else random.Random(seed).sample(world.figures, n_figures)
    said = [audit(world.root, f"{METRICS}:{name}") for name in names]
    seconds = sorted(row.seconds for row in said)
    bad = [name for name, row in zip(names, said, strict=True) if row.code or "1 of 1 equal" not in row.out]
    seen = (
        f"{len(names)} of {len(world.figures)} figures, slowest {seconds[-1]:.2f} s, median "
        f"{statistics.median(seconds):.2f} s (the processor's: {max(row.cpu for row in said):.2f} s and "
        f"{statistics.median(row.cpu for row in said):.2f} s); {len(bad)} not equal {bad[:3] or ''}"
    )
    return figure("chain of every figure", seen, not bad and seconds[-1] < FIGURE_S, f"each under {FIGURE_S:.0f} s")


def try_whole(world: World) -> bool:
    """All figures at once, down to the raw files."""
    said = audit(world.root, *ALL, "--json")
    account = json.loads(said.out)
    again, checks = account["recomputed"], account["checks"]
    landings = [row["landing"] for row in account["source"]]
    broken = sum(len(check["broken"]) for check in checks)
    told = ", ".join(f"{check['level']} {check['n']:,}" for check in checks)
    seen = (
        f"exit {said.code}, {again.get('n_equal')} of {again.get('n')} figures come out equal, {len(landings)} "
        f"landings, {broken} broken links ({told}) in {said.seconds:.1f} s"
    )
    good = said.code == 0 and again.get("n") == again.get("n_equal") == len(world.figures) and not broken
    return figure("everything whole", seen, good and len(landings) == 3, "every figure equal, nothing broken")


def _clone(world: World, name: str, cache: Path | None, *words: str) -> Checkout:
    """A clone, over the world's cache or without one."""
    folder = world.folder / "clones" / name
    shutil.rmtree(folder, ignore_errors=True)
    world.git("clone", "-q", *words, f"file://{world.root}", str(folder))
    clone = Checkout.__new__(Checkout)
    clone.folder = folder
    if cache:
        clone.run("dvc", "cache", "dir", "--local", str(cache))
    return clone


def _merge(clone: Checkout) -> None:
    """Two branches, each with a run of its own, and their union."""
    for name, number in (("one", 1), ("two", 3)):
        clone.run("git", "switch", "-q", "-c", name, "main-line")
        clone.set_params({"report": {"n_queries": number}})
        clone.run(*RUN)
        clone.commit(f"Run {name}")
    clone.run("git", "switch", "-q", "one")
    clone.run("git", "merge", "-q", "-X", "ours", "two")
    clone.run("dvc", "checkout", "-q", "--force", "--allow-missing")


def untouched(world: World) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    """States in which nobody has touched anything: what they are, where, and what is asked."""
    here = world.root
    for level in ("lock", "cache", "source"):
        yield f"as it lies, {level}", here, ("--all", "--verify", level)
    yield "as it lies, with the key", here, (*ALL, "--key", str(world.key))
    yield "as it lies, another folder's name", here, ("--all", "--verify", "source", "--verify", "lock")
    made = world.git("log", "--format=%H %s").splitlines()
    whole = [row.split()[0] for row in made if not re.search(r" (Land|start)", row)]
    for commit in whole:
        yield f"at {commit[:12]}", here, (*ALL, "--rev", commit)
    for tag in world.git("tag", "--list", "search@*").split():
        yield f"at {tag}", here, ("--all", "--verify", "cache", "--rev", tag)
    for path in here.rglob("*"):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            os.utime(path)
    yield "all times new", here, ALL
    world.checkout.run("dvc", "checkout", "-q")
    yield "after dvc checkout", here, ALL
    world.checkout.run("dvc", "checkout", "-q", "--force", "--relink")
    yield "after dvc checkout --relink", here, ALL
    world.git("switch", "-q", "-c", "another")
    yield "on another branch", here, ALL
    world.git("switch", "-q", "-")
    world.git("branch", "-q", "-D", "another")
    world.git("gc", "-q")
    yield "after git gc", here, ALL
    yield "after git gc, with the key", here, (*ALL, "--key", str(world.key))
    world.git("gc", "-q", "--prune=now", "--aggressive")
    yield "after git gc --prune=now --aggressive", here, ("--all", "--verify", "cache", "--rev", whole[-1])
    yield from _untouched_clones(world, whole)


def _untouched_clones(world: World, whole: Sequence[str]) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
    shared = _clone(world, "shared", world.cache)
    for level in ("lock", "cache", "source"):
        yield f"fresh clone over the shared cache, {level}", shared.folder, ("--all", "--verify", level)
    yield "fresh clone over the shared cache, one figure", shared.folder, (world.figures[0], "--verify", "cache")
    yield "fresh clone over the shared cache, with the key", shared.folder, (*ALL, "--key", str(world.key))
    yield "fresh clone over the shared cache, --rev", shared.folder, ("--all", "--verify", "cache", "--rev", whole[-1])
    shared.run("dvc", "checkout", "-q")
    yield "clone after dvc checkout", shared.folder, ("--all", "--verify", "cache")
    yield "clone after dvc checkout, source", shared.folder, ALL
    shared.run("git", "checkout", "-q", "search@v1.0.0")
    shared.run("dvc", "checkout", "-q", "--force", "--allow-missing")
    yield "clone with v1.0.0 checked out", shared.folder, ALL
    shared.run("git", "checkout", "-q", whole[1])
    shared.run("dvc", "checkout", "-q", "--force", "--allow-missing")
    yield f"clone with {whole[1][:12]} checked out", shared.folder, ("--all", "--verify", "cache")
    bare = _clone(world, "bare", None)
    for level in ("lock", "cache", "source"):
        yield f"clone without cache, {level}", bare.folder, ("--all", "--verify", level)
    yield "clone without cache, --rev", bare.folder, (*ALL, "--rev", whole[-1])
    shallow = _clone(world, "shallow", world.cache, "--depth", "1")
    yield "shallow clone over the shared cache", shallow.folder, ("--all", "--verify", "cache")
    merged = _clone(world, "merged", world.cache)
    merged.run("dvc", "checkout", "-q")
    for tree in sorted(world.root.glob("data/raw/*/tree")):
        if tree.is_symlink():
            (merged.folder / tree.relative_to(world.root)).symlink_to(tree.resolve())
    yield "clone with its sources linked", merged.folder, ALL
    merged.run("git", "branch", "-q", "main-line")
    _merge(merged)
    yield "two branches merged", merged.folder, ALL
    yield "two branches merged, --rev HEAD", merged.folder, (*ALL, "--rev", "HEAD")
    yield "two branches merged, the second parent", merged.folder, (*ALL, "--rev", "HEAD^2")
    merged.run("git", "gc", "-q")
    merged.run("git", "switch", "-q", "two")
    merged.run("dvc", "checkout", "-q", "--force", "--allow-missing")
    yield "the other branch, after git gc", merged.folder, ALL


def try_untouched(world: World, n_runs: int, seed: int) -> bool:
    """No exit 5, whatever the state."""
    chance = random.Random(seed)
    codes: list[int] = []

    def look(name: str, root: Path, words: Sequence[str]) -> None:
        said = audit(root, *words)
        codes.append(said.code)
        if said.code:
            print(
                f"       {'FALSE ' if said.code not in (0, 3) else ''}exit {said.code}, {name}: {said.last}", flush=True
            )

    for name, root, words in untouched(world):
        look(name, root, words)
    while len(codes) < n_runs:
        metric, level = chance.choice(world.figures), chance.choice(["lock", "cache", "source"])
        look(f"{metric}, {level}", world.root, (metric, "--verify", level))
    told = ", ".join(f"{codes.count(code)} exit {code}" for code in sorted(set(codes)))
    seen = f"{sum(code not in (0, 3) for code in codes)} false alarms in {len(codes)} runs ({told})"
    return figure("untouched", seen, not set(codes) - {0, 3}, "none; exit 3 says what is not here")


HASH = (
    "import hashlib, sys\nfor p in sys.stdin.read().split('\\0'):\n    hashlib.file_digest(open(p, 'rb'), 'sha256')\n"
)
BIG = """
stages:
  measure:
    cmd: python make.py
    deps: [make.py]
    outs: [data/big]
    metrics:
      - reports/metrics.json:
          cache: false
"""
MAKE = """
import os, pathlib
big, metrics = pathlib.Path("data/big"), pathlib.Path("reports/metrics.json")
big.mkdir(parents=True)
metrics.parent.mkdir(exist_ok=True)
for number in range(16):
    with (big / f"{number:02}.bin").open("wb") as out:
        for _ in range(BLOCKS):
            out.write(os.urandom(1 << 20))
metrics.write_text('{"figure": 1}')
"""


def make_big(world: World, gigabytes: float) -> Path:
    """A line of one stage whose output has that many bytes; they lie in the cache alone."""
    folder = world.folder / "big"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    big = Checkout.__new__(Checkout)
    big.folder = folder
    big.run("git", "init", "-q")
    big.run("dvc", "init", "-q")
    big.run("dvc", "config", "cache.type", "hardlink")
    (folder / "dvc.yaml").write_text(BIG)
    (folder / "make.py").write_text(MAKE.replace("BLOCKS", str(round(gigabytes * 1e9 / 16 / (1 << 20)))))
    big.run("dvc", "repro", "-q")
    big.commit("run")
    return folder


def hashed_files(root: Path) -> list[Path]:
    """The files that `--verify cache` hashes, each once."""
    with open_record(root) as record:
        store, items = record.store, _items(record)
        found = [place for item in items.values() for file in store.files(item) for place in store.copies(file)]
        found += [place for item in items.values() if item.is_folder and (place := store.cached(item.md5))]
    return sorted(set(found))


def try_speed(name: str, root: Path) -> bool:
    """Three rounds, one program after the other."""
    files = hashed_files(root)
    size = sum(path.stat().st_size for path in files)
    listed = "\0".join(map(str, files)).encode()
    plain = {"hashlib": [sys.executable, "-c", HASH]}
    if shutil.which("sha256sum"):
        plain["sha256sum"] = ["xargs", "-0", "-n", "100000", "sha256sum"]
    seconds: dict[str, list[float]] = {"audit": [], **{program: [] for program in plain}}
    cpu: dict[str, list[float]] = {program: [] for program in seconds}
    for _ in range(3):
        said = audit(root, "--all", "--verify", "cache")
        assert said.code == 0, said.last
        seconds["audit"].append(said.seconds)
        cpu["audit"].append(said.cpu)
        for program, words in plain.items():
            began, used = time.monotonic(), _cpu_of_children()
            subprocess.run(words, input=listed, stdout=subprocess.PIPE, check=True)
            seconds[program].append(time.monotonic() - began)
            cpu[program].append(_cpu_of_children() - used)
    took = {program: statistics.median(rows) for program, rows in seconds.items()}
    ratios = ", ".join(f"{took['audit'] / took[p]:.2f} of {p}'s {took[p]:.2f} s" for p in plain)
    spent = ", ".join(f"{p} {statistics.median(rows):.2f} s" for p, rows in cpu.items())
    seen = f"{size / 1e9:.2f} GB in {len(files):,} files, {took['audit']:.2f} s: {ratios}; the processor's: {spent}"
    return figure(f"--verify cache, {name}", seen, took["audit"] / took["hashlib"] <= RATIO, f"{RATIO} of sha256")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--cases", type=int, default=200, help="of tampering, all kinds in turn [200]")
    parser.add_argument("--only", help="the kinds of tampering with these words in their name")
    parser.add_argument("--untouched", type=int, default=50, help="runs at least [50]")
    parser.add_argument("--figures", type=int, help="chains of so many figures, drawn at random [all]")
    parser.add_argument("--gigabytes", type=float, default=4.0, help="of the material of the speed [4]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for the checkouts, kept afterwards")
    parser.add_argument("--world", type=Path, help="a folder that --keep has kept, used again")
    words = parser.parse_args()
    folder = (words.world or words.keep or Path(tempfile.mkdtemp(prefix="audits-"))).resolve()
    began, good = time.monotonic(), True
    world = World(folder)
    print(f"load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores as this begins", flush=True)
    if "chain" in words.parts:
        good &= try_chain(world, words.figures, words.seed)
    if "whole" in words.parts:
        good &= try_whole(world)
    if "tampering" in words.parts:
        good &= try_tampering(world, words.cases, words.seed, words.only)
    if "untouched" in words.parts:
        good &= try_untouched(world, words.untouched, words.seed)
    if "speed" in words.parts:
        good &= try_speed("the world", world.root)
        good &= try_speed(f"{words.gigabytes:g} GB of nothing", make_big(world, words.gigabytes))
    print(f"{time.monotonic() - began:.0f} s in all, load {os.getloadavg()[0]:.1f} at the end")
    if good and not (words.keep or words.world):
        shutil.rmtree(folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
