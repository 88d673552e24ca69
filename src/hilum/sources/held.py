"""What a checkout holds already: the listings of its landings, and which landing each study is in now.

The study is the unit. When one of its files is new or replaced, the whole study is listed again in the new landing
and superseded in the old: a study whose report came first and whose image came later would else have its halves in
two partitions, and no stage would ever see them together. The price is that a study is read again for one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from hilum.errors import BadDataError, UsageError
from hilum.schema import LISTING
from hilum.sources.descriptors import Landing
from hilum.sources.layout import read_place, study_key
from hilum.sources.scan import HashedFile, sha256_of
from hilum.tables import read_table

RAW_FOLDER = Path("data/raw")
TRUTH_FOLDER = Path("data/truth")  # of the phantom's landings


@dataclass(frozen=True)
class HeldStudy:
    """The landing that a study is in now, and its files by identity (see `identity`)."""

    landing: str
    files: dict[str, HashedFile]


def listing_path(root: Path, landing: str) -> Path:
    """Where a landing's listing lies."""
    return root / RAW_FOLDER / landing / "listing.parquet"


def read_listing(root: Path, landing: Landing) -> list[HashedFile]:
    """The reports and images that a landing brought, by path.

    Raises UsageError with the way to get it if the listing is not here, BadDataError if it is another one.
    """
    path = listing_path(root, landing.landing)
    shown = path.relative_to(root)
    if not path.is_file():
        way = (
            "Run `dvc repro phantom` first"
            if landing.generated
            else f"Run `dvc checkout {shown}` or `dvc pull {shown}`"
        )
        raise UsageError(f"{shown} is not here, and without it nobody knows what {landing.landing} holds. {way}.")
    if landing.listing_sha256 is not None and sha256_of(path) != landing.listing_sha256:
        raise BadDataError(f"{shown} is not the one that landed (sha256). Run `dvc checkout --force {shown}`.")
    frame: pd.DataFrame = read_table(path, LISTING, ["path", "kind", "bytes", "sha256"])
    rows = frame[frame["kind"] != "table"].itertuples(index=False, name=None)
    return [HashedFile(path, kind, int(n_bytes), sha256) for path, kind, n_bytes, sha256 in rows]


def hold_studies(listings: Sequence[tuple[str, Sequence[HashedFile]]]) -> dict[str, HeldStudy]:
    """Every study by its key, as the latest landing that has it brought it. listings: oldest first."""
    held: dict[str, HeldStudy] = {}
    for landing, files in listings:
        for file in files:
            key = study_key(file.path, file.kind)
            if key not in held or held[key].landing != landing:
                held[key] = HeldStudy(landing, {})
            held[key].files[identity(file)] = file
    return held


def identity(file: HashedFile) -> str:
    """What a file is within its study: the report, or an image by its id, whatever its format."""
    place = read_place(file.path, file.kind)
    if place.problem is not None:
        return file.path
    return "report" if file.kind == "report" else PurePosixPath(file.path).stem
