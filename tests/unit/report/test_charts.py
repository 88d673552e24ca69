from __future__ import annotations

import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.report.charts import INKS, Dot, Series, draw_dots, draw_lines

NAN = math.nan
FALLING = Series("falling", ((1, 5.0), (2, 4.0), (4, 2.5), (9, 2.0)))
RISING = Series("rising", ((1, 0.5), (3, 1.0), (9, 3.0)))
DOTS = [Dot("mix", 0.5, 0.4, 0.75, 0.25), Dot("random", 0.25, 0.2, 0.3, 0.25), Dot("oracle", 1.0, None, NAN, None)]
MANY = [Series(f"loss {n}", ((1, 2.0 * 10**n), (9, 10.0**n))) for n in range(7)]


def svg(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup[: markup.index("</svg>") + 6])


def parts(markup: str, name: str) -> list[ElementTree.Element]:
    return [group for group in svg(markup).iter("g") if group.get("class") == name]


def path(group: ElementTree.Element) -> list[tuple[float, float]]:
    """The points of a part's path."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", group.find("path").get("d"))]
    return list(zip(numbers[::2], numbers[1::2]))


def marks(group: ElementTree.Element) -> list[tuple[float, float]]:
    return [(float(use.get("x")), float(use.get("y"))) for use in group.iter("use")]


def words(markup: str) -> dict[str, tuple[float, float]]:
    """What is written where; the first of those that say the same."""
    texts = [(t.text, (float(t.get("x")), float(t.get("y")))) for t in svg(markup).iter("text")]
    return dict(reversed(texts))


def table(markup: str) -> list[list[str]]:
    rows: list[list[str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag == "tr":
                rows.append([])
            elif tag in ("td", "th"):
                rows[-1].append("")

        def handle_data(self, data: str) -> None:
            if rows and rows[-1] and data.strip():
                rows[-1][-1] += data

    Reader().feed(markup[markup.index("<table") :])
    return rows


def scale(values: list[float], places: list[float]) -> np.poly1d:
    """The straight line from numbers to places, after a look that there is one."""
    fitted = np.poly1d(np.polyfit(values, places, 1))
    assert np.abs(fitted(values) - places).max() < 0.01
    return fitted


def test_points_are_where_the_numbers_are_and_ticks_say_so() -> None:
    markup = draw_lines("t", "d", "epoch", [FALLING, RISING])
    lines = parts(markup, "line")
    drawn = [point for line in lines for point in path(line)]
    assert [marks(line) for line in lines] == [path(line) for line in lines]
    known = [*FALLING.points, *RISING.points]
    assert len(drawn) == len(known)
    across = scale([x for x, _ in known], [x for x, _ in drawn])
    down = scale([y for _, y in known], [y for _, y in drawn])
    assert across[1] > 0 > down[1]
    width, height = (float(n) for n in svg(markup).get("viewBox").split()[2:])
    assert all(0 < x < width and 0 < y < height for x, y in drawn)
    written = words(markup)
    assert written["8"][0] == pytest.approx(across(8), abs=0.1)
    assert written["3"][1] - written["1"][1] == pytest.approx(down(3) - down(1), abs=0.1)
    assert {"falling", "rising", "epoch"} <= set(written)


def test_what_is_no_number_is_left_out_and_nothing_is_no_chart() -> None:
    markup = draw_lines("t", "d", "epoch", [Series("a", ((1, NAN), (2, 1.0), (3, 4.0))), Series("b", ((1, NAN),))])
    (line,) = parts(markup, "line")
    assert len(path(line)) == 2 and "b" not in words(markup)
    assert draw_lines("t", "d", "x", [Series("b", ((1, NAN), (2, math.inf)))]) == ""
    assert draw_lines("t", "d", "x", []) == draw_dots("t", "d", "x", []) == ""


def test_a_gap_of_one_line_is_a_dash_among_the_numbers() -> None:
    assert table(draw_lines("t", "d", "epoch", [FALLING, RISING])) == [
        ["epoch", "falling", "rising"],
        ["1", "5.000", "0.500"],
        ["2", "4.000", "–"],
        ["3", "–", "1.000"],
        ["4", "2.500", "–"],
        ["9", "2.000", "3.000"],
    ]


def test_more_lines_than_colours_have_each_a_panel_with_its_name_and_its_own_scale() -> None:
    markup = draw_lines("t", "d", "epoch", MANY)
    lines, written = parts(markup, "line"), words(markup)
    assert len(lines) == len(MANY)
    for line, one in zip(lines, MANY):
        (left, above), (right, below) = path(line)
        assert left < right and below - above > 15  # each falls by half of its own scale
        assert written[one.name][1] < above and written[one.name][0] - 15 < left
    assert len({path(line)[0] for line in lines}) == len(MANY)  # no panel lies over another
    assert [row[0] for row in table(markup)] == ["epoch", "1", "9"] and len(table(markup)[0]) == 1 + len(MANY)


def test_few_lines_share_a_picture_and_each_has_its_colour_and_its_mark() -> None:
    lines = parts(draw_lines("t", "d", "x", [Series(f"{n}", ((1, 0.0), (2, n))) for n in range(4)]), "line")
    assert len({re.search(r"var\(--[\w-]+\)", line.find("path").get("style"))[0] for line in lines}) == 4
    assert len({next(line.iter("use")).get("href") for line in lines}) == 4


def test_a_score_chart_begins_at_zero() -> None:
    series = [Series("a", ((1, 0.61), (2, 0.63)))]
    assert "0.0" in words(draw_lines("t", "d", "x", series, from_zero=True))
    assert "0.0" not in words(draw_lines("t", "d", "x", series))


def test_ticks_of_whole_numbers_are_whole() -> None:
    assert "1.2" not in words(draw_lines("t", "d", "epoch", [Series("a", ((1, 10.0), (2, 20.0)))]))
    assert "1.2" in words(draw_lines("t", "d", "alpha", [Series("a", ((1, 10.0), (1.25, 12.0), (2, 20.0)))]))


def test_a_dot_its_interval_and_chance_are_where_the_numbers_are() -> None:
    markup = draw_dots("t", "d", "score", DOTS)
    dots = [marks(group)[0] for group in parts(markup, "dot")]
    (chance, row), _ = (marks(group)[0] for group in parts(markup, "chance"))
    intervals = [path(group) for group in parts(markup, "interval")]
    assert (len(dots), len(intervals)) == (3, 2)  # a bound that is missing is no interval
    places = [dots[0][0], intervals[0][0][0], intervals[0][1][0], chance, dots[2][0]]
    across = scale([0.5, 0.4, 0.75, 0.25, 1.0], places)
    written = words(markup)
    assert written["0.75"][0] == pytest.approx(across(0.75), abs=0.1)
    assert dots[0][1] == row == intervals[0][0][1] < dots[1][1] < dots[2][1]
    assert all(abs(written[dot.name][1] - y) < 6 for dot, (_, y) in zip(DOTS, dots))
    assert table(markup)[1] == ["mix", "0.500", "0.400", "0.750", "0.250"]
    assert table(markup)[3] == ["oracle", "1.000", "–", "–", "–"]


def test_what_no_dot_has_is_neither_in_the_legend_nor_in_the_table() -> None:
    bare = draw_dots("t", "d", "score", [Dot("bare", 0.5, None, None, None)])
    assert not {"chance", "95 % interval"} & set(words(bare))
    assert table(bare) == [["", "value"], ["bare", "0.500"]]


def test_colours_fonts_and_rules_are_the_page_s() -> None:
    for markup in (
        draw_lines("t", "d", "x", [FALLING]),
        draw_lines("t", "d", "x", MANY),
        draw_dots("t", "d", "x", DOTS),
    ):
        assert set(re.findall(r"(?:fill|stroke): ([^;\"]*)", markup)) <= {"none", *INKS.values()}
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb|font-family|font:|DejaVu|<style|<!|<\?|xmlns|<metadata", markup)
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", markup)]
        assert min(sizes) >= 12 and len(sizes) == markup.count("<text ")


def test_every_chart_has_a_name_and_a_description() -> None:
    for markup in (draw_lines("T", "D", "x", [FALLING]), draw_dots("T", "D", "x", DOTS)):
        drawn = svg(markup)
        assert (drawn.get("role"), drawn.get("aria-label")) == ("img", "T. D")
        assert [(child.tag, child.text) for child in drawn][:2] == [("title", "T"), ("desc", "D")]


def test_names_are_shown_as_they_are() -> None:
    names = ["<b>bold</b>", "a & b", "$x^2$", "_hidden", "'\"--"]
    for markup in (
        draw_lines("<b>", "<b>", "<b>", [Series(name, ((1, 1.0), (2, 2.0))) for name in names[:4]]),
        draw_dots("<b>", "<b>", "<b>", [Dot(name, 0.5, None, None, None) for name in names]),
    ):
        assert "<b>" not in markup and "&amp;amp;" not in markup and "&amp;lt;" not in markup
        assert {"<b>", *names[:4]} <= set(words(markup))


def test_a_long_name_leaves_room_for_the_dots() -> None:
    markup = draw_dots("t", "d", "x", [Dot("everything that can be said of it " * 3, 0.5, 0.1, 0.9, None)])
    ((low, _), (high, _)) = path(parts(markup, "interval")[0])
    assert high - low > 100


def test_ids_are_unique_over_charts_and_lead_somewhere() -> None:
    drawn = [
        draw_lines("t", "d", "x", [FALLING]),
        draw_lines("t", "d", "x", [RISING]),
        draw_lines("t", "d", "x", MANY),
        draw_dots("t", "d", "x", DOTS),
        draw_dots("t", "d", "x", DOTS[:2]),
    ]
    ids = [name for markup in drawn for name in re.findall(r'\bid="([^"]*)"', markup)]
    assert ids and len(ids) == len(set(ids))
    for markup in drawn:
        assert set(re.findall(r'href="#([^"]*)"', markup)) <= set(re.findall(r'\bid="([^"]*)"', markup))
        assert "url(" not in markup


PROGRAM = """
import sys
import hilum.report.results
assert "matplotlib" not in sys.modules
from hilum.report.charts import Dot, Series, draw_dots, draw_lines
import matplotlib
matplotlib.rcParams.update({"text.color": "red", "font.size": 30, "svg.fonttype": "path", "axes.grid": True})
sys.stdout.write(draw_lines("t", "d", "x", [Series("a", ((1, 0.5), (2, 1.0)))]))
sys.stdout.write(draw_dots("t", "d", "x", [Dot("a", 0.5, 0.4, 0.75, 0.25)]))
assert matplotlib.rcParams["font.size"] == 30
"""


def test_the_same_bytes_in_another_process_whatever_the_user_has_set() -> None:
    other = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    here = draw_lines("t", "d", "x", [Series("a", ((1, 0.5), (2, 1.0)))])
    assert other.stdout == here + draw_dots("t", "d", "x", [Dot("a", 0.5, 0.4, 0.75, 0.25)])


numbers = st.floats(-1e6, 1e6)


@settings(max_examples=8, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=4), st.booleans(), st.sampled_from([1, 5]))
def test_any_numbers_stay_in_the_picture_in_their_order(ys: list[float], from_zero: bool, n: int) -> None:
    points = tuple((float(x), y) for x, y in enumerate(ys))
    markup = draw_lines("t", "d", "x", [Series(f"s {i}", points) for i in range(n)], from_zero)
    width, height = (float(size) for size in svg(markup).get("viewBox").split()[2:])
    for line in parts(markup, "line"):
        drawn = path(line)
        assert len(drawn) == len(ys)
        assert all(-1 <= x <= width + 1 and -1 <= y <= height + 1 for x, y in drawn)
        assert all((y2 - y1) * (b - a) <= 1e-3 for (_, y1), (_, y2), a, b in zip(drawn, drawn[1:], ys, ys[1:]))
