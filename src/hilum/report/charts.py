"""Charts as inline SVG, drawn by matplotlib: lines, together or each in a panel of its own, and dots with intervals.

In: plain numbers. Out: markup that takes font and colours from the page's style sheet, so that it reads in light, in
dark and on paper: matplotlib draws with stand-ins for them, which are replaced. Every chart has a title and a
description for those who do not see it, and its numbers behind one click. Text is laid out for a wide font, so it may
stand a little loose in another.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import Markup

from hilum.report.page import render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 380, 230  # about a phone's width, so that 12 px of text are hardly less there
ROW_HEIGHT, NAME_WIDTH = 26, 20  # NAME_WIDTH: characters in a line
PANELS_A_ROW, PANEL_HEIGHT = 3, 108
INKS = {
    "#000001": "var(--ink)",
    "#000002": "var(--soft)",
    "#000003": "var(--line)",
    "#000004": "var(--accent)",
    "#000005": "var(--accent-2)",
    "#000006": "var(--accent-3)",
    "#000007": "var(--accent-4)",
}
"""What matplotlib draws with, and what the page says instead. Not #000000: matplotlib leaves that colour out."""
INK, SOFT, LINE, *ACCENTS = INKS
MARKERS = "os^D"
STEPS = (1, 2, 2.5, 5, 10)  # between ticks, times a power of ten
PARTS = frozenset(("line", "dot", "interval", "chance"))  # what is drawn of the numbers, as classes of the markup
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so the layout is the same everywhere
    "font.size": 12,
    "text.parse_math": False,
    "text.color": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": SOFT,
    "axes.spines.left": False,
    "axes.spines.bottom": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.bottom": False,
    "ytick.left": False,
    "grid.color": LINE,
    "grid.linewidth": 1,
    "legend.frameon": False,
    "legend.borderaxespad": 0,
    "figure.constrained_layout.h_pad": 0.06,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.2,
    "legend.handletextpad": 0.5,
    "path.simplify": False,
    "svg.fonttype": "none",
}


