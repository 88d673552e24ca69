"""challenge: on a made collection with two landings, the laws that a decision must keep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.config import ChallengeParams, read_params
from hilum.errors import BadDataError, UsageError
from hilum.evaluation.decision import render_decision
from hilum.schema import EMBEDDINGS, IMAGES, REGION_LABELS, REPORTS, UNKNOWN_TERMS
from hilum.stages import challenge
from hilum.tables import arrow_schema, to_pandas, write_table
from hilum.vocabulary import REGIONS

OLD, NEW = "0123456789abcdef", "fedcba9876543210"
LANDING_OF = {"L0001-p10-p14": "L0001", "L0001-p15-p19": "L0001", "L0002-p10": "L0002"}
N_FIRST, N_IMAGES = 120, 200


class Checkout:
    """Images 0 to 119 are of L0001, in two partitions; the rest of L0002. The challenger sees as the champion does."""

    def __init__(self, made: Any, folder: Path, root: Path) -> None:
        self.made, self.folder, self.data = made, folder, folder / "data"
        self.params = read_params(root / "params.yaml").challenge.model_copy(update={"min_positives": 5})
        self.landings = {"L0001": True, "L0002": False}
        self.withdrawn: set[int] = set()
        self.labels, self.challenger = made.labels(), made.vectors
        self.settings = {
            "alpha": 0.5, "model_id": OLD, "objective": "rra_vl", "collection": "phantom", "landings": ["L0001"],
            "partitions": ["L0001-p10-p14", "L0001-p15-p19"],
        }  # fmt: skip

    @property
    def landing_of(self) -> dict[str, str]:
        return {name: landing for name, landing in LANDING_OF.items() if self.landings[landing]}

    def write(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        numbers = np.arange(N_IMAGES)
        parts = np.where(numbers >= N_FIRST, 2, numbers // 2 % 2)
        for part, name in enumerate(self.landing_of):
            images = self.made.images[(parts == part) & ~self.made.images["subject_id"].isin(self.withdrawn)]
            write_table(self.data / f"images/{name}.parquet", images, IMAGES)
            for folder, vectors, model in (
                (self.data / "embeddings", self.challenger, NEW),
                (self.folder / "served", self.made.vectors, OLD),
            ):
                write_table(folder / f"{name}.parquet", self.embeddings(images, vectors, model), EMBEDDINGS)
            labels = self.labels[self.labels["study_id"].isin(images["study_id"])]
            write_table(self.data / f"region_labels/{name}.parquet", labels, REGION_LABELS)
            reports = images[["study_id", "subject_id", "split"]].assign(text="FINDINGS: as before.")
            write_table(self.data / f"texts/{name}.parquet", reports, REPORTS)
            terms = to_pandas(arrow_schema(UNKNOWN_TERMS).empty_table())
            write_table(self.data / f"unknown_terms/{name}.parquet", terms, UNKNOWN_TERMS)
        self.write_json("champion/settings.json", self.settings)
        self.write_json("metrics.json", {"objective": "rra_vl", "retrieval": {"alpha": 0.5}})
        self.write_json("data/validation/validation.json", {"verdict": "green", "checks": []})

    def embeddings(self, images: pd.DataFrame, vectors: np.ndarray, model: str) -> pd.DataFrame:
        rows = [
            {"study_id": row.study_id, "dicom_id": row.dicom_id, "modality": "image", "region": region,
             "subject_id": row.subject_id, "embedding": vectors[slot, row.Index], "model_id": model}
            for row in images.itertuples()
            for slot, region in enumerate([None, *REGIONS])
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def write_json(self, name: str, value: object) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps(value))

    def run(self, write: bool = True) -> dict[str, Any]:
        if write:
            self.write()
        out, page = self.folder / "challenge.json", self.folder / "challenge.md"
        challenge.run(
            self.data, self.landing_of, self.folder / "champion", self.folder / "served", self.folder / "metrics.json",
            out, page, self.params, "phantom",
        )  # fmt: skip
        evidence = json.loads(out.read_text())
        assert page.read_text() == render_decision(evidence)
        return dict(evidence)


@pytest.fixture
def checkout(make_collection: Callable[..., Any], tmp_path: Path, root: Path) -> Checkout:
    return Checkout(make_collection(N_IMAGES), tmp_path / "checkout", root)


def test_a_model_against_itself_differs_by_exactly_nothing(checkout: Checkout) -> None:
    found = checkout.run()
    for metric in ("located_at_10", "precision_at_5", "mean_average_precision"):
        row = found["metrics"][metric]
        assert row["champion"] == row["challenger"] > 0.3 and row["n_queries"] > 50
        assert (row["difference"], row["low"], row["high"]) == (0, 0, 0)
    assert found["verdict"] == "promoted" and len(found["reasons"]) == 4
    assert found["champion"]["model_id"] == OLD and found["challenger"]["model_id"] == NEW
    assert set(found["drift"]["left_out"].values()) == {"every landing is one that the champion was trained on"}
    assert found["benchmark"]["relevance"] == "weak" and found["benchmark"]["n_images"] == N_FIRST


def test_a_challenger_whose_vectors_are_other_images_is_refused(checkout: Checkout) -> None:
    checkout.challenger = checkout.made.vectors[:, np.random.default_rng(0).permutation(N_IMAGES)]
    found = checkout.run()
    assert found["verdict"] == "refused" and found["metrics"]["located_at_10"]["high"] < 0
    assert [reason.split(":")[0] for reason in found["reasons"]] == list(found["metrics"])


def test_each_model_ranks_with_its_own_alpha(checkout: Checkout) -> None:
    checkout.settings["alpha"] = 0.0
    found = checkout.run()
    assert found["champion"]["alpha"] == 0 and found["challenger"]["alpha"] == 0.5
    assert found["metrics"]["located_at_10"]["low"] > 0 and found["verdict"] == "promoted"


def test_another_landing_changes_neither_questions_nor_figures(checkout: Checkout) -> None:
    checkout.challenger = checkout.made.vectors[:, ::-1] + 0.5 * checkout.made.vectors
    checkout.challenger /= np.linalg.norm(checkout.challenger, axis=2, keepdims=True)
    before = checkout.run()
    checkout.landings["L0002"] = True
    after = checkout.run()
    assert after["benchmark"] == before["benchmark"] and after["metrics"] == before["metrics"]
    assert after["challenger"]["landings"] == ["L0001", "L0002"] == before["challenger"]["landings"] + ["L0002"]
    assert after["drift"]["landings"] == ["L0002"] and after["drift"]["embedding"]["n_images_new"] == 80
    assert after["drift"]["left_out"].keys() == {"unknown_terms"}


def test_a_withdrawn_patient_asks_and_answers_no_more(checkout: Checkout) -> None:
    before = checkout.run()["benchmark"]
    asking = checkout.made.images.query("split == 'test'")["subject_id"].iloc[0]
    checkout.withdrawn.add(int(asking))
    after = checkout.run()["benchmark"]
    assert (after["n_patients"], after["n_images"]) == (before["n_patients"] - 1, before["n_images"] - 2)
    assert after["n_queries"] < before["n_queries"] and after["sha256"] != before["sha256"]


def test_drift_is_told_and_refuses_nothing(checkout: Checkout) -> None:
    """The new landing's labels are dealt out again among its studies: the same rates, of other images."""
    checkout.landings["L0002"] = True
    assert checkout.run()["drift"]["warnings"] == []
    studies = checkout.made.images["study_id"].to_numpy()[N_FIRST:]
    other = dict(zip(studies, np.random.default_rng(1).permutation(studies), strict=True))
    checkout.labels["study_id"] = checkout.labels["study_id"].map(lambda study: other.get(study, study))
    found = checkout.run()
    assert found["drift"]["label_rates"]["largest"][0]["p"] > 0.05
    assert len(found["drift"]["warnings"]) == 1 and "do the reports belong" in found["drift"]["warnings"][0]
    assert found["verdict"] == "promoted"


