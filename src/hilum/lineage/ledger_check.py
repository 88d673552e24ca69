"""Is the ledger whole, and is it of this history?

In: a snapshot and the keys that may sign. Out: the lines that were changed, removed or signed by nobody who may, and
those whose commits this history lacks; and what is no break, but an auditor's business.
Known to be imperfect: the last lines can be cut off together with all the commits that hold them; that shows only by a
tag of such a commit, or to an auditor who has seen one of them before. So does a change of a last commit's message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hilum.errors import VerificationError
from hilum.lineage.ledger import LEDGER, RECORDED, Entry, Line, heads, parse, sha256_of
from hilum.lineage.revisions import commits_of, history, is_ancestor, is_shallow, lines_removed, tagged
from hilum.lineage.signing import Keys
from hilum.lineage.snapshots import Commit, Snapshot
from hilum.lineage.verify import Broken, Checked

VERSIONS = "search@*"
"""The tags of promoted and refused models."""


@dataclass(frozen=True)
class Noted(Checked):
    """What a level came to, and what an auditor should know that breaks nothing."""

    notes: tuple[str, ...] = ()


def check_ledger(snapshot: Snapshot, keys: Keys) -> Noted:
    """Every line follows lines that are there, bears a good signature or none, and is of a commit in this history.

    keys: those that may sign. Nothing to check where there has never been a ledger.
    """
    text = snapshot.read(LEDGER)
    tip = str(snapshot.commit)
    removed = lines_removed(snapshot.root, LEDGER, tip)
    broken = [*keys.broken]
    broken += [Broken(LEDGER, "lines that stay", f"commit {one[:12]} changed or removed some") for one in removed]
    if text is None:
        if snapshot.committed(LEDGER) is not None:
            broken.append(Broken(LEDGER, f"the ledger that commit {tip[:12]} holds", "none"))
        return Noted("ledger", 0, 0, tuple(broken), ("there is no ledger: no run has recorded itself",))
    held = (snapshot.committed(LEDGER) or b"").split(b"\n")
    here = set(text.split(b"\n"))
    lost = [number for number, row in enumerate(held, 1) if row and row not in here]
    if lost:
        where = f"{LEDGER}, line {lost[0]} of commit {tip[:12]}"
        broken.append(Broken(where, "that line", f"none like it: {len(lost)} were changed or removed here"))
    try:
        lines = [*parse(text)]
    except VerificationError as error:
        where, _, found = str(error).rstrip(".").partition(": ")
        return Noted("ledger", 0, len(text), (*broken, Broken(where, "a line as hilum writes it", found)))
    broken += _check_lines(snapshot, lines, keys)
    broken += _check_tags(snapshot, {line.id for line in lines})
    if keys.trusted:
        broken += _check_recorded(snapshot, lines, keys)
    return Noted("ledger", len(lines), len(text), tuple(broken), tuple(_note(snapshot, lines)))


def _check_lines(snapshot: Snapshot, lines: Sequence[Line], keys: Keys) -> Iterator[Broken]:
    known = {line.id for line in lines}
    past = history(snapshot.root, str(snapshot.commit))
    shallow = is_shallow(snapshot.root)
    for number, line in enumerate(lines, 1):
        where = f"{LEDGER}, line {number}"
        for one in line.entry.previous:
            if one not in known:
                yield Broken(where, f"the line {one[:12]} that it follows", "none: it was changed or removed")
        yield from _check_signature(where, line.entry, keys)
        if line.entry.commit not in past:
            found = "a history without it" if shallow else "a history without it: a commit was rewritten"
            yield Broken(where, f"commit {line.entry.commit[:12]}, which that run started from", found, missing=shallow)


def _check_signature(where: str, entry: Entry, keys: Keys) -> Iterator[Broken]:
    if (entry.key is None) != (entry.signature is None):
        yield Broken(where, "a key and a signature, or neither", "one of them")
    elif entry.key is not None and entry.signature is not None:
        problem = keys.problem(entry.key, entry.signed(), entry.signature)
        if problem:
            yield Broken(where, f"a signature by key {entry.key[:12]}", problem)


def _check_tags(snapshot: Snapshot, known: set[str]) -> Iterator[Broken]:
    """A history that holds the lines of a tagged commit came by that commit; if it lacks it, that was rewritten."""
    tip = str(snapshot.commit)
    past = history(snapshot.root, tip)
    for name, commit in tagged(snapshot.root, VERSIONS):
        if commit in past or is_ancestor(snapshot.root, tip, commit):
            continue
        added = next(iter(commits_of(snapshot.root, LEDGER, commit)), None)
        if added is None or added in past:
            continue
        with Commit(snapshot.root, commit) as then:
            try:
                lines = {line.id for line in parse(then.read(LEDGER) or b"")}
            except VerificationError:
                continue  # said where that commit is audited
        if lines and lines <= known:
            found = "a history that has its lines and not the commit: it was rewritten"
            yield Broken(LEDGER, f"commit {commit[:12]}, which is {name}", found)


def _check_recorded(snapshot: Snapshot, lines: Sequence[Line], keys: Keys) -> Iterator[Broken]:
    """An auditor who brings a key wants what is here in a line that it signed: all else anybody can have made."""
    files, signed = _recorded(snapshot), [line for line in lines if line.entry.key in keys.known]
    if files and not any(line.entry.files == files for line in signed):
        odd = _differing(files, heads(signed) if signed else [])
        yield Broken(", ".join(odd) or LEDGER, f"a line of {LEDGER} signed by a trusted key that records it", "none")


def _recorded(snapshot: Snapshot) -> dict[str, str]:
    held = {name: snapshot.read(name) for name in RECORDED}
    return {name: sha256_of(found) for name, found in held.items() if found is not None}


def _differing(files: Mapping[str, str], lines: Sequence[Line]) -> list[str]:
    last = {path: digest for line in lines for path, digest in line.entry.files.items()}
    return sorted(path for path in {*files, *last} if files.get(path) != last.get(path))


def _note(snapshot: Snapshot, lines: Sequence[Line]) -> Iterator[str]:
    if not lines:
        return
    files = _recorded(snapshot)
    if not any(line.entry.files == files for line in lines):
        odd = _differing(files, heads(lines))
        yield f"what is here is not recorded by any run ({', '.join(odd) or 'not in this combination'})"
    unsigned = [line for line in heads(lines) if line.entry.key is None]
    if unsigned:
        yield f"the last line is not signed; it was added at {unsigned[-1].entry.at} by `{unsigned[-1].entry.what}`"
