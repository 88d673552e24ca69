"""What the browser page shows for an address: the chosen image, the region, alpha, and the cases that they find.

In: the words of an address, as a browser sends them. Out: a view, ready for the template. Nothing here knows the web.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from hilum.browse.cases import Archive, Found, gather_cases
from hilum.errors import UsageError
from hilum.retrieval.index import RegionIndex
from hilum.retrieval.parts import IMAGE
from hilum.retrieval.search import Query, search

LISTED = 50  # images in the list at once; the filter finds the others
MOST_CASES = 20
FIRST_REGION = "right lower lung zone"


@dataclass(frozen=True)
class Choice:
    """What is asked. find: the filter of the list of images."""

    image: str
    region: str
    alpha: float
    k: int
    find: str

    def address(self, **changes: object) -> str:
        """The address that asks this, with changes."""
        words = {"image": self.image, "region": self.region, "alpha": f"{self.alpha:g}", "k": self.k, "find": self.find}
        return "/?" + urlencode({name: value for name, value in {**words, **changes}.items() if value != ""})


@dataclass(frozen=True)
class Listed:
    """The images that the filter leaves. rows: the first LISTED, with dicom_id, study_id, subject_id, of_study."""

    rows: pd.DataFrame
    n_found: int


@dataclass(frozen=True)
class Desk:
    """An index and its archive, opened. alpha: what a page begins with."""

    index: RegionIndex
    archive: Archive
    alpha: float
    collection: str

    def read_choice(self, words: Mapping[str, str]) -> Choice:
        """The choice that an address makes; what it leaves out has a default. Raises UsageError where it is wrong."""
        find = words.get("find", "").strip()
        image = words.get("image", "")
        if not image:
            rows = self.list_images(find).rows
            image = str((rows if len(rows) else self._images)["dicom_id"].iloc[0])
        elif image not in self._positions.index:
            raise UsageError("The index has no such image; choose one of the list.")
        regions = self.index.regions
        region = words.get("region") or self._first_region(image)
        if region not in regions:
            raise UsageError(f"There is no such region; the index has: {', '.join(regions)}.")
        try:
            alpha, k = float(words.get("alpha") or self.alpha), int(words.get("k") or 6)
        except ValueError:
            raise UsageError("alpha or k is not a number; alpha lies in [0, 1] and k is a whole number.") from None
        if not 0 <= alpha <= 1 or not 1 <= k <= MOST_CASES:
            raise UsageError(f"alpha lies in [0, 1], and k between 1 and {MOST_CASES}.")
        return Choice(image, region, alpha, k, find)

    def named(self, image: str) -> dict[str, tuple[str, ...]]:
        """As `Archive.named`, of an image's study, and only regions that can be asked for."""
        said = self.archive.named(int(self.index.rows["study_id"].iloc[int(self._positions[image])]))
        return {finding: tuple(r for r in regions if r in self.index.regions) for finding, regions in said.items()}

    def list_images(self, find: str) -> Listed:
        """The images whose study, patient or image id begins with `find`; an id may have its s or p before it."""
        images, words = self._images, find.strip().lower()
        if words:
            digits = words[1:] if words[0] in "sp" else words
            columns = {"dicom_id": words, "study_id": digits, "subject_id": digits}
            columns.pop({"p": "study_id", "s": "subject_id"}.get(words[0], ""), None)
            kept = [np.char.startswith(images[name].to_numpy(str), start) for name, start in columns.items()]
            images = images[np.any(kept, axis=0)]
        return Listed(images.head(LISTED), len(images))

    def find_cases(self, choice: Choice) -> Found:
        """The cases nearest to the chosen image."""
        row = int(self._positions[choice.image])
        images = self.index.side(IMAGE)
        whole, regional = (np.asarray(images.vector(row, slot)) for slot in (None, choice.region))
        query = Query(whole, regional, choice.region, int(self.index.rows["subject_id"].iloc[row]))
        answers = search(self.index, query, choice.alpha, choice.k)
        return gather_cases(
            self.archive, self.archive.films.read([choice.image])[choice.image], answers, [choice.region]
        )

    def _first_region(self, image: str) -> str:
        """The first region of which the image's report holds something; one that is in every chest if there is none."""
        spoken = [region for regions in self.named(image).values() for region in regions]
        return next(iter([*spoken, *({FIRST_REGION} & set(self.index.regions)), self.index.regions[0]]))

    @cached_property
    def _positions(self) -> pd.Series:
        return pd.Series(np.arange(len(self.index.rows)), index=self.index.rows["dicom_id"])

    @cached_property
    def _images(self) -> pd.DataFrame:
        """Rows of the list in its order; of_study: `2 of 3` where a study has several."""
        images = self.index.rows.sort_values(["study_id", "dicom_id"], kind="stable").reset_index(drop=True)
        studies = images.groupby("study_id")["row"]
        places = zip(studies.cumcount() + 1, studies.transform("size"), strict=True)
        images["of_study"] = [f"{number} of {n}" if n > 1 else "" for number, n in places]
        return images[["dicom_id", "study_id", "subject_id", "of_study"]]
