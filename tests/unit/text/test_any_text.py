"""Any text at all that looks like a report: it is read, its spans are right, and its neighbours do not matter.

The laws of one reading, and the mutations of the long run, are those of tests/benchmarks.
"""

from __future__ import annotations

import importlib.util
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hilum.text.reader import ParsedReport, ReportReader
from hilum.text.sections import split_sections

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmarks_{name}", BENCHMARKS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


laws, material, mutations = _load("laws"), _load("material"), _load("mutations")

HEADERS = st.sampled_from(mutations.headers())
PHRASES = st.sampled_from(mutations.vocabulary())
PIECES = st.sampled_from(mutations.PIECES)
WORDS = st.one_of(PHRASES, PHRASES, PHRASES, PIECES, st.text(max_size=6), st.sampled_from(mutations.CONTROLS))
HEADER_LINES = st.tuples(st.sampled_from(["\n", "\n ", "\n\n", " ", ""]), HEADERS, st.sampled_from([" ", "\n", "  "]))
BODIES = st.lists(st.tuples(WORDS, st.sampled_from([" ", " ", " ", ", ", ". ", "\n", ""])), max_size=30)
SECTIONS = st.tuples(st.one_of(HEADER_LINES, HEADER_LINES.map(lambda h: (h[0], h[1].title(), h[2]))), BODIES)


@st.composite
def reports(draw: st.DrawFn) -> str:
    """A text of headers, words of the vocabulary, punctuation, removed words and letters of any script."""
    text = "".join(word + joint for word, joint in draw(BODIES))
    for header, body in draw(st.lists(SECTIONS, max_size=4)):
        text += "".join(header) + "".join(word + joint for word, joint in body)
    return text


ANY_TEXT = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def forgetful() -> ReportReader:
    """A reader that reads one report at a time and remembers no sentence of the one before."""
    return ReportReader(batch_size=1, memo_size=0)


def read(reader: ReportReader, *texts: str) -> list[ParsedReport]:
    return list(reader.read(enumerate(texts, start=50_000_000)))


@given(text=reports())
@ANY_TEXT
def test_any_report_is_read_and_every_law_is_kept(reader: ReportReader, text: str) -> None:
    (report,) = read(reader, text)
    assert laws.broken_laws(text, report) == []


@given(text=st.text(max_size=300))
@ANY_TEXT
def test_any_text_is_read_and_every_law_is_kept(reader: ReportReader, text: str) -> None:
    (report,) = read(reader, text)
    assert laws.broken_laws(text, report) == []


@given(texts=st.lists(reports(), min_size=2, max_size=4))
@settings(ANY_TEXT, max_examples=60)
def test_a_report_says_the_same_alone_and_among_others(
    reader: ReportReader, forgetful: ReportReader, texts: list[str]
) -> None:
    together = read(reader, *texts)
    alone = [next(forgetful.read([(report.study_id, text)])) for report, text in zip(together, texts, strict=True)]
    assert together == alone


@given(text=reports())
@settings(ANY_TEXT, max_examples=100)
def test_what_follows_a_section_changes_nothing_in_it(reader: ReportReader, text: str) -> None:
    """Cut after any section that is still there when what follows is gone."""
    (whole,) = read(reader, text)
    for number, span in enumerate(whole.sections, start=1):
        if split_sections(text[: span.end]) == whole.sections[:number]:
            (part,) = read(reader, text[: span.end])
            assert part.mentions == [m for m in whole.mentions if m["char_start"] < span.end]


def test_mutated_reports_of_the_phantom_keep_every_law(reader: ReportReader) -> None:
    texts = material.phantom_reports(50)
    for number in range(60):
        text = mutations.mutate(texts, random.Random(number))
        (report,) = read(reader, text)
        assert laws.broken_laws(text, report) == [], f"number {number}"


@pytest.mark.slow
def test_two_thousand_mutated_reports_keep_every_law() -> None:
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "fuzz_reports.py"), "--reports", "2000", "--seed", "3"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 of 2000 texts break a law" in done.stdout
