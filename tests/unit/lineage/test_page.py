"""The page of an audit: it loads nothing, escapes everything, says what is broken in words, and stays small."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from hilum.lineage.diagram import BOX, TALL, group_hops, lay_out, touches
from hilum.lineage.page import judge, list_unverified, render_page, write_number

ODD = '<script>alert("x")</script>&'
CASES: dict[str, Any] = {"why_not": "it is a count", "beside": {}, "show_text": False}
VOID = {"meta", "br", "input", "link", "img"}


def read(path: str, *made_by: str) -> dict[str, Any]:
    return {"path": path, "md5": "a" * 32, "size": 10, "made_by": made_by, "code": path.startswith("src/")}


def hop(stage: str, reads: list[dict[str, Any]], *outs: str, command: str | None = "hilum x") -> dict[str, Any]:
    writes = [{"path": out, "md5": "b" * 32, "size": 5000, "files": 1, "rows": 1234, "git": False, "here": True}
              for out in outs]  # fmt: skip
    return {"stage": stage, "command": command, "params": {stage.partition("@")[0]: {"seed": 3, "odd": ODD}},
            "reads": reads, "writes": writes}  # fmt: skip


def account(n: int = 2, broken: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """A line of n partitions: listing -> ingest -> label -> evaluate, and train beside it."""
    parts = [f"L0001-p{i}" for i in range(n)]
    hops = [
        hop("evaluate", [read("data/labels", *(f"label@{p}" for p in parts)), read("data/model", "train"),
                         read("src/hilum/evaluation")], "reports/metrics.json"),
        hop("train", [read("data/labels", *(f"label@{p}" for p in parts))], "data/model"),
        *(hop(f"label@{p}", [read(f"data/texts/{p}", f"ingest@{p}")], f"data/labels/{p}") for p in parts),
        *(hop(f"ingest@{p}", [read("data/raw/L0001/listing", "data/raw/L0001/listing.dvc")], f"data/texts/{p}")
          for p in parts),
        hop("data/raw/L0001/listing.dvc", [], "data/raw/L0001/listing", command=None),
    ]  # fmt: skip
    check = {"level": "lock", "n": 42, "bytes": 1000, "seconds": 0.1, "broken": broken or []}
    return {
        "figure": "reports/metrics.json:retrieval.x.located_at_10", "value": 0.5,
        "state": {"of": "the working tree", "commit": "c" * 40, "changed": [ODD]},
        "recomputed": {"n": 1, "n_equal": 1, "unequal": {}, "from": ["data/evaluation"]}, "hops": hops,
        "source": [{"landing": "L0001", "files": 10, "bytes": 100, "reports": 5, "images": 5, "listed_by_source": 8,
                    "agreeing": 8}],
        "environment": {"python": "3.11.0", "system": "linux", "packages": {"numpy": "1.26"}}, "checks": [check],
        **more,
    }  # fmt: skip


def link(where: str, missing: bool = False) -> dict[str, Any]:
    return {"where": where, "expected": "b" * 32, "found": ODD, "missing": missing}


class Reader(HTMLParser):
    """What a page holds: tags with attributes, headings in order, ids, and whether details are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open[tag] += tag not in VOID

    def handle_endtag(self, tag: str) -> None:
        self.open[tag] -= 1

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.tags if tag in names]


def test_the_page_loads_nothing_and_runs_one_script() -> None:
    text = render_page(account(), CASES)
    page = Reader(text)
    links = [value for attrs in page.all("a") for key, value in attrs.items() if key == "href"]
    assert links and all(str(value).startswith("#") for value in links)
    assert not [attrs for _, attrs in page.tags if "src" in attrs or "onclick" in attrs]
    assert not page.all("link", "img", "iframe", "object") and "url(http" not in text and "@import" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs]
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_everything_is_escaped() -> None:
    odd = account(broken=[link(f"data/model{ODD}")], statement={"key": ODD}, ledger=[{"how": ODD}] * 5)
    odd["figure"], odd["environment"]["packages"][ODD] = f"reports/metrics.json:{ODD}", ODD
    text = render_page(odd, {**CASES, "why_not": ODD})
    assert "alert(" in text and ODD not in text
    assert len(Reader(text).all("script")) == 1


