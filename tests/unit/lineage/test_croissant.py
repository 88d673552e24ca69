"""mlcroissant loads the descriptions without a fault, and reads through them what the tables hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.lineage.croissant import describe_embeddings, describe_labels
from hilum.lineage.record import Record, open_record
from hilum.schema import EMBEDDINGS, REGION_LABELS, Table
from tests.unit.lineage.small_line import AUTHOR, PARTITIONS, STUDIES, SUBJECT, WITHDRAWN, SmallLine

pytestmark = [  # of rdflib 7, which reads the JSON-LD for mlcroissant with its own old class
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Dataset.default_context is deprecated:DeprecationWarning"),
]
BOTH = pytest.mark.parametrize(
    "describe, table, folder",
    [(describe_labels, REGION_LABELS, "data/region_labels"), (describe_embeddings, EMBEDDINGS, "data/embeddings")],
    ids=["labels", "embeddings"],
)
Describe = Callable[[Record], dict[str, Any]]
NOT_PUBLISHED = {'Property "https://schema.org/datePublished" is recommended, but does not exist.'}


@pytest.fixture
def line(tmp_path: Path) -> SmallLine:
    return SmallLine(tmp_path)


def description_of(line: SmallLine, describe: Describe, revision: str | None = None) -> dict[str, Any]:
    with open_record(line.folder, revision) as record:
        return describe(record)


def load(line: SmallLine, description: dict[str, Any]) -> mlcroissant.Dataset:
    path = line.folder / "croissant.json"
    path.write_text(json.dumps(description))
    return mlcroissant.Dataset(str(path))


@BOTH
def test_mlcroissant_finds_no_fault_but_that_nothing_was_published(
    line: SmallLine, describe: Describe, table: Table, folder: str
) -> None:
    issues = load(line, description_of(line, describe)).metadata.ctx.issues
    assert issues.errors == set()
    assert {warning.partition("] ")[2] for warning in issues.warnings} == NOT_PUBLISHED


@BOTH
def test_mlcroissant_reads_every_row_as_the_table_has_it(
    line: SmallLine, describe: Describe, table: Table, folder: str
) -> None:
    records = [*load(line, description_of(line, describe)).records(table.name)]
    frames = [pd.read_parquet(line.folder / folder / f"{name}.parquet") for name in PARTITIONS]
    rows = pd.concat(frames).to_dict("records")
    assert len(records) == len(rows) == 4
    for record, row in zip(records, rows, strict=True):
        assert list(record) == [f"{table.name}/{name}" for name in table.column_names]
        assert [plain(value) for value in record.values()] == [plain(value) for value in row.values()]


def plain(value: Any) -> Any:
    """mlcroissant gives text as bytes, and lists for arrays."""
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list):
        return [plain(part) for part in value]
    return None if pd.isna(value) else value


@BOTH
def test_files_are_described_by_their_own_bytes(line: SmallLine, describe: Describe, table: Table, folder: str) -> None:
    description = description_of(line, describe)
    *files, whole = description["distribution"]
    assert [file["contentUrl"] for file in files] == [f"{folder}/{name}.parquet" for name in PARTITIONS]
    for file in files:
        data = (line.folder / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert file["contentSize"] == f"{len(data)} B"
    assert whole["includes"] == f"{folder}/*.parquet"
    assert description_of(line, describe, "HEAD") == description


def test_columns_have_types_meaning_and_the_size_of_a_vector(line: SmallLine) -> None:
    (records,) = description_of(line, describe_embeddings)["recordSet"]
    fields = {field["name"]: field for field in records["field"]}
    assert fields["embedding"]["dataType"] == "cr:Float32" and fields["embedding"]["arrayShape"] == "4"
    assert fields["study_id"]["dataType"] == "cr:Int64" and fields["region"]["description"].endswith("May be null")
    assert [key["@id"] for key in records["key"]] == [f"embeddings/{name}" for name in EMBEDDINGS.key]
    (labels,) = description_of(line, describe_labels)["recordSet"]
    evidence = next(field for field in labels["field"] if field["name"] == "evidence")
    assert (evidence["dataType"], evidence["isArray"], evidence["arrayShape"]) == ("cr:Int32", True, "-1")


def test_what_is_not_known_is_said_to_be_unknown_and_the_version_is_that_of_the_bytes(line: SmallLine) -> None:
    labels = description_of(line, describe_labels)
    assert labels["license"].startswith("unknown") and labels["citeAs"] == "unknown"
    assert labels["rai:dataAnnotationAnalysis"][0].startswith("unknown")
    assert labels["rai:dataCollection"].startswith("unknown")
    assert labels["version"].startswith("0.1.0+")
    assert '{"on_conflict": "present"}' in labels["rai:dataAnnotationProtocol"][0]
    assert labels["version"] != description_of(line, describe_embeddings)["version"]


def test_the_phantom_is_said_to_be_nobody(tmp_path: Path) -> None:
    labels = description_of(SmallLine(tmp_path, "phantom"), describe_labels)
    assert labels["rai:dataCollection"].startswith("Synthetic")
    assert labels["rai:personalSensitiveInformation"][0].startswith("None")


def test_a_missing_table_is_named(line: SmallLine) -> None:
    path = f"data/region_labels/{PARTITIONS[1]}.parquet"
    line.forget(path)
    with pytest.raises(BadDataError, match=path):
        description_of(line, describe_labels)


@BOTH
def test_no_patient_and_no_person_is_in_it(line: SmallLine, describe: Describe, table: Table, folder: str) -> None:
    text = json.dumps(description_of(line, describe))
    ids = [study for studies in STUDIES.values() for study in studies]
    private = [*map(str, (*ids, SUBJECT, WITHDRAWN)), *AUTHOR, str(line.folder)]
    assert [word for word in private if word in text] == []
