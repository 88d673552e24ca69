"""The parts of drift, each a comparison of what is new with what the champion was trained on.

In: tables whose rows are marked new or not, and the champion's vectors. Out: plain numbers, without a word of a report.
A part that cannot be measured raises NotMeasured with the reason. Known to be imperfect: a landing whose splits are
chosen otherwise than by chance differs by that alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hilum.evaluation.relevance import Presence, build_presence
from hilum.evaluation.shuffles import compare_shares, compare_vectors, group_patients
from hilum.evaluation.similarities import DECIMALS, mix
from hilum.retrieval.vectors import ImageVectors
from hilum.vocabulary import REGION_PARENTS

if TYPE_CHECKING:
    from hilum.config import DriftParams

WORD = re.compile(r"[^\W\d_]+")
N_NAMED = 5  # findings named, those furthest from chance first
N_NEAREST = 10
Part = dict[str, Any]


class NotMeasured(Exception):
    """A part of drift cannot be measured; the message is the reason that the evidence gives."""


@dataclass(frozen=True)
class Landed:
    """All that has landed. studies: REPORTS; labels: REGION_LABELS; terms: UNKNOWN_TERMS; images: IMAGES.

    studies, terms and images have a column is_new; images lie row by row with vectors, the champion's. alpha: of its
    mix.
    """

    studies: pd.DataFrame
    labels: pd.DataFrame
    terms: pd.DataFrame
    images: pd.DataFrame
    vectors: ImageVectors
    alpha: float


def compare_labels(landed: Landed, params: DriftParams) -> Part:
    """In which share of the studies each finding is present, of both groups; the furthest from chance are named."""
    is_new = landed.studies["is_new"].to_numpy(bool)
    _need_both(is_new, "studies")
    marks, findings = mark_findings(landed.studies["study_id"].to_numpy(), landed.labels)
    groups = group_patients(landed.studies["subject_id"].to_numpy(), is_new)
    found = compare_shares(marks, np.ones(len(marks)), groups, params.n_shuffles, params.seed)
    order = np.lexsort((-np.abs(found.new - found.trained), found.p))[:N_NAMED]
    named = [
        {
            "finding": findings[i], "trained": found.trained[i], "new": found.new[i],
            "difference": found.new[i] - found.trained[i], "p": found.p[i],
        }
        for i in order
    ]  # fmt: skip
    return {**_count(is_new, "studies"), "n_findings": len(findings), "largest": named}


def compare_images(landed: Landed, params: DriftParams) -> Part:
    """The distance between the images that the champion was not trained on: of its own held-out patients, and new.

    Its train images are left out, as a model may place what it has learned from otherwise than what it has not.
    """
    rows = sample_unseen(landed.images, params)
    is_new = landed.images["is_new"].to_numpy(bool)[rows]
    _need_both(is_new, "images", at_least=2)
    groups = group_patients(landed.images["subject_id"].to_numpy()[rows], is_new)
    found = compare_vectors(landed.vectors.whole[rows], groups, params.n_shuffles, params.seed)
    return {
        **_count(is_new, "images"), "distance": found.value, "distance_by_chance": found.by_chance, "p": found.p
    }  # fmt: skip


def compare_agreement(landed: Landed, params: DriftParams) -> Part:
    """How well the champion finds what the reports say: of its own held-out patients, and of the new ones.

    Of the ten nearest train images in the region of a finding, the share that has it there, less the share of all
    train images that has. Reports that do not belong to their images, or that swap the sides, have their usual rates
    and their usual words; this falls.
    """
    images, vectors = landed.images, landed.vectors
    present = landed.labels[landed.labels["label"] == "present"]
    presence = build_presence(images["study_id"], present, vectors.regions, REGION_PARENTS)
    learned = np.flatnonzero((images["split"] == "train") & ~images["is_new"])
    learned = learned[sample_rows(np.zeros(len(learned), bool), params.max_images, params.seed)]
    rows = sample_unseen(images, params)
    rows = rows[presence.present[rows].any(axis=(1, 2))]
    is_new = images["is_new"].to_numpy(bool)[rows]
    _need_both(is_new, "images with a finding")
    if len(learned) < N_NEAREST:
        raise NotMeasured(f"the champion has {len(learned)} train images; {N_NEAREST} are needed to look among")
    lifts, n_findings = find_lifts(presence, vectors, rows, learned, landed.alpha)
    groups = group_patients(images["subject_id"].to_numpy()[rows], is_new)
    found = compare_shares(lifts[:, None], n_findings, groups, params.n_shuffles, params.seed)
    return {**_count(is_new, "images"), "trained": found.trained[0], "new": found.new[0], "p": found.p[0]}


def compare_words(landed: Landed, params: DriftParams) -> Part:
    """The share of words that no train report of the champion's says: in its held-out reports, and in the new ones."""
    studies = landed.studies
    is_new = studies["is_new"].to_numpy(bool)
    learned = ~is_new & (studies["split"] == "train").to_numpy()
    known = {word for text in studies["text"][learned] for word in split_words(text)}
    counts = count_unknown(studies["text"].tolist(), known)
    rows = ~learned & (counts[:, 1] > 0)
    _need_both(is_new[rows], "reports with words")
    groups = group_patients(studies["subject_id"].to_numpy()[rows], is_new[rows])
    found = compare_shares(counts[rows, :1], counts[rows, 1], groups, params.n_shuffles, params.seed)
    return {
        **_count(is_new[rows], "reports"), "n_words_known": len(known),
        "trained": found.trained[0], "new": found.new[0], "p": found.p[0],
    }  # fmt: skip


