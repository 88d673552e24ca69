"""Is the signed statement good, and is what it says what git holds, and what is served?

In: a record and the keys that may sign. Out: what does not agree. The statement is compared with the records of the
commit that last changed it, and the model that it names with the one that the audited revision serves; its sha256 with
the bytes, where those are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from hilum.errors import VerificationError
from hilum.lineage.ledger import CHAMPION, LEDGER, STATEMENT, parse, sha256_of
from hilum.lineage.ledger_check import Noted
from hilum.lineage.lock import Item
from hilum.lineage.record import Record, open_record
from hilum.lineage.revisions import commits_of, history, is_shallow, object_ids
from hilum.lineage.signing import Keys, open_envelope
from hilum.lineage.statement import FOLDER, METRICS, PREDICATE_TYPE, STATEMENT_TYPE, subject_items
from hilum.lineage.store import Object, digest_of, digest_of_listing
from hilum.lineage.verify import Broken

Rows = Mapping[str, Mapping[str, str]]
"""Name -> digests."""
MODEL = CHAMPION.removesuffix(".dvc")
_GIT = ("gitTree", "gitBlob")


def check_statement(record: Record, keys: Keys, threads: int, *, with_bytes: bool = False) -> Noted:
    """The statement's form, its signature and every digest in it. with_bytes: hash what it is about, too.

    Nothing to check where no model was ever promoted.
    """
    text = record.snapshot.read(STATEMENT)
    if text is None:
        return _check_absence(record)
    payload, broken = open_envelope(text, STATEMENT, keys)
    if broken:  # then what it says is nobody's word
        return Noted("statement", 1, len(text), tuple(broken))
    try:
        statement = json.loads(payload)
        subjects = {row["name"]: row["digest"] for row in statement["subject"]}
        predicate = statement["predicate"]
        named = [*predicate["buildDefinition"]["resolvedDependencies"], *predicate["runDetails"]["byproducts"]]
        rows = [(row["name"], kind, digest) for row in named for kind, digest in row["digest"].items()]
        if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise ValueError("another type")
    except (ValueError, KeyError, TypeError, AttributeError):
        wrong = Broken(STATEMENT, "an in-toto statement with SLSA provenance", "another content")
        return Noted("statement", 1, len(text), (wrong,))
    made = None if record.snapshot.committed(STATEMENT) != text else commits_of(
        record.root, STATEMENT, str(record.snapshot.commit)
    )[0]  # fmt: skip
    with nullcontext(record) if made is None else open_record(record.root, made) as then:
        broken += [*_check_origin(then, rows), *_check_named(then, rows), *_check_subjects(then, subjects)]
        broken += _check_ledger(then, text, rows)
    broken += _check_model(record, subjects)
    size, notes = len(text), []
    if with_bytes:
        more, hashed, gone = _check_bytes(record, subjects, threads)
        broken, size = [*broken, *more], size + hashed
        notes = [f"{gone} files that were signed are no longer served, and no longer here"] if gone else []
    return Noted("statement", len(subjects) + len(rows) + 1, size, tuple(broken), tuple(notes))


def _check_absence(record: Record) -> Noted:
    """No statement: no break where there never was one."""
    tip = str(record.snapshot.commit)
    broken = []
    if commits_of(record.root, STATEMENT, tip) and record.lineage.out(MODEL):
        broken.append(Broken(STATEMENT, "the signed statement of the model that is served", "none; it was removed"))
    served = record.lineage.out(MODEL) is not None
    why = "the model that is served was promoted without a signed statement" if served else "no model is promoted"
    return Noted("statement", 0, 0, tuple(broken), () if broken else (why,))


def _check_origin(then: Record, rows: Sequence[tuple[str, str, str]]) -> Iterator[Broken]:
    """The commit that it was made from, and the trees and files of code that that commit holds."""
    tip = str(then.snapshot.commit)
    for commit in (digest for _, kind, digest in rows if kind == "gitCommit"):
        if commit not in history(then.root, tip):
            shallow = is_shallow(then.root)
            found = f"a history of {tip[:12]} without it{'' if shallow else ': a commit was rewritten'}"
            yield Broken(STATEMENT, f"commit {commit[:12]}, which it was made from", found, missing=shallow)
            continue
        wanted = {name: (kind.removeprefix("git").lower(), digest) for name, kind, digest in rows if kind in _GIT}
        held = object_ids(then.root, commit, sorted(wanted))
        for name, pair in wanted.items():
            if held.get(name) != pair:
                yield _differs(name, pair[1], held.get(name, ("", "none"))[1], then)


def _check_named(then: Record, rows: Sequence[tuple[str, str, str]]) -> Iterator[Broken]:
    """Locks, listings, decision and evidence, which git holds; and the gate's verdict, which DVC does."""
    for name, kind, digest in rows:
        out = then.lineage.out(name)
        if kind == "sha256" and name != LEDGER and (out is None or name in then.held_by_git):
            text = then.snapshot.read(name)
            found = sha256_of(text) if text is not None else "none"
            if found != digest:
                yield _differs(name, digest, found, then)
        elif kind == "md5" and (out is None or out.md5 != digest):
            yield _differs(name, digest, out.md5 if out else "none", then)


