"""The PROV-JSON is read by the prov library as it was written, and leads from the figures down to the raw files."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from prov.model import ProvAgent, ProvDocument, ProvEntity
from prov.serializers.provjson import ProvJSONSerializer

from hilum.errors import VerificationError
from hilum.lineage.prov import describe_chain
from hilum.lineage.record import open_record
from tests.unit.lineage.small_line import AUTHOR, PARTITIONS, STUDIES, SUBJECT, SmallLine

METRICS = "reports/metrics.json"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> SmallLine:
    return SmallLine(tmp_path_factory.mktemp("line"))


def chain_of(line: SmallLine, *paths: str) -> dict[str, Any]:
    with open_record(line.folder) as record:
        return describe_chain(record, paths)


def parse(document: dict[str, Any]) -> ProvDocument:
    return ProvJSONSerializer().deserialize(io.StringIO(json.dumps(document)))


def test_the_prov_library_reads_all_of_it_and_writes_it_again(line: SmallLine) -> None:
    written = chain_of(line, METRICS)
    parsed = parse(written)
    stream = io.StringIO()
    ProvJSONSerializer(parsed).serialize(stream)
    again = json.loads(stream.getvalue())
    assert parse(again) == parsed
    assert {kind: len(rows) for kind, rows in again.items()} == {kind: len(rows) for kind, rows in written.items()}
    assert set(again["entity"]) == set(written["entity"]) and set(again["activity"]) == set(written["activity"])
    n_records = sum(len(rows) for kind, rows in written.items() if kind != "prefix")
    assert len([*parsed.get_records()]) == n_records


def test_every_artifact_has_the_digest_and_size_of_the_lock(line: SmallLine) -> None:
    entities = {str(entity.identifier): entity for entity in parse(chain_of(line, METRICS)).get_records(ProvEntity)}
    for stage in line.stages.values():
        for item in (*stage["outs"], *stage["deps"]):
            entity = entities[f"artifact:{item['path']}"]
            assert entity.get_attribute("hilum:md5") == {item["md5"]}
            assert entity.get_attribute("hilum:bytes") == {item["size"]}
    rows = {row for name, entity in entities.items() if name.endswith("L0001-p10-p14.parquet")
            for row in entity.get_attribute("hilum:rows")}  # fmt: skip
    assert rows == {1, 2}


def test_the_chain_leads_from_the_figures_to_what_landed(line: SmallLine) -> None:
    document = chain_of(line, METRICS)
    made_by = pairs(document, "wasGeneratedBy", "prov:entity", "prov:activity")
    used = pairs(document, "used", "prov:activity", "prov:entity")
    members = pairs(document, "hadMember", "prov:collection", "prov:entity")
    seen, todo = set(), [f"artifact:{METRICS}"]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [*made_by.get(name, ()), *used.get(name, ()), *members.get(name, ())]
    assert "artifact:data/raw/L0001/listing.txt" in seen
    assert {name for kind in ("entity", "activity") for name in document[kind]} == seen
    assert set(members) == {"artifact:data/embeddings", "artifact:data/region_labels"}
    assert {name for name in seen if name.startswith("stage:")} == {
        f"stage:{name.replace('@', '%40')}" for name in line.stages
    }


def pairs(document: dict[str, Any], kind: str, one: str, other: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in document[kind].values():
        found.setdefault(row[one], []).append(row[other])
    return found


def test_only_what_lies_behind_the_path_is_in_it(line: SmallLine) -> None:
    document = chain_of(line, f"data/region_labels/{PARTITIONS[0]}.parquet")
    assert set(document["activity"]) == {f"stage:{verb}%40{PARTITIONS[0]}" for verb in ("parse", "label")}
    with pytest.raises(VerificationError, match=r"nobody\.txt"):
        chain_of(line, "data/nobody.txt")


def test_software_acts_for_a_committer_without_a_name(line: SmallLine) -> None:
    document = chain_of(line, METRICS)
    agents = {str(agent.identifier): agent for agent in parse(document).get_records(ProvAgent)}
    assert set(agents) == {"agent:hilum", "agent:committer"}
    head = (line.folder / ".git" / (line.folder / ".git/HEAD").read_text().split()[1]).read_text().strip()
    assert agents["agent:hilum"].get_attribute("hilum:commit") == {head}
    assert agents["agent:hilum"].get_attribute("hilum:version") == {"0.1.0"}
    assert len(document["wasAssociatedWith"]) == len(document["activity"])
    text = json.dumps(document)
    private = [*map(str, (*STUDIES[PARTITIONS[0]], SUBJECT)), *AUTHOR, str(line.folder)]
    assert [word for word in private if word in text] == []


def test_a_part_of_an_artifact_that_was_read_alone_belongs_to_it(tmp_path: Path) -> None:
    line = SmallLine(tmp_path)
    for name in PARTITIONS:
        reads = line.stages[f"embed@{name}"]["deps"]
        reads[0] = {**reads[0], "path": "data/locate/model"}
    line.write("dvc.lock", yaml.safe_dump({"schema": "2.0", "stages": line.stages}))
    members = pairs(chain_of(line, METRICS), "hadMember", "prov:collection", "prov:entity")
    assert members["artifact:data/locate"] == ["artifact:data/locate/model"]
