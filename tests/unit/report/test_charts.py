from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum.report.charts import HEIGHT, WIDTH, Dot, Series, draw_dots, draw_lines, nice_ticks

NAN = math.nan
numbers = st.floats(-1e6, 1e6)


def points(markup: str) -> list[list[float]]:
    return [[float(v) for v in re.split(r"[ ,]+", row.strip())] for row in re.findall(r'points="([^"]*)"', markup)]


def test_lines_keep_their_points_in_order_and_inside_the_picture() -> None:
    markup = draw_lines("t", "d", "epoch", [Series("a", ((1, 0.5), (2, 1.0), (3, 0.0)))])
    x, y = points(markup)[0][::2], points(markup)[0][1::2]
    assert x == sorted(x) and len(x) == 3
    assert y[1] < y[0] < y[2]  # up is less
    assert all(0 < value < WIDTH for value in x) and all(0 < value < HEIGHT for value in y)


def test_points_that_are_no_numbers_are_left_out_and_nothing_is_no_chart() -> None:
    markup = draw_lines("t", "d", "epoch", [Series("a", ((1, NAN), (2, 1.0))), Series("b", ((1, NAN),))])
    assert len(points(markup)) == 1 and len(points(markup)[0]) == 2
    assert draw_lines("t", "d", "x", [Series("b", ((1, NAN),))]) == ""
    assert draw_lines("t", "d", "x", []) == ""
    assert draw_dots("t", "d", "x", []) == ""


@pytest.mark.parametrize("n", [5, 10, 13])
def test_more_lines_than_colours_have_each_a_panel_with_its_name_and_its_own_scale(n: int) -> None:
    markup = draw_lines("t", "d", "epoch", [Series(f"loss {i}", ((1, 2.0 * 10**i), (9, 10.0**i))) for i in range(n)])
    assert len(points(markup)) == n and 'class="legend"' not in markup
    assert re.findall(r'class="panel"[^>]*>([^<]*)<', markup) == [f"loss {i}" for i in range(n)]
    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', markup)[1])
    boxes = set()
    for line in points(markup):
        (x, above), (right, below) = line[:2], line[2:]
        assert 0 < x < right < WIDTH and 0 < above < below < height and below - above > 20
        boxes.add((x, above // 128))
    assert len(boxes) == n  # no panel lies over another


def test_few_lines_share_a_picture_and_each_has_its_colour() -> None:
    markup = draw_lines("t", "d", "epoch", [Series(f"{i}", ((1, 0.0), (2, i))) for i in range(4)])
    assert len(set(re.findall(r'class="line (c\d)"', markup))) == 4 and 'class="panel"' not in markup


def test_a_score_chart_begins_at_zero() -> None:
    series = [Series("a", ((1, 0.61), (2, 0.63)))]
    assert ">0.0<" in draw_lines("t", "d", "x", series, from_zero=True)
    assert ">0.0<" not in draw_lines("t", "d", "x", series)


def test_ticks_are_written_with_the_decimals_they_need() -> None:
    markup = draw_lines("t", "d", "x", [Series("a", ((1, 0.0), (2, 0.11)))])
    assert ">0.025<" in markup and ">0.100<" in markup


def test_names_are_escaped_once() -> None:
    markup = draw_lines("<b>", "d", "x", [Series("a & b", ((1, 1.0),))])
    assert "&lt;b&gt;" in markup and "<b>" not in markup and "a &amp; b" in markup and "&amp;amp;" not in markup


def test_a_dot_has_its_interval_and_chance_where_there_are_any() -> None:
    markup = draw_dots("t", "d", "x", [Dot("whole", 0.5, 0.4, 0.6, 0.25), Dot("bare", 0.5, None, NAN, None)])
    assert markup.count('class="dot"') == 2
    assert markup.count('class="interval"') == markup.count('class="chance"') == 1
    low, dot, high = (
        float(re.search(p, markup)[1])
        for p in (r'interval" x1="([\d.]+)', r'cx="([\d.]+)', r'x2="([\d.]+)" y1="\d+" y2="\d+"/>\n<circle')
    )
    assert low < dot < high


@pytest.mark.parametrize(
    "low, high, ticks",
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (1.4, 2.5, [1.25, 1.5, 1.75, 2.0, 2.25, 2.5]),
        (0, 99, [0, 20, 40, 60, 80, 100]),
        (-0.3, 0.2, [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(ticks)


@given(numbers, numbers)
def test_ticks_hold_both_ends_and_are_few(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    ticks = nice_ticks(low, high)
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    assert 2 <= len(ticks) <= 12
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    assert ticks == sorted(set(ticks))


def test_ticks_between_points_that_are_not_whole_are_round() -> None:
    points = tuple((n / 4, 0.5) for n in range(5))
    drawn = draw_lines("t", "d", "alpha", [Series("one", points)])
    assert all(f">{words}</text>" in drawn for words in ("0.25", "0.5", "0.75"))
    assert ">1.5</text>" not in draw_lines("t", "d", "epoch", [Series("one", ((1, 0.5), (2, 0.6)))], from_zero=True)
