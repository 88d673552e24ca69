from __future__ import annotations

import json
import logging
import re
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hilum.config import ReportParams
from hilum.errors import BadDataError
from hilum.schema import CELLS, GROUNDINGS, QUERIES, SCORES
from hilum.stages.report import run
from hilum.tables import write_table

QUALITY = runpy.run_path(str(Path(__file__).parents[1] / "quality" / "conftest.py"))
SCRIPT = "<script>alert(1)</script>"
COUNTS = {
    "funnel": [{"step": "files landed", "n": 24}],
    "partitions": [
        {"partition": "L0001-p10-p14", "manifest": 12, "quarantine": 0, "reports": 6, "images": 6, "mentions": 6,
         "region_labels": 12}
    ],
    "splits": [{"split": "test", "subjects": 4, "studies": 4, "images": 4, "labelled_studies": 4}],
    "quarantine": [],
    "findings": [],
    "label_rates": [],
}  # fmt: skip


def score(task: str, name: str, metric: str, value: float | None, average: str = "macro", chance: float = 0.3) -> dict:
    low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
    return {"task": task, "score": name, "average": average, "metric": metric, "value": value, "low": low,
            "high": high, "chance": chance, "chance_low": None, "chance_high": None,
            "n_units": 8, "n_groups": 2}  # fmt: skip


def cell(name: str, located: float) -> dict:
    row = {column.name: 0.25 for column in CELLS.columns}
    counts = {"n_queries": 4, "n_patients": 4, "n_positives": 21, "n_same_finding": 40}
    return {**row, **counts, "region": "left lung", "finding": "consolidation", "score": name, "locatable": True,
            "located_at_10": located}  # fmt: skip


