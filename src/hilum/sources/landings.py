"""`hilum land` and `hilum withdraw`: record what arrived, and what is to be forgotten.

In: a source tree, a checkout. Out: a landing (data/landings/<L>.json, data/raw/<L>/listing.parquet, the tables as
they were, a link to the tree) and all that follows from it (settle.py). Every file is read once for its digest;
nothing is copied but the tables that `ingest` uses. A table that changed brings no landing by itself.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hilum.errors import UsageError
from hilum.schema import LISTING
from hilum.sources.changes import Change, Changes, find_changes
from hilum.sources.descriptors import (
    LANDINGS_FOLDER,
    PHANTOM,
    Landing,
    next_landing_name,
    read_collection,
    read_landings,
    write_descriptor,
)
from hilum.sources.files import TABLES_FOLDER
from hilum.sources.held import RAW_FOLDER, HeldStudy, hold_studies, listing_path, read_listing
from hilum.sources.layout import COLLECTION_FILE, read_place
from hilum.sources.partitions import name_partitions
from hilum.sources.redact import all_withdrawn, check_tables_here, finish
from hilum.sources.scan import HashedFile, find_files, hash_files, sha256_of
from hilum.sources.settle import Listings, link_tree, only_one, remove, remove_phantom, settle
from hilum.sources.source_tables import choose_tables
from hilum.tables import whole_file, write_table

_COLLECTION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")


@dataclass(frozen=True)
class Recorded:
    """What `land` or `withdraw` did. landing: None if there was nothing to record. summary: one line for people."""

    landing: str | None
    collection: str
    partitions: tuple[str, ...]
    counts: dict[str, int]
    summary: str


def land(source: Path, root: Path, collection: str | None, workers: int) -> Recorded:
    """Record what is new in a tree of MIMIC-CXR's layout. Running it twice changes nothing.

    source: the folder above `files`. root: a checkout of hilum. collection: its name where the tree does not say.
    Raises UsageError if the tree has not the layout, or is of another collection than the checkout holds.
    """
    source = source.resolve()
    with only_one(root):
        finish(root)
        landings = read_landings(root)
        held_name, name = _held_collection(root, landings), name_collection(source, collection)
        replaces = held_name == PHANTOM and name != PHANTOM
        if not replaces:
            _check_collection(name, held_name, source, landings)
        kept = [] if replaces else landings
        listings = _read_listings(root, kept)
        if not replaces:
            settle(root, name, kept, listings)
            listings = _read_listings(root, kept := read_landings(root))
        files = hash_files(find_files(source), workers)
        held = hold_studies(listings)
        changes = find_changes(
            [file for file in files if file.kind != "table"],
            held,
            {i for row in kept for i in row.withdrawn_subjects},
            {i for row in kept for i in row.withdrawn_studies},
        )
        if not changes.rows:
            return _nothing_new(root, source, name, kept, held, changes, len(files))
        tables = [file for file in files if file.kind == "table"]
        _check_split_table(root, kept, tables)
        if replaces:
            remove_phantom(root, landings)
        new = _record(root, source, name, next_landing_name(kept), changes.rows, tables)
        settle(root, name, [*kept, new], [*listings, (new.landing, [row.file for row in changes.rows])])
        return Recorded(new.landing, name, new.partitions, new.counts, _summarise(new, changes, replaces))


def withdraw(root: Path, subjects: Sequence[int], studies: Sequence[int]) -> Recorded:
    """Record that subjects or studies are to be forgotten: listings, tables and every later artifact leave them out.

    What stays is their ids, in data/landings and data/partitions: by them they are never landed again.
    Raises UsageError if an id is in no landing; ids that are withdrawn already are left as they are.
    """
    with only_one(root):
        finish(root)
        landings = read_landings(root)
        name = _held_collection(root, landings)
        check_tables_here(root, landings)
        settle(root, name, landings, _read_listings(root, landings))
        landings = read_landings(root)
        listings = _read_listings(root, landings)
        gone_subjects, gone_studies = all_withdrawn(landings)
        places = [read_place(file.path, file.kind) for _, files in listings for file in files]
        for kind, ids, known in (
            ("subject", subjects, {p.subject_id for p in places} | gone_subjects),
            ("study", studies, {p.study_id for p in places} | gone_studies),
        ):
            unknown = sorted(set(ids) - known)
            if unknown:
                raise UsageError(
                    f"no landing of {name} holds {kind} {', '.join(map(str, unknown))}; nothing was withdrawn. "
                    f"Give the id as its 8 digits, such as {'10000032' if kind == 'subject' else '50414267'}."
                )
        new_subjects = _new_ids(subjects, (row.withdrawn_subjects for row in landings))
        new_studies = _new_ids(studies, (row.withdrawn_studies for row in landings))
        if not new_subjects and not new_studies:
            return Recorded(None, name, (), {}, "nothing to do: these ids are withdrawn already")
        new = Landing(
            landing=next_landing_name(landings), collection=name, source="withdrawal",
            withdrawn_subjects=new_subjects, withdrawn_studies=new_studies,
        )  # fmt: skip
        write_descriptor(root / LANDINGS_FOLDER / f"{new.landing}.json", new)
        settle(root, name, [*landings, new], listings)
        counts = {"subjects": len(new_subjects), "studies": len(new_studies)}
        summary = (
            f"{new.landing}: withdrew {counts['subjects']} subjects and {counts['studies']} studies from {name}. "
            f"Next: commit data/ to git, dvc repro, and `hilum audit --subject ID --purge`"
        )
        return Recorded(new.landing, name, (), counts, summary)


def name_collection(source: Path, collection: str | None) -> str:
    """The collection of a tree: what its hilum-collection.json says, else `collection`, else the folder's name."""
    path = source / COLLECTION_FILE
    said: object = None
    if path.is_file():
        try:
            said = json.loads(path.read_text(encoding="utf-8"))["collection"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(f'{path} is not of the form {{"collection": "name"}}.') from None
        if collection is not None and collection != said:
            raise UsageError(f"--collection says {collection!r} and {path} says {said!r}; leave the option out.")
    name = said if said is not None else collection if collection is not None else source.name
    if not isinstance(name, str) or not _COLLECTION.match(name):
        raise UsageError(
            f"{name!r} is no name of a collection; give one of letters, digits, '.', '_', '-' by --collection."
        )
    if name == PHANTOM and said is None:
        raise UsageError(
            f"{PHANTOM!r} is hilum's own synthetic collection; give the tree another name by --collection."
        )
    return name


def _held_collection(root: Path, landings: Sequence[Landing]) -> str:
    """The landings decide; landings.yaml follows them, and a command killed halfway may have left it behind."""
    said = read_collection(root)
    return landings[0].collection if landings else said


def _check_collection(name: str, held: str, source: Path, landings: Sequence[Landing]) -> None:
    if name == held:
        return
    raise UsageError(
        f"this checkout holds {held} ({len(landings)} landings), and {source.name} is of the collection {name}; one "
        f"checkout holds one collection. Start a new checkout: `git clone REPOSITORY hilum-{name} && "
        f"cd hilum-{name} && hilum land {source}`, from a commit that holds the phantom. If it is the same collection "
        f"under another name, add `--collection {held}`."
    )


def _read_listings(root: Path, landings: Sequence[Landing]) -> Listings:
    return [(row.landing, read_listing(root, row)) for row in landings if row.partitions]


def _check_split_table(root: Path, landings: Sequence[Landing], tables: Sequence[HashedFile]) -> None:
    """All landings have a split table, or none: else a subject could be assigned by a table here and a hash there."""
    has = "split" in choose_tables(file.path for file in tables)
    for row in landings:
        if not row.partitions:
            continue
        listed = pd.read_parquet(listing_path(root, row.landing), columns=["path", "kind"])
        had = "split" in choose_tables(listed.loc[listed["kind"] == "table", "path"])
        if had != has:
            raise UsageError(
                f"{row.landing} came {'with' if had else 'without'} a split table and this tree comes "
                f"{'with' if has else 'without'} one; a subject could be in two splits. "
                + ("Copy mimic-cxr-2.0.0-split.csv.gz into the tree." if had else "Remove the table from the tree.")
            )


def _record(
    root: Path, source: Path, collection: str, name: str, rows: Sequence[Change], tables: Sequence[HashedFile]
) -> Landing:
    """Write the listing, the tables and the link; the descriptor last, for it is what makes the landing exist."""
    folder = root / RAW_FOLDER / name
    remove(folder)
    used = set(choose_tables(file.path for file in tables).values())
    for file in tables:
        if file.path in used:
            with whole_file(folder / TABLES_FOLDER / file.path) as temporary:
                shutil.copyfile(source / file.path, temporary)
    listed = [*rows, *(Change(file, "added") for file in tables)]
    frame = pd.DataFrame(
        [(r.file.path, r.file.kind, r.file.bytes, r.file.sha256, r.change) for r in listed],
        columns=LISTING.column_names,
    )
    write_table(listing_path(root, name), frame, LISTING)
    link_tree(root, name, source)
    new = Landing(
        landing=name,
        collection=collection,
        source=source.name,
        partitions=name_partitions(name, (row.file for row in rows)),
        counts=_count(rows),
        listing_sha256=sha256_of(listing_path(root, name)),
    )
    write_descriptor(root / LANDINGS_FOLDER / f"{name}.json", new)
    return new


def _count(rows: Sequence[Change]) -> dict[str, int]:
    places = [read_place(row.file.path, row.file.kind) for row in rows]
    kinds, changes = Counter(row.file.kind for row in rows), Counter(row.change for row in rows)
    return {
        "subjects": len({p.subject_id for p in places if p.subject_id is not None}),
        "studies": len({p.study_id for p in places if p.study_id is not None}),
        "reports": kinds["report"],
        "images": kinds["image"],
        "added": changes["added"],
        "replaced": changes["replaced"],
        "carried": changes["carried"],
        "bytes": sum(row.file.bytes for row in rows),
    }


def _nothing_new(
    root: Path,
    source: Path,
    name: str,
    landings: Sequence[Landing],
    held: dict[str, HeldStudy],
    changes: Changes,
    n: int,
) -> Recorded:
    """Say so; and give landings of this very tree their link back where a clone has none."""
    if not landings:
        raise UsageError(f"{source} has no report or image below 'files'; nothing was landed.")
    linked = []
    for row in landings:
        link = root / RAW_FOLDER / row.landing / "tree"
        if row.partitions and not row.generated and row.source == source.name and not link.exists():
            link_tree(root, row.landing, source)
            linked.append(row.landing)
    summary = f"nothing new in {source.name}: {changes.n_held} studies are held already ({n} files read); no landing"
    if linked:
        summary += f". Linked {', '.join(linked)} to it"
    return Recorded(None, name, (), {}, summary + _asides(changes))


def _summarise(new: Landing, changes: Changes, replaces: bool) -> str:
    counts = new.counts
    words = (
        f"{new.landing}: landed {counts['studies']} studies of {new.collection} ({counts['reports']} reports, "
        f"{counts['images']} images; {counts['added']} files added, {counts['replaced']} replaced, "
        f"{counts['carried']} carried) in {', '.join(new.partitions)}"
    )
    if replaces:
        words += f". It replaces the phantom: this checkout now holds {new.collection}"
    return f"{words}{_asides(changes)}. Next: commit data/ to git, and dvc repro"


def _asides(changes: Changes) -> str:
    words = ""
    if changes.n_withdrawn:
        words += f"; {changes.n_withdrawn} withdrawn studies left out"
    if changes.n_incomplete:
        words += (
            f"; {changes.n_incomplete} studies lack files that are held already and stay as they are "
            f"(lay reports and images in one tree)"
        )
    return words


def _new_ids(ids: Iterable[int], known: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted(set(ids) - {i for row in known for i in row}))
