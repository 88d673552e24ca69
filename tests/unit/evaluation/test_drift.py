"""Drift: silent between halves of the same data, loud where something was changed, and its reason where it is null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.config import DriftParams
from hilum.evaluation.drift import measure_drift
from hilum.evaluation.drift_parts import Landed, count_unknown, mark_findings
from hilum.retrieval.vectors import ImageVectors

PARAMS = DriftParams(
    label_rate=0.05, embedding=0.02, agreement=0.05, unknown_words=0.005, significance=0.05, n_shuffles=99,
    max_images=200, seed=0,
)  # fmt: skip
REGIONS = ("left lung", "right lung")
N = 320
SAID = {"left lung": "Opacity on the left.", "right lung": "Opacity on the right."}


def landed(seed: int = 0, n_new: int = 60) -> Landed:
    """320 studies of 160 patients, an image each; a finding on either side, which the region's vector shows."""
    random = np.random.default_rng(seed)
    patient = np.arange(N) // 2
    side = random.integers(0, 2, N)
    studies = pd.DataFrame(
        {
            "study_id": np.arange(N), "subject_id": patient,
            "is_new": np.isin(patient, random.permutation(160)[:n_new]),
            "split": np.array(["train", "validate", "test"])[random.integers(0, 3, 160)][patient],
            "text": [SAID[REGIONS[s]] + " " + "abcdefghijklmnop"[random.integers(16)] * 3 for s in side],
        }
    )  # fmt: skip
    labels = pd.DataFrame({"study_id": np.arange(N), "region": [REGIONS[s] for s in side], "finding": "opacity"})
    more = labels[random.random(N) < 0.3].assign(region=None, finding="edema")
    vectors = random.normal(size=(3, N, 6)).astype(np.float32)
    vectors[1 + side, np.arange(N), 0] += 3
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    images = studies.drop(columns="text").assign(dicom_id=[f"{i:03d}" for i in range(N)])
    model = ImageVectors(images, REGIONS, vectors[0], vectors[1:], "a")
    terms = pd.DataFrame({"term": ["x", "x", "y"], "n_mentions": [200, 100, 20], "is_new": [False, True, True]})
    return Landed(studies, pd.concat([labels, more]).assign(label="present"), terms, images, model, 0.9)


def test_halves_of_the_same_data_seldom_warn() -> None:
    warned, called = 0, 0
    for seed in range(30):
        found = measure_drift(landed(seed), PARAMS)
        warned += bool(found["warnings"])
        called += sum(found[part]["p"] <= 0.05 for part in ("embedding", "agreement", "unknown_words"))
        called += found["label_rates"]["largest"][0]["p"] <= 0.05
        assert found["left_out"] == {}
    assert called <= 15 and warned <= 8  # of 120 tests 6 are called by chance; of 30 runs 4 or so would then warn


def swap_sides(was: Landed) -> Landed:
    new = was.labels["study_id"].isin(was.studies.loc[was.studies["is_new"], "study_id"])
    other = was.labels["region"].map({"left lung": "right lung", "right lung": "left lung"})
    return replace(was, labels=was.labels.assign(region=was.labels["region"].where(~new, other)))


def find_less(was: Landed) -> Landed:
    new = was.labels["study_id"].isin(was.studies.loc[was.studies["is_new"], "study_id"])
    return replace(was, labels=was.labels[~(new & (was.labels["finding"] == "edema"))])


def say_it_otherwise(was: Landed) -> Landed:
    text = was.studies["text"].where(~was.studies["is_new"], was.studies["text"] + " Verschattung.")
    return replace(was, studies=was.studies.assign(text=text))


def move_images(was: Landed) -> Landed:
    whole = was.vectors.whole.copy()
    whole[was.images["is_new"], 5] += 1
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    return replace(was, vectors=replace(was.vectors, whole=whole))