class Inputs:
    """Everything that the page is made from, in a folder; `gallery` and `metrics` may be changed before `write`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        self.line = QUALITY["TinyLine"](3)
        ids = [str(self.line.first("images").loc[row, "dicom_id"]) for row in range(3)]
        shown = [{"dicom_id": dicom_id, "map": n, "finding_boxes": []} for n, dicom_id in enumerate(ids)]
        shown[0]["finding_boxes"] = [[20.0, 30.0, 40.0, 50.0]]
        answers = [
            {"rank": n, "study_id": 50000000 + n, "subject_id": 10000000 + n, "score": 0.5, "whole_similarity": 0.25,
             "region_similarity": -0.75, "relevant": n == 1, "same_finding": True, **shown[n]}
            for n in (1, 2)
        ]  # fmt: skip
        example = {"query": "q", "study_id": 50000000, "subject_id": 10000000, "region": "left lung",
                   "finding": "consolidation", "phrase": "consolidation", "located_at_10": 0.5,
                   "precision_at_5": 0.4, **shown[0], "answers": answers}  # fmt: skip
        self.gallery = {"alpha": 0.5, "examples": [example, {**example, "phrase": "the second example"}]}
        self.metrics = {
            "objective": "rra_vl", "relevance": "truth", "retrieval": {"alpha": 0.5},
            "counts": {"images": 6, "cells": 1, "test_queries": 8, "test_patients": 4},
            "labels": {"macro_precision": 0.9, "macro_recall": 0.8, "macro_f1": 0.85, "micro_precision": 0.9,
                       "micro_recall": 0.8, "micro_f1": 0.85, "n_statements": 10, "n_labels": 9,
                       "f1": {"consolidation": 0.85}},
        }  # fmt: skip
        self.scores = [
            score("retrieval", "mix", "located_at_10", 0.8123), score("retrieval", "global", "located_at_10", 0.5),
            score("retrieval", "mirrored", "located_at_10", 0.1), score("retrieval", "mix", "precision_at_1", None),
            score("retrieval", "mix - global", "located_at_10", 0.3123, chance=None),
            score("retrieval", "mix", "located_at_10", 0.7777, "micro"),
            score("retrieval", "global", "precision_at_5", 0.5) | {"chance_low": 0.2871, "chance_high": 0.3129},
            score("image_to_report", "mix", "located_at_10", 0.8456),
            score("image_to_report", "mix", "precision_at_5", 0.4),
            score("grounding", "phrase", "pointing_game", 0.6543), score("grounding", "prior", "pointing_game", 0.4),
        ]  # fmt: skip
        asked = {"query": "q", "score": "mix", "split": "test", "region": "left lung", "finding": "consolidation",
                 "dicom_id": ids[0], "study_id": 50000000, "subject_id": 10000000, "answers": ids[1:],
                 "relevant": [True, False], "n_gallery": 5, "n_relevant": 3, "n_same_finding": 4}  # fmt: skip
        self.queries = [{**{column.name: 0.125 for column in QUERIES.columns}, **asked}]
        figures = {"f1": 0.7777, "f1_low": 0.7, "f1_high": 0.8, "precision": 0.6, "recall": 0.5}
        self.explanations = {
            "relevance": "truth", "writer": "consensus", "n_cases": 2, "search": figures,
            "random": {**figures, "f1": 0.1111},
            "search_minus_random": {**figures, "f1": 0.6666}, "counts": {"questions": 3, "scored": 2, "patients": 2},
            "statements": {"search": {"made": 9, "kept": 8, "unsupported": 1}}, "failures": {"search": {"all": 0}},
        }  # fmt: skip
        stated = {"section": "explanation", "text": f"Consolidation {SCRIPT}.", "cites": [2], "dropped": None}
        cases = [{"number": 2, "study_id": 50000001, "similarity": 0.5, "sentences": [f"Seen before {SCRIPT}."]}]
        told = {"failure": None, "said": ["consolidation"], "f1": 0.5, "statements": [stated], "cases": cases}
        self.told = [{"dicom_id": ids[0], "study_id": 50000000, "region": "left lung",
                      "true": ["consolidation", "atelectasis"], "search": told}]  # fmt: skip
        self.groundings = [
            {"dicom_id": ids[0], "subject_id": 10000000, "finding": "consolidation", "score": "phrase",
             "pointing_game": 1.0, "contrast_to_noise_ratio": 2.345, "mean_iou": 0.321, "chance_pointing": 0.1}
        ]  # fmt: skip
        self.comparison = {"collection": "phantom", "seeds": [], "variants": [], "rows": []}
        self.curve = "epoch,phase,total,validate_global_ap\n1,align,2.5,0.25\n2,align,1.5,\n"

    def write(self) -> None:
        self.line.write(self.data)
        (self.data / "pixels").mkdir()
        pixels = np.random.default_rng(0).integers(0, 255, (6, 150, 150), dtype=np.uint8)
        for partition in self.line.partitions:
            np.save(self.data / "pixels" / f"{partition}.npy", pixels)
        evaluation = self.data / "evaluation"
        scores = pd.DataFrame(self.scores, columns=SCORES.column_names)
        cells = pd.DataFrame([cell("mix", 0.9), cell("global", 0.5)] if self.scores else [], columns=CELLS.column_names)
        write_table(evaluation / "scores.parquet", scores, SCORES)
        write_table(evaluation / "cells.parquet", cells, CELLS)
        write_table(evaluation / "queries.parquet", pd.DataFrame(self.queries, columns=QUERIES.column_names), QUERIES)
        pointed = pd.DataFrame(self.groundings, columns=GROUNDINGS.column_names)
        write_table(evaluation / "groundings.parquet", pointed, GROUNDINGS)
        (self.data / "explanations").mkdir()
        (self.data / "explanations" / "examples.json").write_text(json.dumps({"examples": self.told}))
        (self.folder / "explanations.json").write_text(json.dumps(self.explanations))
        maps = np.random.default_rng(1).random((3, 9, 9)).astype(np.float32)
        np.savez(evaluation / "similarity_maps.npz", maps=maps)
        (evaluation / "gallery.json").write_text(json.dumps(self.gallery))
        (self.data / "validation").mkdir()
        verdict = {"verdict": "amber", "checks": [], "counts": COUNTS}
        (self.data / "validation" / "validation.json").write_text(json.dumps(verdict))
        (self.folder / "metrics.json").write_text(json.dumps(self.metrics))
        (self.folder / "comparison.json").write_text(json.dumps(self.comparison))
        plots = self.folder / "plots"
        (plots / "evaluation").mkdir(parents=True)
        for phase in ("align", "locate"):
            (plots / f"{phase}.csv").write_text(self.curve)
        alpha = "alpha,located_at_10,average_precision,chance_located\n0,0.4,0.2,0.3\n1,0.7,0.3,0.3\n"
        (plots / "evaluation" / "alpha.csv").write_text(alpha)
        by_task = [line + (",image_to_report" if n else ",task") for n, line in enumerate(alpha.splitlines())]
        (plots / "evaluation" / "report_alpha.csv").write_text("\n".join(by_task))
        grounding = (
            "finding,score,n_units,pointing_game,contrast_to_noise_ratio,mean_iou\nconsolidation,phrase,4,0.5,1.5,0.2\n"
        )
        (plots / "evaluation" / "grounding.csv").write_text(grounding)

    def page(self, collection: str = "phantom", n_queries: int = 6) -> str:
        page = self.folder / "index.html"
        run(
            self.data, self.line.partitions, self.folder / "metrics.json", self.folder / "plots",
            self.folder / "comparison.json", self.folder / "explanations.json", page,
            ReportParams(n_queries=n_queries), collection,
        )  # fmt: skip
        return page.read_text()


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    return Inputs(tmp_path)


def test_the_page_holds_every_figure_with_its_chance_and_interval(inputs: Inputs) -> None:
    inputs.write()
    page = inputs.page()
    for words in ("0.812", "0.762 to 0.862", "chance 0.300", "+0.312", "0.778", "0.654", "rra_vl", "amber", "0.850"):
        assert words in page, words
    assert (
        page.count('<svg class="chart"') == 10
    )  # two phases of two, located, alpha, pointing, a task's two, explained


def test_phantom_is_said_in_every_section_and_only_of_the_phantom(inputs: Inputs) -> None:
    inputs.write()
    page = inputs.page()
    assert "Phantom data." in page
    for section in re.findall(r"<section.*?</section>", page, flags=re.DOTALL)[:-1]:
        assert "phantom</span>" in section, section[:80]
    assert "phantom" not in inputs.page("iu_cxr").lower().replace("phantom's truth", "").replace(".tag.phantom", "")


def test_a_page_with_cases_says_so_and_one_without_does_not(inputs: Inputs) -> None:
    inputs.write()
    assert "<title>hilum results, shows cases (phantom)</title>" in inputs.page()
    page = inputs.page(n_queries=0)
    assert "shows cases" not in page and 'class="film"' not in page and "Seen before" not in page


def test_cases_are_cut_to_the_number_asked_for_and_marked_right_or_wrong(inputs: Inputs) -> None:
    inputs.write()
    assert "the second example" in inputs.page(n_queries=2)
    page = section_of(inputs.page(n_queries=1), "cases")
    assert "the second example" not in page
    assert page.count('class="case right"') == page.count('class="case wrong"') == 1
    assert "1 of the 2 answers shown are right" in page
    assert "similarity 0.500 (region \N{MINUS SIGN}0.750, whole 0.250)" in page


def test_the_region_box_lies_in_the_picture_it_is_drawn_on(inputs: Inputs) -> None:
    inputs.write()  # images of 200 x 300 px at scale 0.5, the box 0, 10, 200, 290
    page = inputs.page(n_queries=1)
    assert 'width="100" height="150"' in page
    assert '<rect class="region" x="0.0" y="5.0" width="100.0" height="145.0"/>' in page
    assert '<rect class="finding" x="10.0" y="15.0" width="20.0" height="25.0"/>' in page


def test_it_loads_nothing_and_escapes_what_it_shows(inputs: Inputs) -> None:
    inputs.metrics["objective"] = SCRIPT
    inputs.metrics["labels"]["f1"] = {SCRIPT: 0.5}
    inputs.gallery["examples"][0].update(phrase=SCRIPT, region=f'"{SCRIPT}')
    inputs.curve = inputs.curve.replace("total", SCRIPT)
    inputs.write()
    page = inputs.page(SCRIPT)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"https?://", page)
    for address in re.findall(r"""(?:src|href)=["']([^"']*)""", page):
        assert address.startswith(("data:image/png;base64,", "#", "data.html")), address[:60]
    assert "url(" not in page and "@import" not in page
    assert QUALITY["SECRET"] not in page


def test_two_runs_give_the_same_bytes(inputs: Inputs) -> None:
    inputs.write()
    assert inputs.page() == inputs.page()


def test_a_collection_without_truth_says_what_was_not_measured(inputs: Inputs) -> None:
    inputs.scores = [row for row in inputs.scores if row["task"] == "retrieval"]
    del inputs.metrics["labels"]
    inputs.metrics["relevance"] = "weak"
    inputs.write()
    for path in ("data/evaluation/groundings.parquet", "plots/evaluation/grounding.csv"):
        (inputs.folder / path).unlink()  # `evaluate` writes neither without boxes
    page = inputs.page("iu_cxr")
    assert page.count("Not measured:") == 2 and "flatter the model" in page


def test_nothing_to_score_is_said_and_not_shown_as_zero(inputs: Inputs) -> None:
    inputs.scores, inputs.metrics, inputs.gallery = [], {}, {"alpha": 0.5, "examples": []}
    inputs.curve, inputs.queries, inputs.explanations, inputs.told = "epoch,phase\n", [], {}, []
    inputs.write()
    evaluation = inputs.folder / "plots" / "evaluation"
    for path in evaluation.glob("*.csv"):
        path.write_text(path.read_text().splitlines()[0] + "\n")
    page = inputs.page()
    assert "hilum explain</code> has asked nothing" in page and section_of(page, "failures") == ""
    assert "No cell of finding and region has enough images" in page and "No epoch was run." in page


def section_of(page: str, name: str) -> str:
    found = re.search(rf'<section aria-labelledby="{name}".*?</section>', page, flags=re.DOTALL)
    return found[0] if found else ""


def test_controls_stand_beside_their_band_and_their_difference_to_the_mix(inputs: Inputs) -> None:
    inputs.write()
    page = inputs.page()
    (row,) = re.findall(
        r"<tr><th scope=\"row\"><code>global</code>(?:(?!</tr>).)*0\.287(?:(?!</tr>).)*</tr>", page, re.DOTALL
    )
    for words in ("0.287 to 0.313", "+0.312", "0.262 to 0.362"):
        assert words in row, words
    assert "image to report" in section_of(page, "reports") and "0.846" in section_of(page, "reports")


def test_regions_are_drawn_on_the_chest_by_finding(inputs: Inputs) -> None:
    inputs.write()
    section = section_of(inputs.page(), "retrieval")
    assert section.count('<svg class="body"') == 4  # the mean and one finding, two figures each
    assert "left lung: 0.90, chance 0.25, 4 queries" in section


def test_a_failed_query_is_shown_with_what_its_answers_have_instead(inputs: Inputs) -> None:
    inputs.write()
    section = section_of(inputs.page(), "failures")
    assert "Consolidation in the left lung".lower() in section.lower() and "1 of 2 answers are right" in section
    assert section.count('class="case right"') == section.count('class="case wrong"') == 1
    inputs.queries[0]["split"] = "validate"
    (inputs.data / "evaluation" / "queries.parquet").unlink()
    table = pd.DataFrame(inputs.queries, columns=QUERIES.column_names)
    write_table(inputs.data / "evaluation" / "queries.parquet", table, QUERIES)
    assert section_of(inputs.page(), "failures") == ""


def test_a_map_is_shown_once_a_finding_with_its_figures(inputs: Inputs) -> None:
    inputs.write()
    section = section_of(inputs.page(), "grounding")
    assert section.count('class="heat"') == 1 and "the peak is in a box; CNR 2.35, mIoU 0.32" in section
    assert '<rect class="finding" x="10.0" y="15.0" width="20.0" height="25.0"/>' in section
    assert "Where the phrase lights up" not in inputs.page(n_queries=0)


def test_an_explanation_cites_its_cases_and_is_shown_as_text(inputs: Inputs) -> None:
    inputs.write()
    section = section_of(inputs.page(), "explanations")
    for words in (
        "0.778",
        "0.700 to 0.800",
        "+0.667",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "atelectasis, not said",
    ):
        assert words in section, words
    assert 'href="#told1-2"' in section and 'id="told1-2"' in section and "<script" not in section


def compared(variant: str, value: float, *, metric: str = "located_at_10", **more: object) -> dict:
    return {"variant": variant, "score": "mix", "metric": metric, "value": value, "low": value - 0.01,
            "high": value + 0.02, "chance": 0.43, "seeds": [1, 2], "by_seed": [value - 0.01, value + 0.01],
            "sd_of_seeds": 0.0141, **more}  # fmt: skip


def test_the_comparison_is_shown_with_intervals_and_paired_differences(inputs: Inputs) -> None:
    inputs.metrics["retrieval"]["rra_vl"] = {"located_at_10": 0.9}
    apart = {"difference": -0.4, "difference_low": -0.44, "difference_high": -0.36}
    inputs.comparison = {
        "collection": "phantom", "seeds": [1, 2],
        "variants": [{"name": "rra_vl", "words": "the first"}, {"name": "global", "words": SCRIPT}],
        "rows": [compared("rra_vl", 0.91), compared("global", 0.51, **apart),
                 compared("rra_vl", 0.871, metric="precision_at_5") | {"score": "oracle"}],
    }  # fmt: skip
    inputs.write()
    page = inputs.page()
    section = re.search(r'<section aria-labelledby="comparison".*?</section>', page, flags=re.DOTALL)[0]
    for words in (
        "0.910",
        "0.900 to 0.930",
        "sd 0.014",
        "0.510",
        "&Delta; \N{MINUS SIGN}0.400",
        "has P@5 0.871",
        "one of those compared",
    ):
        assert words in section, words
    assert "\N{MINUS SIGN}0.440 to \N{MINUS SIGN}0.360" in section
    assert section.count('class="dot"') == 2 and "not whole" not in section and "<script" not in section
    assert "P@5</th>" not in section  # no variant has it: no empty column


def test_a_comparison_cut_short_or_of_another_model_says_so(inputs: Inputs) -> None:
    inputs.metrics["retrieval"]["rra_vl"] = {"located_at_10": 0.7}
    inputs.comparison = {
        "collection": "phantom", "seeds": [1, 2],
        "variants": [{"name": "rra_vl", "words": "the first"}, {"name": "global", "words": "not trained yet"}],
        "rows": [compared("rra_vl", 0.91)],
    }  # fmt: skip
    inputs.write()
    page = inputs.page()
    assert "2 of 4 trainings are in this table" in page and "The model of this page is none of those" in page
    assert "not trained yet" not in page


def test_before_it_has_run_the_comparison_says_how_to_run_it(inputs: Inputs) -> None:
    inputs.write()
    assert "<code>hilum compare</code> trains every objective" in inputs.page()


def test_log_names_counts_alone(inputs: Inputs, caplog) -> None:
    inputs.write()
    with caplog.at_level(logging.INFO, logger="hilum"):
        inputs.page()
    assert "report: 2 cases" in caplog.text


@pytest.mark.parametrize(
    "name, words",
    [
        ("data/evaluation/gallery.json", "gallery.json"),
        ("data/evaluation/similarity_maps.npz", "similarity_maps.npz"),
        ("data/evaluation/scores.parquet", "scores"),
        ("metrics.json", "not a JSON object"),
        ("comparison.json", "not a JSON object"),
        ("explanations.json", "not a JSON object"),
        ("data/explanations/examples.json", "not a JSON object"),
        ("data/evaluation/queries.parquet", "queries"),
        ("plots/align.csv", "not a csv"),
    ],
)
def test_a_missing_or_broken_input_is_named_with_the_next_move(inputs: Inputs, name: str, words: str) -> None:
    inputs.write()
    for spoil in (lambda path: path.write_bytes(b""), Path.unlink):
        spoil(inputs.folder / name)
        with pytest.raises(BadDataError, match=words) as caught:
            inputs.page()
        assert "dvc repro" in str(caught.value)


def test_an_image_that_is_not_packed_is_named(inputs: Inputs) -> None:
    inputs.gallery["examples"][0]["answers"][0]["dicom_id"] = "f" * 8
    inputs.write()
    with pytest.raises(BadDataError, match="gallery: 1 images are not packed, first ffffffff"):
        inputs.page()
