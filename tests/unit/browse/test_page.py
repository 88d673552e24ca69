"""The offline page of a search: by study, by file and by text; whole in itself, and no report's word more than text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hilum.config import Params, read_params
from hilum.stages import search
from hilum.stages.search_page import PageOptions
from tests.unit.browse.material import HOSTILE, N_STUDIES, Kept
from tests.unit.browse.test_app import Tags

REGION = "left lower lung zone"


@pytest.fixture
def params(root: Path) -> Params:
    params = read_params(root / "params.yaml")
    return params.model_copy(update={"pack": params.pack.model_copy(update={"size_px": 48})})


def ask(kept: Kept, params: Params, out: Path, collection: str = "phantom", **asked: object) -> tuple[str, list[dict]]:
    """The page and the answers that stand beside it in the terminal."""
    page = PageOptions(out, kept.data, kept.partitions, collection, 0.5)
    words = {"study": None, "image": None, "text": None, "k": 4, "region": REGION, **asked}
    answers = search.run(
        kept.index_folder, kept.model_folder, kept.data / "regions", params, alpha=0.5, as_json=True, page=page,
        **words,  # type: ignore[arg-type]
    )  # fmt: skip
    return out.read_text(encoding="utf-8"), json.loads(answers)


def check_whole(page: str, n_cases: int) -> Tags:
    """A page that loads nothing and runs nothing, with a card a case and a box a picture."""
    tags = Tags(page)
    assert not tags.of("script") and not tags.of("link") and "default-src 'none'" in page
    assert all(str(one["src"]).startswith("data:image/png;base64,") for one in tags.of("img"))
    assert not [attributes for _, attributes in tags.found if any(name.startswith("on") for name in attributes)]
    assert page.count('class="card"') == n_cases
    assert "&lt;script&gt;document.title" in page and HOSTILE not in page
    assert all(one["alt"] is not None for one in tags.of("img"))
    return tags


def test_a_study_asks(kept: Kept, params: Params, tmp_path: Path) -> None:
    study = 50_000_000 + next(n for n, drawn in enumerate(kept.truth.values()) if drawn and drawn[0] == REGION)
    page, answers = ask(kept, params, tmp_path / "page.html", study=study)
    tags = check_whole(page, 4)
    assert len([one for one in tags.of("rect") if "class" not in one]) == 5  # the query's box and the answers'
    patient = 10_000_000 + (study - 50_000_000) // 2
    assert f"the image of study {study}" in page and patient not in {row["subject_id"] for row in answers}
    for row in answers:
        assert f"Study {row['study_id']}" in page and f"<span>{row['score']:.3f}</span>" in page
        assert f"<span>{row['whole_similarity']:.3f}</span>".replace("-", "\N{MINUS SIGN}") in page
    assert "the patient’s own left out" in page and page.count('<img class="heat"') == 5


def test_a_file_asks(kept: Kept, params: Params, tmp_path: Path) -> None:
    known = next(iter(kept.truth))
    for name, words in ((known, "which is of study 50000000"), ("abroad", "No report of it is known here")):
        image = tmp_path / f"{name}.png"
        image.write_bytes(kept.original(known).read_bytes())
        page, answers = ask(kept, params, tmp_path / "page.html", image=image)
        check_whole(page, 4)
        assert words in page and (50_000_001 in {row["study_id"] for row in answers}) <= (name == "abroad")


def test_a_text_asks(kept: Kept, params: Params, tmp_path: Path) -> None:
    text = "consolidation <script>alert(1)</script>"
    page, answers = ask(kept, params, tmp_path / "page.html", "mimic", text=text, k=N_STUDIES)
    check_whole(page, N_STUDIES)
    assert "<blockquote>consolidation &lt;script&gt;" in page and len(answers) == N_STUDIES
    assert "tag phantom" not in page and "Phantom data" not in page and "holds X-rays and report text" in page
    asked = kept.model.encode_in_region([text], [REGION])[0]
    nearest = max(answers, key=lambda row: row["region_similarity"])
    assert nearest["region_similarity"] == pytest.approx(float(max(kept.index.vectors(REGION) @ asked)), abs=1e-5)


def test_reports_answer_about_several_regions(kept: Kept, params: Params, tmp_path: Path) -> None:
    study = 50_000_000 + next(n for n, drawn in enumerate(kept.truth.values()) if drawn and drawn[0] == REGION)
    asked = {"study": study, "by": "report", "against": "report", "region": [REGION, "left lung"], "k": N_STUDIES}
    page, answers = ask(kept, params, tmp_path / "page.html", **asked)
    check_whole(page, len(answers))
    assert f"the report of study {study}" in page and f"of {N_STUDIES} reports" in page
    assert page.count("whole report") == page.count("<dt>left lung</dt>") == len(answers)
    silent = sum(similarity is None for row in answers for similarity in row["region_similarities"])
    assert silent and page.count("<span>\N{EN DASH}</span>") == silent


def test_a_long_text_is_nothing_to_look_for(kept: Kept, params: Params, tmp_path: Path) -> None:
    text = "There is consolidation in the left lower lung zone. " * 3
    page, _ = ask(kept, params, tmp_path / "page.html", text=text, k=N_STUDIES)
    assert f"where the model sees “{text[:20]}" not in page and "where the model sees “" in page