@dataclass(frozen=True)
class Series:
    """One line: its name and its points, from left to right. Points that are not numbers are left out."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Dot:
    """One value with its 95 % interval and what chance would get; all but the value may be missing."""

    name: str
    value: float
    low: float | None
    high: float | None
    chance: float | None


def draw_lines(title: str, description: str, x_label: str, series: Sequence[Series], from_zero: bool = False) -> Markup:
    """A line chart, or a panel a series where one picture has no colours for them; empty when no series has a point.

    from_zero: the upright axis begins at 0 at the latest; in panels it always does.
    """
    kept = [Series(s.name, tuple(p for p in s.points if all(map(math.isfinite, p)))) for s in series]
    kept = [s for s in kept if s.points]
    if not kept:
        return Markup("")
    in_panels = len(kept) > len(ACCENTS)
    n_rows = -(-len(kept) // PANELS_A_ROW)
    with _style(f"{title} {kept}"):
        figure = _new_figure(n_rows * PANEL_HEIGHT + 20 if in_panels else HEIGHT)
        if in_panels:
            axes = figure.subplots(n_rows, PANELS_A_ROW, squeeze=False).flatten().tolist()
            for ax, one in zip(axes, kept):
                ax.set_title(one.name)
                _plot_lines(ax, [one], n_ticks=4, from_zero=True)
            for ax in axes[len(kept) :]:
                ax.set_axis_off()
            figure.supxlabel(x_label, x=1, ha="right", size=12, color=SOFT)
        else:
            ax = figure.subplots()
            _plot_lines(ax, kept, n_ticks=6, from_zero=from_zero)
            ax.set_xlabel(x_label, loc="right")
            legend = figure.legend(ax.lines, ["line"] * len(kept), loc="outside upper left", ncols=2)
            for text, one in zip(legend.get_texts(), kept):  # as a label, a name that begins with _ is left out
                text.set_text(one.name)
        xs = sorted({x for s in kept for x, _ in s.points})
        values = [dict(s.points) for s in kept]
        table = [(f"{x:g}", [line.get(x) for line in values]) for x in xs]
        return _show(figure, title, description, x_label, [s.name for s in kept], table)


def draw_dots(title: str, description: str, x_label: str, dots: Sequence[Dot]) -> Markup:
    """Rows of a dot, its interval and a tick for chance, on one axis from 0 to 1; empty without dots."""
    if not dots:
        return Markup("")
    names = [textwrap.fill(dot.name, NAME_WIDTH) for dot in dots]
    row_height = max(ROW_HEIGHT, *(16 * (name.count("\n") + 1) for name in names))
    with _style(f"{title} {list(dots)}"):
        figure = _new_figure(row_height * len(dots) + 70)
        ax = figure.subplots()
        for row, dot in enumerate(dots):
            _plot_dot(ax, row, dot)
        ax.set_xlim(-0.02, 1.02)
        ax.set_ylim(len(dots) - 0.5, -0.5)
        ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
        ax.set_yticks(range(len(dots)), names, color=INK)
        ax.grid(axis="x", clip_on=False)
        ax.set_xlabel(x_label, loc="right")
        named = {str(line.get_label()): line for line in reversed(ax.lines)}
        figure.legend(list(named.values()), list(named), loc="outside upper left", ncols=3)
        table = [(dot.name, [dot.value, dot.low, dot.high, dot.chance]) for dot in dots]
        return _show(figure, title, description, "", ["value", "95 % from", "to", "chance"], table)


def _plot_lines(ax: Axes, series: Sequence[Series], n_ticks: int, from_zero: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    for one, ink, marker in zip(series, ACCENTS, MARKERS):
        xs, ys = zip(*one.points)
        size = 3.0 if len(xs) > 1 and n_ticks < 6 else 5.0
        (line,) = ax.plot(xs, ys, color=ink, marker=marker, markersize=size, linewidth=1.8, clip_on=False, gid="line")
        if from_zero:
            line.sticky_edges.y.append(0.0)
            ax.update_datalim([(xs[0], 0.0)])
    ax.autoscale_view()
    whole = all(x == round(x) for one in series for x, _ in one.points)
    ax.xaxis.set_major_locator(MaxNLocator(n_ticks, steps=STEPS, integer=whole, min_n_ticks=1))
    ax.yaxis.set_major_locator(MaxNLocator(n_ticks, steps=STEPS))
    ax.grid(axis="y", clip_on=False)


def _plot_dot(ax: Axes, row: int, dot: Dot) -> None:
    def across(*values: float | None) -> list[float]:
        """The values within 0 and 1; none when one is missing."""
        known = [min(max(value, 0.0), 1.0) for value in values if value is not None and math.isfinite(value)]
        return known if len(known) == len(values) else []

    if ends := across(dot.low, dot.high):
        ax.plot(ends, [row, row], color=ACCENTS[0], alpha=0.55, linewidth=2.5, solid_capstyle="round", clip_on=False,
                gid="interval", label="95 % interval")  # fmt: skip
    if chance := across(dot.chance):
        ax.plot(chance, [row], "|", color=ACCENTS[1], markersize=16, markeredgewidth=2.5, clip_on=False, gid="chance",
                label="chance")  # fmt: skip
    if value := across(dot.value):
        ax.plot(value, [row], "o", color=ACCENTS[0], markersize=8, clip_on=False, gid="dot", label="value")


def _style(salt: str) -> AbstractContextManager[None]:
    """Our settings and matplotlib's own, whatever the user's are. salt: what ids are made from, another a chart."""
    from matplotlib import style  # half a second, which only those wait for who draw

    return style.context([{**STYLE, "svg.hashsalt": salt}], after_reset=True)


def _new_figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure((WIDTH / 72, height / 72), layout="constrained")  # a unit of the SVG is 1/72 inch


def _show(
    figure: Figure,
    title: str,
    description: str,
    x_label: str,
    columns: Sequence[str],
    table: Sequence[tuple[str, Sequence[float | None]]],
) -> Markup:
    file = StringIO()
    without = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=without)
    svg = ElementTree.fromstring(file.getvalue())
    shown = [n for n in range(len(columns)) if any(values[n] is not None for _, values in table)]
    values = {
        "title": title,
        "description": description,
        "box": svg.get("viewBox"),
        "drawing": _inline(svg),
        "x_label": x_label,
        "columns": [columns[n] for n in shown],
        "rows": [(name, [values[n] for n in shown]) for name, values in table],
    }
    return Markup(render("chart.html", values))


def _inline(svg: ElementTree.Element) -> Markup:
    """What matplotlib drew, as a part of the page: no style rules, fonts and colours of its own, ids only for marks."""
    for element in svg.iter():
        element.tag = element.tag.rpartition("}")[2]
        if element.tag != "text":
            element.text = None
        element.tail = None
        attributes = {name.rpartition("}")[2]: " ".join(value.split()) for name, value in element.attrib.items()}
        name = attributes.pop("id", "")
        if element.tag == "path" and name:
            attributes["id"] = name
        elif name in PARTS:
            attributes["class"] = name
        if attributes.get("transform", "").startswith("rotate(-0 "):
            del attributes["transform"]
        if look := attributes.get("style"):
            look = re.sub(r"font-family: [^;]*;? ?", "", look)
            attributes["style"] = re.sub("#[0-9a-f]{6}", lambda found: INKS[found[0]], look)
        element.attrib = attributes
    return Markup("".join(ElementTree.tostring(part, "unicode") for part in svg if part.tag != "defs"))
