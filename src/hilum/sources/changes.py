"""A scanned tree and what is held already in, the rows of a new landing out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hilum.sources.held import HeldStudy, identity
from hilum.sources.layout import read_place, study_key
from hilum.sources.scan import HashedFile


@dataclass(frozen=True)
class Change:
    """One row of a new listing. change: added, replaced or carried."""

    file: HashedFile
    change: str


@dataclass(frozen=True)
class Changes:
    """What a tree brings. The counts are of studies: held as they are, withdrawn, and incomplete in this tree."""

    rows: list[Change]
    n_held: int
    n_withdrawn: int
    n_incomplete: int


def find_changes(
    files: Sequence[HashedFile],
    held: Mapping[str, HeldStudy],
    withdrawn_subjects: set[int],
    withdrawn_studies: set[int],
) -> Changes:
    """Compare a tree with what is held, study by study.

    A study of which the tree lacks a file that is held stays as it is and is counted as incomplete: a missing file
    is no withdrawal (partial trees are landed all the time), and half a study must not take the place of a whole.
    """
    studies: dict[str, list[HashedFile]] = {}
    withdrawn: set[str] = set()
    for file in files:
        place = read_place(file.path, file.kind)
        key = study_key(file.path, file.kind)
        if place.subject_id in withdrawn_subjects or place.study_id in withdrawn_studies:
            withdrawn.add(key)
        else:
            studies.setdefault(key, []).append(file)
    rows: list[Change] = []
    n_held = n_incomplete = 0
    for key, found in studies.items():
        old = held[key].files if key in held else {}
        if not set(old) <= {identity(file) for file in found}:
            n_incomplete += 1
            continue
        changes = [_compare(file, old.get(identity(file))) for file in found]
        if all(change.change == "carried" for change in changes):
            n_held += 1
        else:
            rows += changes
    return Changes(sorted(rows, key=lambda row: row.file.path), n_held, len(withdrawn), n_incomplete)


def _compare(file: HashedFile, old: HashedFile | None) -> Change:
    if old is None:
        return Change(file, "added")
    return Change(file, "carried" if (old.path, old.sha256) == (file.path, file.sha256) else "replaced")
