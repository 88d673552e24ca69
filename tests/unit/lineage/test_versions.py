"""Code that cannot annotate, run for real: what is told of it, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.errors import BadDataError, UsageError
from hilum.lineage.versions import HERE, annotate_with


@pytest.mark.parametrize(
    ("last_words", "error", "message"),
    [
        ("raise SystemExit('hilum: params.yaml is not here; look there.')", BadDataError, r"params\.yaml is not here"),
        ("raise ValueError('Left effusion.')", BadDataError, r"ended with exit 1 \(ValueError\)"),
        ("raise ValueError('of\\nLeft effusion: small')", BadDataError, r"ended with exit 1 \(no reason given\)"),
        ("import no_such_module", UsageError, r"the working tree has no .* that runs \(ModuleNotFoundError\); mend it"),
        ("raise SystemExit(\"Error: No such command 'annotate'.\")", UsageError, "has no .hilum annotate. that runs"),
        ("pass", BadDataError, "ended with exit 0"),
    ],
)
def test_code_that_cannot_annotate_is_told_without_report_text(
    tmp_path: Path, last_words: str, error: type[Exception], message: str
) -> None:
    (tmp_path / "src/hilum/cli").mkdir(parents=True)
    (tmp_path / "src/hilum/__init__.py").write_text("")
    (tmp_path / "src/hilum/cli/__init__.py").write_text(f"def main():\n    {last_words}\n")
    with pytest.raises(error, match=message) as raised:
        annotate_with(tmp_path, tmp_path, tmp_path / "out.jsonl", HERE)
    assert "effusion" not in str(raised.value)
