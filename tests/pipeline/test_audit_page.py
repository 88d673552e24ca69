"""`hilum audit --page` on a line that has run: it opens down to the raw report, and tells no word of it unasked."""

from __future__ import annotations

import html
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from hilum.vocabulary import FINDINGS, REGIONS
from tests.pipeline.conftest import Checkout

METRIC = "retrieval.rra_vl.precision_at_5"
FIGURES = [METRIC, "labels.micro_f1", "grounding.rra_vl.pointing_game"]
WITH_TEXT = f"{METRIC} --show-text"


@pytest.fixture(scope="module")
def pages(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What was asked for -> its page; two commands at a time."""
    folder = tmp_path_factory.mktemp("pages")

    def write(asked: str) -> str:
        path = folder / f"{asked}.html"
        done = line.run("hilum", "audit", *asked.split(), "--page", str(path), check=False)
        assert ("shows report text" in done.stdout) == (asked == WITH_TEXT)
        assert done.returncode == 0, done.stdout
        return path.read_text(encoding="utf-8")

    every = [*FIGURES, WITH_TEXT, "--all"]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(every, pool.map(write, every)))


def sentences(line: Checkout) -> set[str]:
    """Every line and sentence of a report that is long enough to be known by, and is no name of the vocabulary."""
    names, found = " ".join([*REGIONS, *FINDINGS]), set()
    for path in (line.folder / "data/texts").glob("*.parquet"):
        for text in pd.read_parquet(path)["text"]:
            found |= {part.strip() for part in re.split(r"[\n.:]", text)}
    return {part for part in found if len(part) > 15 and part not in names}


@pytest.mark.parametrize("metric", FIGURES)
def test_the_page_opens_and_tells_no_words(line: Checkout, pages: dict[str, str], metric: str) -> None:
    text = pages[metric]
    value = json.loads((line.folder / "reports/metrics.json").read_text())
    for key in metric.split("."):
        value = value[key]
    assert f"{value:.6f}" in text and len(text.encode()) < 2_000_000
    assert " 0 that do not fit" in text and "not opened" not in text
    for link in re.findall(r"href=[\"']?#([^\"'> ]+)", text):
        assert re.search(rf"id=[\"']?{re.escape(link)}[\"'> ]", text), link
    plain = html.unescape(text)
    assert len(known := sentences(line)) > 100
    assert [words for words in known if words in plain] == []
    assert "shows report text" not in text


def test_with_show_text_the_words_are_those_of_the_raw_file(line: Checkout, pages: dict[str, str]) -> None:
    text = pages[WITH_TEXT]
    assert "<title>hilum audit, shows report text" in text
    assert any(words in html.unescape(text) for words in sentences(line))  # so the test above would see one
    n = 0
    for block in text[text.index('id="studies"') :].split("<details class=study")[1:]:
        path = re.search(r"<code>(\S+?\.txt)</code>", block)
        assert path is not None
        raw = (line.folder / path[1]).read_bytes().decode("utf-8")
        spans = r"\((\d+)–(\d+)\), characters (\d+)–(\d+): <q>(.*?)<mark>(.*?)</mark>(.*?)</q>"
        for start, end, first, last, before, mention, after in re.findall(spans, block, re.S):
            assert raw[int(first) : int(last)] == html.unescape(mention)
            assert raw[int(start) : int(end)] == html.unescape(before + mention + after)
            n += 1
    assert n > 20


def test_a_broken_link_is_on_the_page(line: Checkout, tmp_path: Path) -> None:
    table, page = line.folder / "data/evaluation/queries.parquet", tmp_path / "audit.html"
    held, side = table.read_bytes(), tmp_path / "side"
    changed = bytearray(held)
    changed[len(held) // 2] ^= 1
    try:
        side.write_bytes(changed)
        os.replace(side, table)
        done = line.run("hilum", "audit", METRIC, "--verify", "cache", "--page", str(page), check=False)
    finally:
        side.write_bytes(held)
        os.replace(side, table)
    text = page.read_text(encoding="utf-8")
    assert done.returncode == 5 and "data/evaluation/queries.parquet" in done.stdout.splitlines()[-1]
    assert 'class="verdict bad"' in text and "1 link does not hold" in text
    evaluate = text[text.index('id="hop-evaluate"') : text.index('id="hop-index"')]
    assert "1 broken" in evaluate and "data/evaluation/queries.parquet" in evaluate


def test_all_figures_make_a_page(pages: dict[str, str]) -> None:
    text = pages["--all"]
    assert "name one figure of the file to open it" in text and METRIC in text


def test_show_text_needs_a_page(line: Checkout) -> None:
    done = line.run("hilum", "audit", METRIC, "--show-text", check=False)
    assert done.returncode == 2 and "--page" in done.stdout
