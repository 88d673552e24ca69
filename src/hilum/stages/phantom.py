"""Parameters in, the synthetic collection out: a tree in MIMIC-CXR's layout, its listing, and the truth apart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from hilum.phantom.collection import write_collection
from hilum.phantom.subject import LeftOut, Recipe, Rows
from hilum.sources.descriptors import read_landing

if TYPE_CHECKING:
    from hilum.config import PhantomParams


def run(
    tree: Path,
    listing: Path,
    truth: Path,
    params: PhantomParams,
    workers: int,
    first_subject: int = 0,
    landing: Path | None = None,
) -> None:
    """Generate `params.n_subjects` subjects from number `first_subject` on, without those that a landing leaves out."""
    said = read_landing(landing) if landing else None
    left_out = LeftOut(frozenset(said.withdrawn_subjects), frozenset(said.withdrawn_studies)) if said else LeftOut()
    recipe = Recipe(params.seed, params.image_px, params.dicom_share)
    write_collection(
        tree,
        params.n_subjects,
        first_subject,
        recipe=recipe,
        listing=listing,
        truth=truth,
        workers=workers,
        left_out=left_out,
        progress=_bar,
    )


def _bar(done: Iterable[Rows], n_subjects: int) -> Iterable[Rows]:
    return tqdm(done, total=n_subjects, desc="phantom", unit="subject", disable=None)
