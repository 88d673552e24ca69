"""What counts as the same finding in the same place, and which questions are asked of it.

In: labels (a table of present findings by region) and the rows of the index. Out: a presence array, the cells
(region, finding) with enough cases, and the queries of a split. Relevance: another patient, who has the finding in
the region.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hilum.labels.parents import find_ancestors, spread_up


@dataclass(frozen=True)
class Presence:
    """Which image has which finding where. present: (n_images, n_regions, n_findings) bool, parents included."""

    present: np.ndarray
    regions: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def anywhere(self) -> np.ndarray:
        """(n_images, n_findings) bool: the finding lies in some known region; one without a place does not count."""
        return self.present.any(axis=1)

    def findings_of(self, image: int, region: int) -> tuple[str, ...]:
        """What an image has in a region, both by their place."""
        return tuple(self.findings[number] for number in np.flatnonzero(self.present[image, region]))


def build_presence(
    ids: pd.Series, labels: pd.DataFrame, regions: tuple[str, ...], parents: Mapping[str, str]
) -> Presence:
    """The presence array of the index's rows, in which a finding of a region is also in the region's parent.

    ids: the id of each row, by which `labels` speaks of it (a dicom_id or a study_id); its name is the column.
    labels: that column, region and finding, one row a present finding; rows without region or with an id that is not
    indexed are left out. Findings come in alphabetical order.
    """
    placed = labels[labels["region"].notna() & labels[ids.name].isin(ids)]
    findings = tuple(sorted(placed["finding"].unique()))
    keys, of_row = np.unique(ids.to_numpy(), return_inverse=True)
    by_key = np.zeros((len(keys), len(regions), len(findings)), bool)
    key = np.searchsorted(keys, placed[ids.name].to_numpy())
    region = pd.Index(regions).get_indexer(pd.Index(placed["region"]))
    finding = pd.Index(findings).get_indexer(pd.Index(placed["finding"]))
    by_key[key, region, finding] = True
    by_key = spread_up(by_key, find_ancestors(regions, parents))
    return Presence(by_key[of_row], regions, findings)


@dataclass(frozen=True)
class Cells:
    """The (region, finding) pairs that are scored, with how many images have them.

    region, finding: (n_cells,) positions in the presence array. n_positives: images with the finding in the region;
    n_same_finding: with it anywhere. locatable: enough images have it elsewhere only, so that place can be told at all
    (an enlarged heart is always at the heart: nothing to locate).
    """

    region: np.ndarray
    finding: np.ndarray
    n_positives: np.ndarray
    n_same_finding: np.ndarray
    locatable: np.ndarray


def choose_cells(presence: Presence, min_positives: int) -> Cells:
    """The cells with at least `min_positives` images; locatable if as many have the finding elsewhere only."""
    at = presence.present.sum(axis=0)
    anywhere = presence.anywhere.sum(axis=0)
    region, finding = np.nonzero(at >= min_positives)
    n_positives, n_same_finding = at[region, finding], anywhere[finding]
    return Cells(region, finding, n_positives, n_same_finding, n_same_finding - n_positives >= min_positives)


@dataclass(frozen=True)
class Queries:
    """What is asked, each (n_queries,): image (row of the index), region, finding (in the presence array), and cell."""

    image: np.ndarray
    region: np.ndarray
    finding: np.ndarray
    cell: np.ndarray

    def __len__(self) -> int:
        return len(self.image)

    def take(self, chosen: np.ndarray) -> Queries:
        """The queries at these positions, or where this mask is true."""
        return Queries(self.image[chosen], self.region[chosen], self.finding[chosen], self.cell[chosen])


def choose_queries(presence: Presence, cells: Cells, rows: pd.DataFrame, split: str) -> Queries:
    """Every image of the split asks for each finding it has, in each region of a cell where it has it.

    A query to which no other patient is an answer is left out: it has no recall to speak of.
    """
    asking = np.flatnonzero(rows["split"].to_numpy() == split)
    position, cell = np.nonzero(presence.present[asking][:, cells.region, cells.finding])
    queries = Queries(asking[position], cells.region[cell], cells.finding[cell], cell)
    subjects = rows["subject_id"].to_numpy()
    answered = np.zeros(len(queries), bool)
    for one in np.unique(cell):
        having = np.unique(subjects[presence.present[:, cells.region[one], cells.finding[one]]])
        answered[cell == one] = len(having) > 1
    order = np.lexsort((queries.finding, queries.image, queries.region))
    return queries.take(order[answered[order]])
