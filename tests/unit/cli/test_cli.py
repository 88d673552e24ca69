"""The command line's manners: exit codes, one-line errors, quick help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hilum import cli
from hilum.errors import BadDataError, GateError, HilumError, UsageError, VerificationError


@pytest.mark.parametrize(
    "error, code",
    [(UsageError, 2), (BadDataError, 3), (HilumError, 3), (GateError, 4), (VerificationError, 5)],
)
def test_each_error_is_one_line_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: type[HilumError], code: int
) -> None:
    def fail(**_: object) -> None:
        raise error("what, where, and the next move")

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == code
    assert capsys.readouterr().err == "hilum: what, where, and the next move\n"


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        cli.main()


def hilum(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    program = "from hilum.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=cwd, text=True, capture_output=True, env={**os.environ, **env}
    )


def test_usage_errors_exit_2(tmp_path: Path) -> None:
    assert hilum("nosuchverb", cwd=tmp_path).returncode == 2
    assert hilum("search", "--region", "left lung", cwd=tmp_path).returncode == 2
    assert hilum("withdraw", cwd=tmp_path).returncode == 2
    outside = hilum("tokenize", "--data", "d", "--start", "s", "--out", "o", cwd=tmp_path)
    assert outside.returncode == 2 and "root of a hilum checkout" in outside.stderr


def test_bad_data_exits_3(root: Path) -> None:
    done = hilum(
        "parse", "--texts", "README.md", "--sections", "s", "--mentions", "m", "--unknown-terms", "u", cwd=root
    )
    assert done.returncode == 3 and done.stderr.count("\n") == 1


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom hilum.cli import cli\n"
        "heavy = {'torch', 'spacy', 'pandas', 'prefect', 'faiss', 'great_expectations', 'pydantic', 'dvc'}\n"
        "heavy.add('matplotlib')\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, text=True, capture_output=True, check=True)
    assert done.stdout.strip() == "[]"
