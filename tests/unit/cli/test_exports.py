"""Tables of a checkout handed to people: CheXpert's labels as a csv. (unknown-terms: see text/test_unknown.py.)"""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from hilum.cli import cli
from hilum.schema import CHEXPERT, CHEXPERT_LABELS
from hilum.tables import write_table


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of two partitions with one study each."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/landings.yaml").write_text(
        "collection: c\ngenerated: []\npartitions:\n  a: {landing: L0001}\n  b: {landing: L0001}\n"
    )
    for number, name in enumerate("ab"):
        row = {"subject_id": [10000009 - number], "study_id": [50000001 + number]} | {c: [None] for c in CHEXPERT}
        frame = pd.DataFrame(row | {"Edema": [-1.0], "No Finding": [None if number else 1.0]})
        write_table(tmp_path / f"data/chexpert/{name}.parquet", frame, CHEXPERT_LABELS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(name: str) -> Result:
    return CliRunner().invoke(cli, ["chexpert", name])


def test_all_partitions_in_one_file_by_subject_and_study(here: Path) -> None:
    done = export("out.csv")
    assert done.exit_code == 0 and done.stdout == "chexpert: 2 studies, out.csv\n"
    lines = (here / "out.csv").read_text().splitlines()
    assert lines[0] == ",".join(["subject_id", "study_id", *CHEXPERT])
    assert lines[1:] == ["10000008,50000002,,,,-1.0,,,,,,,,,,", "10000009,50000001,,,,-1.0,,,,,1.0,,,,,"]


def test_compressed_it_is_the_same_and_twice_the_same_bytes(here: Path) -> None:
    for name in ("a.csv", "a.csv.gz", "b.csv.gz"):
        assert export(name).exit_code == 0
    assert gzip.decompress((here / "a.csv.gz").read_bytes()) == (here / "a.csv").read_bytes()
    assert (here / "a.csv.gz").read_bytes() == (here / "b.csv.gz").read_bytes()


def test_another_form_is_refused_before_anything_is_written(here: Path) -> None:
    done = export("out.xlsx")
    assert done.exit_code == 2 and "neither a .csv nor a .csv.gz" in done.stderr and not (here / "out.xlsx").exists()
