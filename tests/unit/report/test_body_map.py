from __future__ import annotations

import re

import pandas as pd

from hilum.report.body_map import draw_bodies

REGIONS = {
    "right lung": (-1.0, 0.0, -0.1, 1.0),
    "right lower lung zone": (-1.0, 0.0, -0.1, 0.99),  # nearly the whole lung: its figure has no room inside
    "trachea": (-0.1, -0.2, 0.1, 0.3),
}


def cell(finding: str, region: str, located: float, *, locatable: bool = True, score: str = "mix") -> dict:
    return {"finding": finding, "region": region, "score": score, "locatable": locatable, "located_at_10": located,
            "chance_located": 0.4, "precision_at_10": 0.5, "chance_precision": 0.05, "n_queries": 3}  # fmt: skip


def test_the_mean_comes_first_and_is_over_the_cells_that_count() -> None:
    cells = [cell("b", "right lung", 0.9), cell("a", "right lung", 0.5), cell("c", "right lung", 0.0, locatable=False)]
    bodies = draw_bodies(pd.DataFrame([*cells, cell("a", "right lung", 0.1, score="global")]), REGIONS)
    assert [body.name for body in bodies] == ["mean of all findings", "a", "b", "c"]
    assert "right lung: 0.70, chance 0.40, 6 queries" in bodies[0].pictures[0]
    assert "right lung: too few to tell" in bodies[3].pictures[0] and "unknown" in bodies[3].pictures[0]
    assert "right lung: 0.50" in bodies[3].pictures[1]  # P@10 needs no other place


def test_a_region_lies_where_the_atlas_has_it_and_is_as_full_as_its_figure() -> None:
    (_, body) = draw_bodies(pd.DataFrame([cell("a", "trachea", 0.914)]), REGIONS)
    assert 'style="--v:91%"' in body.pictures[0]
    assert '<rect x="-10.0" y="-36.0" width="20.0" height="90.0"' in body.pictures[0]


def test_a_figure_without_room_stands_on_its_own_side_with_a_line() -> None:
    cells = pd.DataFrame([cell("a", "right lung", 0.25), cell("a", "right lower lung zone", 0.75)])
    picture = draw_bodies(cells, REGIONS)[1].pictures[0]
    (callout,) = re.findall(r'<g class="callout".*?</g>', picture)
    assert "0.25" in callout and 'd="M-100.0 90.0H-121.0"' in picture
    assert re.search(r'<text class="value strong"[^>]*>0.75', picture)


def test_names_are_text_and_unknown_regions_are_left_out() -> None:
    cells = pd.DataFrame([cell("<script>", "right lung", 0.5), cell("a", "tail", 0.5)])
    bodies = draw_bodies(cells, REGIONS)
    assert [body.name for body in bodies] == ["mean of all findings", "<script>"]
    assert all("<script" not in picture for body in bodies for picture in body.pictures)
    assert draw_bodies(cells.iloc[:0], REGIONS) == []