def compare_terms(landed: Landed) -> Part:
    """Terms that the vocabulary lacks, a report; and which share of the new reports' no earlier report says."""
    studies, terms = landed.studies, landed.terms
    if terms.empty:
        raise NotMeasured("no report has an unknown term; parse.spacy_model names no recogniser, or none is unknown")
    is_new, n_mentions = terms["is_new"].to_numpy(bool), terms["n_mentions"].to_numpy(np.int64)
    n_new = int(studies["is_new"].sum())
    n_old = len(studies) - n_new
    earlier = set(terms["term"][~is_new])
    unheard = is_new & ~terms["term"].isin(earlier).to_numpy()
    return {
        "trained_per_report": n_mentions[~is_new].sum() / max(n_old, 1),
        "new_per_report": n_mentions[is_new].sum() / max(n_new, 1),
        "share_unheard": n_mentions[unheard].sum() / max(int(n_mentions[is_new].sum()), 1),
    }


def mark_findings(studies: np.ndarray, labels: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """(n_studies, n_findings) bool: the finding is present somewhere, placed or not; and the findings, by name.

    studies: ids, each once; labels: REGION_LABELS.
    """
    present = labels[(labels["label"] == "present") & labels["study_id"].isin(studies)]
    findings = sorted(present["finding"].unique())
    marks = np.zeros((len(studies), len(findings)), bool)
    row, column = pd.Index(studies).get_indexer(present["study_id"]), pd.Index(findings).get_indexer(present["finding"])
    marks[row, column] = True
    return marks, findings


def find_lifts(
    presence: Presence, vectors: ImageVectors, asking: np.ndarray, answering: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Summed over the (region, finding) pairs of each asking image: precision at ten above chance; and how many pairs.

    asking, answering: rows of vectors. Each comes back as (n_asking,).
    """
    lifts, n_pairs = np.zeros(len(asking)), np.zeros(len(asking))

    def compare(rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows[asking].astype(np.float64) @ rows[answering].astype(np.float64).T)

    whole = compare(vectors.whole)
    for region, placed in enumerate(vectors.by_region):
        similarities = mix(whole, compare(placed), alpha)
        nearest = np.argsort(-np.round(similarities, DECIMALS), axis=1, kind="stable")[:, :N_NEAREST]
        has = presence.present[answering, region]
        asked = presence.present[asking, region]
        lifts += ((has[nearest].mean(axis=1) - has.mean(axis=0)) * asked).sum(axis=1)
        n_pairs += asked.sum(axis=1)
    return lifts, n_pairs


def sample_unseen(images: pd.DataFrame, params: DriftParams) -> np.ndarray:
    """Rows of images that the champion was not trained on, at most max_images of its own landings and of the new."""
    is_new = images["is_new"].to_numpy(bool)
    unseen = np.flatnonzero(is_new | (images["split"] != "train").to_numpy())
    return unseen[sample_rows(is_new[unseen], params.max_images, params.seed)]


def sample_rows(is_new: np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """Positions of at most `at_most` rows of either group, in order."""
    random = np.random.Generator(np.random.PCG64(seed))
    chosen = [np.flatnonzero(is_new == flag) for flag in (False, True)]
    return np.sort(np.concatenate([random.permutation(rows)[:at_most] for rows in chosen]))


def split_words(text: str) -> list[str]:
    """The words of a report, in small letters; numbers are none."""
    return WORD.findall(text.lower())


def count_unknown(texts: Sequence[str], known: Collection[str]) -> np.ndarray:
    """(n_texts, 2): words that are not among the known ones, and all words."""
    words = [split_words(text) for text in texts]
    return np.array([[sum(w not in known for w in said), len(said)] for said in words], np.int64).reshape(-1, 2)


def _need_both(is_new: np.ndarray, what: str, at_least: int = 1) -> None:
    n_new, n_old = int(is_new.sum()), int((~is_new).sum())
    if min(n_new, n_old) < at_least:
        raise NotMeasured(f"too few {what} to compare: {n_new} new, {n_old} of the champion's landings")


def _count(is_new: np.ndarray, what: str) -> dict[str, int]:
    return {f"n_{what}_trained": int((~is_new).sum()), f"n_{what}_new": int(is_new.sum())}