def _check_subjects(then: Record, subjects: Rows) -> Iterator[Broken]:
    """Every recorded file of bundle and labels is a subject, and as recorded; so are the metrics."""
    items = subject_items(then)
    for item in items:
        found = _digest_by_subjects(item, subjects)
        if found != item.md5:
            yield _differs(item.path, found, item.md5, then)
    covered = [item.path for item in items]
    for name, digest in subjects.items():
        if name == METRICS:
            text = then.snapshot.read(METRICS)
            found = sha256_of(text) if text is not None else "none"
            if digest.get("sha256") != found:
                yield _differs(name, str(digest.get("sha256")), found, then)
        elif not any(name == path or name.startswith(f"{path}/") for path in covered):
            yield _differs(name, str(digest.get("md5")), "no record of it", then)


def _check_ledger(then: Record, text: bytes, rows: Sequence[tuple[str, str, str]]) -> Iterator[Broken]:
    """The line that it follows is in the ledger, and one of the ledger's lines names it."""
    try:
        lines = [*parse(then.snapshot.read(LEDGER) or b"")]
    except VerificationError:
        return  # said where the ledger is checked
    known = {line.id for line in lines}
    for name, _, digest in rows:
        if name == LEDGER and digest not in known:
            yield Broken(STATEMENT, f"line {digest[:12]} of the ledger, which it follows", "none")
    if not any(line.entry.files.get(STATEMENT) == sha256_of(text) for line in lines):
        yield Broken(STATEMENT, f"a line of {LEDGER} that names {sha256_of(text)[:12]}", "none")


def _check_model(record: Record, subjects: Rows) -> Iterator[Broken]:
    """The model that is served is the one that was signed; nothing but a promotion, which signs, may change it."""
    item = record.lineage.out(MODEL)
    signed = _digest_by_subjects(item, subjects) if item else "a model"
    if item is None or signed != item.md5:
        found = f"{item.md5}, which nobody signed" if item else "none"
        yield Broken(CHAMPION, f"{signed}, as {STATEMENT} says", found)


def _check_bytes(record: Record, subjects: Rows, threads: int) -> tuple[list[Broken], int, int]:
    """Hash the subjects: what does not agree, bytes hashed, and how many are no longer served, and no longer kept."""
    same = [item.path for item in subject_items(record) if _digest_by_subjects(item, subjects) == item.md5]
    broken, size, gone = [], 0, 0
    rows: list[tuple[str, str, Path]] = []
    for name, digest in subjects.items():
        if "sha256" not in digest or "md5" not in digest:
            continue
        still = any(name == path or name.startswith(f"{path}/") for path in same)
        md5 = digest["md5"]
        place = record.store.find(Object(name, md5)) if still else record.store.cached(md5)
        if place is not None:
            rows.append((name, digest["sha256"], place))
        elif still:
            broken.append(Broken(name, digest["sha256"], "nothing: it is neither in the cache nor here", missing=True))
        else:
            gone += 1
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda row: digest_of(row[2], "sha256"), rows)
        for (name, signed, place), sha256 in zip(rows, found, strict=True):
            size += place.stat().st_size
            if sha256 != signed:
                broken.append(Broken(f"{name}, as {STATEMENT} says", signed, sha256))
    return broken, size, gone


def _digest_by_subjects(item: Item, subjects: Rows) -> str:
    """What the subjects say that DVC's digest of an item is."""
    whole = subjects.get(item.path, {})
    if not item.is_folder or FOLDER in whole:
        return str(whole.get(FOLDER) or whole.get("md5") or "none")
    start = f"{item.path}/"
    inside = {name.removeprefix(start): str(row.get("md5")) for name, row in subjects.items() if name.startswith(start)}
    return digest_of_listing(inside.items()) if inside else "none"


def _differs(name: str, signed: str, found: str, then: Record) -> Broken:
    return Broken(name, f"{signed}, as {STATEMENT} says", f"{found} in {then.snapshot.name}")