def test_the_gate_s_warnings_are_named(checkout: Checkout) -> None:
    checkout.write()
    checks = [{"table": "images", "check": name, "passed": name == "rows"} for name in ("rows", "ages")]
    checkout.write_json("data/validation/validation.json", {"verdict": "amber", "checks": checks})
    assert checkout.run(write=False)["gate"] == {"verdict": "amber", "failed": ["images.ages"]}
    checkout.params = checkout.params.model_copy(update={"gate": "green"})
    found = checkout.run(write=False)
    assert found["reasons"] == ["the gate is amber (images.ages); the policy asks for green"]


def test_twice_gives_the_same_bytes_and_no_id(checkout: Checkout) -> None:
    checkout.landings["L0002"] = True
    checkout.run()
    first = (checkout.folder / "challenge.json").read_bytes()
    checkout.run()
    assert (checkout.folder / "challenge.json").read_bytes() == first
    for column in ("subject_id", "study_id", "dicom_id"):
        assert not any(str(value).encode() in first for value in checkout.made.images[column])


def test_with_no_champion_there_is_no_challenge(checkout: Checkout) -> None:
    checkout.write()
    shutil.rmtree(checkout.folder / "champion")
    with pytest.raises(UsageError, match="no model has been promoted yet"):
        checkout.run(write=False)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"collection": "iu_cxr"}, "trained on collection iu_cxr; this checkout holds phantom"),
        ({"model_id": NEW}, f"served was made by checkpoint {OLD}; .*champion holds {NEW}"),
    ],
)
def test_a_champion_that_cannot_be_compared_is_refused(checkout: Checkout, changed: dict, message: str) -> None:
    checkout.settings.update(changed)
    with pytest.raises(BadDataError, match=message):
        checkout.run()


def test_settings_that_lack_a_key_are_refused(checkout: Checkout) -> None:
    del checkout.settings["partitions"]
    with pytest.raises(BadDataError, match=r"settings.json lacks \['partitions'\]"):
        checkout.run()


def test_a_benchmark_of_a_landing_that_is_not_here_is_refused(checkout: Checkout) -> None:
    checkout.params = ChallengeParams(**{**checkout.params.model_dump(), "benchmark": ["L0001", "L0007"]})
    with pytest.raises(UsageError, match=r"names \['L0007'\]; the landings with images here are \['L0001'\]"):
        checkout.run()
