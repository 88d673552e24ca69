"""Names and places in a tree of MIMIC-CXR's layout: what a path says of subject, study and image.

In: paths relative to the tree, with `/`. Out: the ids they carry, and whether they carry them in the right form:
files/pNN/pSSSSSSSS/sTTTTTTTT.txt for a report, files/pNN/pSSSSSSSS/sTTTTTTTT/<dicom_id>.jpg (.dcm, .png) for an
image. Nothing here opens a file.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from hilum.schema import DICOM_PATTERN

SHARDS = tuple(f"p{n}" for n in range(10, 20))
FILES_FOLDER = "files"
CHECKSUMS = "SHA256SUMS.txt"
COLLECTION_FILE = "hilum-collection.json"
KIND_BY_SUFFIX = {".txt": "report", ".jpg": "image", ".jpeg": "image", ".png": "image", ".dcm": "image"}
IMAGE_PREFERENCE = (".jpg", ".jpeg", ".png", ".dcm")  # where one image lies in the tree more than once

_SUBJECT = re.compile(r"^p(1[0-9]{7})$")
_STUDY = re.compile(r"^s(5[0-9]{7})(?:\.txt)?$")
_DICOM = re.compile(DICOM_PATTERN)


class Place(NamedTuple):
    """What a path says. problem: why it is not of the layout's form; then only the ids that could be read are set."""

    shard: str
    subject_id: int | None
    study_id: int | None
    dicom_id: str | None
    problem: str | None = None
    climbs: bool = False


@lru_cache(maxsize=1 << 20)  # MIMIC has 600,000 files, and `land` asks of each half a dozen times
def read_place(path: str, kind: str) -> Place:
    """The ids that a path carries. kind: report or image.

    Ids are read from any part of the path that has their form, so that a misplaced file of a withdrawn subject is
    still known to be that subject's. `climbs` is True for a path that is absolute or has a part `..`.
    """
    parts = path.split("/")
    subject_id, study_id = _last_id(_SUBJECT, parts), _last_id(_STUDY, parts)
    stem = parts[-1].rpartition(".")[0] or parts[-1]
    dicom_id = stem if kind == "image" and _DICOM.match(stem) else None
    shard = shard_of(path)
    if path.startswith("/") or ".." in parts:
        return Place(shard, subject_id, study_id, dicom_id, "the path leaves the tree", climbs=True)
    problem = _problem(parts, kind, subject_id, study_id, dicom_id)
    return Place(shard, subject_id, study_id, dicom_id, problem)


def shard_of(path: str) -> str:
    """The shard (p10 to p19) that a path belongs to; a path that names none is counted with p10."""
    parts = path.split("/", 2)
    return parts[1] if len(parts) > 2 and parts[1] in SHARDS else SHARDS[0]


def study_key(path: str, kind: str) -> str:
    """What a file stands or falls with: its subject and study, or the path itself where it carries no ids."""
    place = read_place(path, kind)
    return path if place.problem else f"p{place.subject_id}/s{place.study_id}"


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path, every link on it followed, lies below `root` (which must be resolved)."""
    return path.resolve().is_relative_to(root)


def files_root(tree: Path) -> Path:
    """The resolved folder that no file of the tree may lead out of. `files` itself may be a link."""
    return (tree / FILES_FOLDER).resolve()


def _last_id(pattern: re.Pattern[str], parts: list[str]) -> int | None:
    found = [match.group(1) for part in parts if (match := pattern.match(part))]
    return int(found[-1]) if found else None


def _problem(
    parts: list[str], kind: str, subject_id: int | None, study_id: int | None, dicom_id: str | None
) -> str | None:
    n_parts = 4 if kind == "report" else 5
    if len(parts) != n_parts or parts[0] != FILES_FOLDER:
        form = "files/pNN/pNNNNNNNN/sNNNNNNNN" + (".txt" if kind == "report" else "/<dicom_id>.jpg")
        return f"the path is not of the form {form}"
    if subject_id is None or not _SUBJECT.match(parts[2]):
        return "the subject's folder is not p and 8 digits, the first a 1"
    if parts[1] != f"p{str(subject_id)[:2]}":
        return f"subject {subject_id} lies in folder {parts[1]!r}"
    if study_id is None or not _STUDY.match(parts[3]):
        return "the study is not s and 8 digits, the first a 5"
    if kind == "image" and dicom_id is None:
        return "the image id is not five groups of 8 hex digits joined by dashes"
    return None
