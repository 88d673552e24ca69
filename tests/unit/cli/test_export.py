"""`hilum export` writes what is asked for of what is asked for, and says what it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hilum.cli import cli
from hilum.cli.exports import EXPORTS
from hilum.errors import BadDataError, UsageError
from hilum.stages.audit_exports import KINDS
from tests.unit.lineage.small_line import PARTITIONS, SmallLine


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallLine:
    made = SmallLine(tmp_path / "checkout")
    monkeypatch.chdir(made.folder)
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["export", *words], catch_exceptions=False)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_commit_gives_the_bytes_that_its_checkout_gives_even_when_it_has_been_exported_into(line: SmallLine) -> None:
    said = run("exported").output
    assert said == "export: 8 files of the working tree, exported\n"
    first = bytes_of(line.folder / "exported")
    run("exported")
    assert bytes_of(line.folder / "exported") == first
    run("committed", "--rev", "HEAD")
    assert bytes_of(line.folder / "committed") == first


def test_an_earlier_commit_is_told_as_it_was(line: SmallLine) -> None:
    run("before")
    line.write("reports/metrics.json", "{}")
    line.commit("other figures")
    run("earlier", "--rev", "HEAD~1", "--only", "cards")
    before, earlier = bytes_of(line.folder / "before"), bytes_of(line.folder / "earlier")
    assert {name: before[name] for name in earlier} == earlier and len(earlier) == 4
    run("now", "--only", "cards")
    assert (line.folder / "now/model_card.md").read_bytes() != earlier["model_card.md"]


@pytest.mark.parametrize("kind", EXPORTS)
def test_each_may_be_had_alone(line: SmallLine, kind: str) -> None:
    run("alone", "--only", kind)
    names = {"openlineage": 1, "croissant": 2, "prov": 1, "cards": 4}
    assert len(bytes_of(line.folder / "alone")) == names[kind]


def test_the_verb_offers_what_there_is() -> None:
    assert tuple(KINDS) == EXPORTS


def test_what_is_not_here_is_named_and_nothing_is_written(line: SmallLine) -> None:
    line.forget(f"data/embeddings/{PARTITIONS[0]}.parquet")
    with pytest.raises(BadDataError, match="dvc pull"):
        run("exported")
    assert not (line.folder / "exported").exists()
    with pytest.raises(UsageError, match="nowhere"):
        run("exported", "--rev", "nowhere")