@pytest.mark.parametrize(
    "change, said",
    [
        (swap_sides, "are the sides right"),
        (find_less, "edema is present in 0.0% of the new studies"),
        (say_it_otherwise, "of the new reports' words are in no report that the champion was trained on"),
        (move_images, "the new images lie"),
    ],
)
def test_each_corruption_is_called_by_its_own_part(change: Callable[[Landed], Landed], said: str) -> None:
    warnings = measure_drift(change(landed(1)), PARAMS)["warnings"]
    assert measure_drift(landed(1), PARAMS)["warnings"] == []
    assert len(warnings) == 1 and said in warnings[0]


@pytest.mark.parametrize("limit", ["label_rate", "embedding", "agreement", "unknown_words"])
def test_below_the_limit_nothing_is_said(limit: str) -> None:
    change = {
        "label_rate": find_less, "embedding": move_images, "agreement": swap_sides, "unknown_words": say_it_otherwise
    }[limit]  # fmt: skip
    params = PARAMS.model_copy(update={limit: 1.0})
    assert measure_drift(change(landed(1)), params)["warnings"] == []


def test_the_figures_of_terms_are_the_sums_by_hand() -> None:
    found = measure_drift(landed(), PARAMS)["unknown_terms"]
    assert found["trained_per_report"] == pytest.approx(200 / 200) and found["new_per_report"] == 1
    assert found["share_unheard"] == pytest.approx(20 / 120)


def test_without_a_new_landing_every_part_is_null_for_that_reason() -> None:
    found = measure_drift(landed(n_new=0), PARAMS)
    assert len(found["left_out"]) == 5 and set(found["left_out"].values()) == {
        "every landing is one that the champion was trained on"
    }
    assert [found[part] for part in found["left_out"]] == [None] * 5 and found["warnings"] == []


def test_each_part_is_left_out_on_its_own() -> None:
    was = landed()
    train = replace(
        was, studies=was.studies.assign(split="train"), images=was.images.assign(split="train"), terms=was.terms[:0]
    )
    left_out: dict[str, Any] = measure_drift(train, PARAMS)["left_out"]
    assert set(left_out) == {"embedding", "agreement", "unknown_words", "unknown_terms"}
    assert left_out["embedding"] == "too few images to compare: 120 new, 0 of the champion's landings"
    assert "parse.spacy_model" in left_out["unknown_terms"]
    none = replace(was, images=was.images.assign(split="test"), labels=was.labels[:0])
    assert "too few images with a finding" in measure_drift(none, PARAMS)["left_out"]["agreement"]
    split = np.where(was.images["is_new"], "train", "test")
    unlearned = replace(was, images=was.images.assign(split=split))
    assert "the champion has 0 train images" in measure_drift(unlearned, PARAMS)["left_out"]["agreement"]


def test_the_same_data_and_seed_give_the_same_document() -> None:
    assert measure_drift(landed(2), PARAMS) == measure_drift(landed(2), PARAMS)


def test_at_most_max_images_are_compared() -> None:
    found = measure_drift(landed(), PARAMS.model_copy(update={"max_images": 7}))["embedding"]
    assert (found["n_images_trained"], found["n_images_new"]) == (7, 7)


def test_a_finding_counts_once_a_study_and_only_if_present() -> None:
    labels = pd.DataFrame(
        [
            (1, "a", "mass", "present"),
            (1, "b", "mass", "present"),
            (2, "a", "mass", "absent"),
            (9, "a", "x", "present"),
        ],
        columns=["study_id", "region", "finding", "label"],
    )
    marks, findings = mark_findings(np.array([1, 2, 3]), labels)
    assert findings == ["mass"] and marks.tolist() == [[True], [False], [False]]


def test_words_are_letters_in_any_case() -> None:
    counts = count_unknown(["No MASS, no 3.5 cm no-dule; É___ left", ""], {"no", "mass", "é"})
    assert counts.tolist() == [[3, 8], [0, 0]]


def test_what_every_image_has_is_no_agreement() -> None:
    """All have opacity on the left, so ten of ten neighbours do: precision 1, chance 1, nothing above it."""
    was = landed()
    labels = was.labels[was.labels["finding"] == "opacity"].assign(region="left lung")
    found = measure_drift(replace(was, labels=labels), PARAMS)["agreement"]
    assert (found["trained"], found["new"]) == (0, 0)