def test_links_lead_somewhere_and_tables_have_heads() -> None:
    page = Reader(render_page(account(broken=[link("data/model")]), CASES))
    ids = [str(attrs["id"]) for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {str(attrs["href"])[1:] for attrs in page.all("a")} <= set(ids)
    assert all("scope" in attrs for attrs in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if tag in ("h1", "h2", "h3")]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    assert {tag: n for tag, n in page.open.items() if n and tag not in ("td", "th", "dt", "dd", "tr")} == {}


def test_a_verdict_is_given_in_words() -> None:
    assert judge(account(), CASES)["word"] == "Whole"
    broken = judge(account(broken=[link("data/model"), link("x", missing=True)]), CASES)
    assert (broken["word"], broken["n"]) == ("Broken", 1)
    assert judge(account(broken=[link("x", missing=True)]), CASES)["word"] == "Not all here"
    assert judge(account(checks=[]), CASES)["word"] == "Not checked"
    assert judge(account(), {**CASES, "disagreements": ["query q"]})["rows"] == ["query q"]
    unequal = {"n": 1, "n_equal": 0, "from": [], "unequal": {"m:x": {"recorded": 1, "recomputed": 2}}}
    assert judge(account(recomputed=unequal), CASES)["rows"] == ["m:x: recorded 1, recomputed 2"]
    text = render_page(account(broken=[link("data/model")]), CASES)
    assert "1 link does not hold" in text and "1 BROKEN" in text
    assert "Every link that was checked holds" in render_page(account(), CASES)


def test_what_was_not_verified_is_said() -> None:
    said = " ".join(list_unverified(account(), CASES))
    for words in (
        "--verify cache",
        "--verify source",
        "names 2 of the 10 files of L0001",
        "it is a count",
        "1 files",
        "signed",
    ):
        assert words in said, words
    levels = [{"level": name, "n": 1, "bytes": 1, "seconds": 1, "broken": []} for name in ("lock", "cache", "source")]
    said = " ".join(list_unverified(account(checks=levels, statement={"key": 1}), {"n": 1}))
    assert "--verify cache" not in said and "signed" not in said


@pytest.mark.parametrize("n", [1, 4, 50])
def test_the_picture_stays_readable_with_many_partitions(n: int) -> None:
    groups = group_hops(account(n)["hops"], [])
    assert [(g.name, len(g.hops)) for g in groups] == [
        ("evaluate", 1), ("train", 1), ("label", n), ("ingest", n), ("landed", 1)
    ]  # fmt: skip
    picture = lay_out(groups)
    assert picture["width"] < 700 and [g.row for g in groups] == [0, 1, 2, 3, 4]
    assert len(picture["arrows"]) == 4  # evaluate -> label is implied by evaluate -> train -> label
    spots = [(g.x, g.y) for g in groups]
    for i, (x, y) in enumerate(spots):
        assert BOX / 2 <= x <= picture["width"] - BOX / 2
        assert all(abs(x - x2) >= BOX or abs(y - y2) >= TALL for x2, y2 in spots[i + 1 :])
    assert len(render_page(account(n), CASES).encode()) < 500_000


def test_a_broken_link_marks_its_stage() -> None:
    hops = {row["stage"]: row for row in account()["hops"]}
    for where, stages in {
        "data/labels, read by train": {"train"},
        "reports/metrics.json, written by evaluate": {"evaluate"},
        "dvc.lock: label@L0001-p1, command": {"label@L0001-p1"},
        "dvc.lock: train, params.yaml:train": {"train"},
        "dvc.lock: train": {"train"},
        "data/model in the cache (files/md5/bb/b)": {"train"},
        "data/labels/L0001-p0": {"label@L0001-p0"},
        "elsewhere": set(),
    }.items():
        assert {name for name, row in hops.items() if touches(row, where)} == stages, where
    groups = group_hops(list(hops.values()), [link("data/model"), link("data/labels/L0001-p0", missing=True)])
    marked = {g.name: (len(g.broken), len(g.absent)) for g in groups if g.broken or g.absent}
    assert marked == {"train": (1, 0), "label": (0, 1)}


def test_all_figures_make_a_page() -> None:
    text = render_page(account(value={"a.b": 1, "c": -0.25}, figure="reports/metrics.json"), CASES)
    assert "All 2 figures" in text and "−0.250000" in text
    assert (write_number(None), write_number(1234), write_number(-0.5, 2)) == ("–", "1,234", "−0.50")
