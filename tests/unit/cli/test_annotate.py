"""`hilum annotate` as people type it: which words go together, what is on stdout, what on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hilum.cli import cli

TEXT = b"FINDINGS: Left effusion.\n"


@pytest.fixture
def here(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder within a checkout that holds params.yaml and no data, with one report in it."""
    (tmp_path / "params.yaml").write_bytes((root / "params.yaml").read_bytes())
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/s50000007.txt").write_bytes(TEXT)
    monkeypatch.chdir(tmp_path / "deep")
    return tmp_path / "deep"


def annotate(*words: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["annotate", *words], input=stdin)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x", "--show", "1", "--diff", "HEAD"], "Give either --show or --diff."),
        (["x", "--page", "a.html"], "--page goes with --show."),
        (["x", "--out", "a", "--show", "1"], "--out does not go with --show"),
        (["x", "--json"], "--json goes with --diff"),
        ([], "This checkout has no data/texts yet: name a SOURCE, or run `dvc repro`."),
        (["--show", "50000007"], "This checkout has no data/texts yet"),
    ],
)
def test_words_that_do_not_go_together(here: Path, words: list[str], message: str) -> None:
    done = annotate(*words)
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


@pytest.mark.parametrize(
    "words",
    [
        ["s50000007.txt", "--show"],
        ["--show", "s50000007.txt"],
        [".", "--show", "50000007"],
        [".", "--show", "s50000007"],
        [".", "--show", "s50000007.txt"],
    ],
)
def test_one_report_in_all_the_ways_to_name_it(here: Path, words: list[str]) -> None:
    done = annotate(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("s50000007: 1 mentions (1 present)\n")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [["-", "--show"], ["--show", "-"]])
def test_a_report_from_a_pipe(here: Path, words: list[str]) -> None:
    assert annotate(*words, stdin=TEXT).stdout.startswith("stdin: 1 mentions (1 present)\n")


def test_a_page_beside_the_lines(here: Path) -> None:
    assert annotate(".", "--show", "50000007", "--page", "a.html").exit_code == 0
    assert "holds report text" in (here / "a.html").read_text(encoding="utf-8")


def test_colours_on_a_terminal_unless_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ["annotate", "s50000007.txt", "--show"]
    out: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr(click, "echo", lambda text, color: out.append(text))
    monkeypatch.delenv("NO_COLOR", raising=False)
    cli(shown, standalone_mode=False)
    monkeypatch.setenv("NO_COLOR", "1")
    cli(shown, standalone_mode=False)
    assert "\x1b[" in out[0] and "\x1b" not in out[1]
    assert click.unstyle(out[0]) == out[1]


def test_rows_on_stdout_and_one_line_on_stderr(here: Path) -> None:
    program = "from hilum.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "annotate", "."],
        cwd=here, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert [json.loads(line)["finding"] for line in done.stdout.splitlines()] == ["pleural_effusion"]
    assert done.stderr == "annotate: 1 reports -> 1 rows\n"
