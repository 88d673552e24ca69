"""`hilum export` on a line that has run: the libraries of each standard read it, and it is the line's own data."""

from __future__ import annotations

import io
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlcroissant
import pandas as pd
import pytest
from prov.serializers.provjson import ProvJSONSerializer

from tests.pipeline.conftest import Checkout
from tests.unit.lineage.test_openlineage import as_the_client_writes, without_empty

pytestmark = [  # of rdflib 7, which reads the JSON-LD for mlcroissant with its own old class
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Dataset.default_context is deprecated:DeprecationWarning"),
]
FILES = {
    "openlineage.jsonl", "croissant-labels.json", "croissant-embeddings.json", "prov.json",
    "model_card.md", "model_card.json", "data_card.md", "data_card.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def exported(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `hilum export` wrote of the finished line; in `again`, what another one wrote beside it."""
    folder = tmp_path_factory.mktemp("exported")
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda place: line.run("hilum", "export", str(place)), (folder, folder.with_name("again")))
    assert all("export: 8 files of the working tree" in one.stdout for one in done)
    return folder


def test_the_same_line_gives_the_same_bytes(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == FILES
    assert {path.name: path.read_bytes() for path in exported.with_name("again").iterdir()} == {
        path.name: path.read_bytes() for path in exported.iterdir()
    }


def test_every_stage_of_the_line_has_its_events(line: Checkout, exported: Path) -> None:
    events = [json.loads(row) for row in (exported / "openlineage.jsonl").read_text().splitlines()]
    for event in events:
        assert without_empty(as_the_client_writes(event)) == without_empty(event)
    ends = {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}
    verbs = {name.partition("@")[0] for name in ends}
    assert verbs == {"line", "phantom", "ingest", "parse", "label", "pack", "validate", "tokenize", "align", "locate",
                     "embed", "index", "evaluate", "explain", "report"}  # fmt: skip
    judged = {row["name"]: row["inputFacets"]["dataQualityAssertions"]["assertions"]
              for row in ends["validate"]["inputs"] if row["inputFacets"]}  # fmt: skip
    checks = json.loads((line.folder / "data/validation/validation.json").read_text())["checks"]
    assert sum(len(rows) for rows in judged.values()) == len(checks) > 300
    assert set(judged) >= {"data/texts", "data/chexpert", "data/region_labels", "data/manifest"}


def test_mlcroissant_reads_the_labels_and_the_embeddings_of_the_line(
    line: Checkout, exported: Path, tmp_path: Path
) -> None:
    for name, folder in (("labels", "data/region_labels"), ("embeddings", "data/embeddings")):
        description = tmp_path / f"croissant-{name}.json"
        shutil.copy(exported / description.name, description)
        tables = sorted((line.folder / folder).glob("*.parquet"))
        (tmp_path / folder).mkdir(parents=True)
        for table in tables:
            (tmp_path / folder / table.name).symlink_to(table)
        dataset = mlcroissant.Dataset(str(description))
        assert dataset.metadata.ctx.issues.errors == set()
        (records,) = dataset.metadata.record_sets
        rows = pd.concat(pd.read_parquet(table) for table in tables)
        read = [*dataset.records(records.id)]
        assert len(read) == len(rows) > 100
        assert [row[f"{records.id}/study_id"] for row in read] == rows["study_id"].tolist()


def test_prov_reads_the_chain_of_the_figures(exported: Path) -> None:
    text = (exported / "prov.json").read_text()
    parsed = ProvJSONSerializer().deserialize(io.StringIO(text))
    stream = io.StringIO()
    ProvJSONSerializer(parsed).serialize(stream)
    assert ProvJSONSerializer().deserialize(io.StringIO(stream.getvalue())) == parsed
    activities = {name.partition("%40")[0] for name in json.loads(text)["activity"]}
    assert {"stage:evaluate", "stage:index", "stage:embed", "stage:locate", "stage:phantom"} <= activities
    assert "stage:report" not in activities


def test_the_cards_hold_every_figure_and_every_label_count(line: Checkout, exported: Path) -> None:
    metrics = json.loads((line.folder / "reports/metrics.json").read_text())
    facts = json.loads((exported / "model_card.json").read_text())
    values = {(row["score"], row["metric"]): row["value"] for row in facts["figures"] if row["task"] == "retrieval"}
    for score in ("global", "mirrored", "random", "oracle", "pixels"):
        assert values[score, "located_at_10"] == metrics["retrieval"][score]["located_at_10"]
    assert all(row["is"] for row in facts["figures"])
    card = (exported / "data_card.md").read_text()
    counts = json.loads((line.folder / "data/validation/validation.json").read_text())["counts"]
    for row in counts["findings"]:
        assert f"| {row['finding']} | {row['present']:,} | {row['uncertain']:,} | {row['absent']:,} |" in card


def test_nothing_that_is_exported_names_a_study(line: Checkout, exported: Path) -> None:
    tables = sorted((line.folder / "data/manifest").glob("*.parquet"))
    manifest = pd.concat(pd.read_parquet(table) for table in tables)
    numbers = {str(value) for column in ("subject_id", "study_id") for value in manifest[column].dropna()}
    images = set(manifest["dicom_id"].dropna())
    assert len(numbers) > 100 and len(images) > 50
    for path in exported.iterdir():
        text = path.read_text()
        assert numbers.isdisjoint(re.findall(r"(?<![0-9a-f])[0-9]{8}(?![0-9a-f])", text)), path.name
        assert not [image for image in images if image in text], path.name
        assert str(line.folder) not in text
