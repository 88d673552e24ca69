"""OpenLineage events are those that its own client would write, say what is so, and hold no patient."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from openlineage.client import event_v2 as ol
from openlineage.client import facet_v2 as facets
from openlineage.client.serde import Serde

from hilum.lineage.lock import Item
from hilum.lineage.openlineage import PRODUCER, describe_runs
from hilum.lineage.record import open_record
from tests.unit.lineage.small_line import AUTHOR, CHECK, PARTITIONS, STUDIES, SUBJECT, SmallLine

NESTED: Mapping[str, tuple[type, dict[str, Callable[..., Any]]]] = {
    "parent": (facets.parent_run.ParentRunFacet, {"run": facets.parent_run.Run, "job": facets.parent_run.Job}),
    "tags": (facets.tags_run.TagsRunFacet, {"tags": facets.tags_run.TagsRunFacetFields}),
    "executionParameters": (
        facets.execution_parameters_run.ExecutionParametersRunFacet,
        {"parameters": facets.execution_parameters_run.ExecutionParameter},
    ),
    "jobType": (facets.job_type_job.JobTypeJobFacet, {}),
    "sourceCode": (facets.source_code_job.SourceCodeJobFacet, {}),
    "sourceCodeLocation": (facets.source_code_location_job.SourceCodeLocationJobFacet, {}),
    "version": (facets.dataset_version_dataset.DatasetVersionDatasetFacet, {}),
    "schema": (facets.schema_dataset.SchemaDatasetFacet, {"fields": facets.schema_dataset.SchemaDatasetFacetFields}),
    "outputStatistics": (facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet, {}),
    "dataQualityAssertions": (
        facets.data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet,
        {"assertions": facets.data_quality_assertions_dataset.Assertion},
    ),
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> SmallLine:
    return SmallLine(tmp_path_factory.mktemp("line"))


@pytest.fixture
def fresh(tmp_path: Path) -> SmallLine:
    return SmallLine(tmp_path)


def events_of(line: SmallLine, revision: str | None = None, **options: Any) -> list[dict[str, Any]]:
    with open_record(line.folder, revision) as record:
        return [*describe_runs(record, **options)]


def ends_of(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {event["job"]["name"]: event for event in events if event["eventType"] == "COMPLETE"}


def as_the_client_writes(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event built of the client's own classes, which demand what the standard demands."""
    run = ol.Run(runId=event["run"]["runId"], facets=build_all(event["run"]["facets"]))
    job = ol.Job(event["job"]["namespace"], event["job"]["name"], build_all(event["job"]["facets"]))
    inputs = [ol.InputDataset(d["namespace"], d["name"], facets=build_all(d["facets"]),
                              inputFacets=build_all(d["inputFacets"])) for d in event["inputs"]]  # fmt: skip
    outputs = [ol.OutputDataset(d["namespace"], d["name"], facets=build_all(d["facets"]),
                                outputFacets=build_all(d["outputFacets"])) for d in event["outputs"]]  # fmt: skip
    kind = ol.RunState[event["eventType"]]
    typed = ol.RunEvent(eventTime=event["eventTime"], producer=event["producer"], run=run, job=job, eventType=kind,
                        inputs=inputs, outputs=outputs)  # fmt: skip
    return json.loads(Serde.to_json(typed))


def build_all(values: Mapping[str, Any]) -> dict[str, Any]:
    built = {}
    for name, facet in values.items():
        kind, inner = NESTED[name]
        rest = {key: value for key, value in facet.items() if not key.startswith("_")}
        for key, part in inner.items():
            rest[key] = [part(**row) for row in rest[key]] if isinstance(rest[key], list) else part(**rest[key])
        built[name] = kind(**rest, producer=facet["_producer"])
    return built


def without_empty(value: Any) -> Any:
    """The client writes empty lists where a fact has none; they say nothing."""
    if isinstance(value, dict):
        pruned = {key: without_empty(part) for key, part in value.items()}
        return {key: part for key, part in pruned.items() if part not in ({}, [])}
    return [without_empty(part) for part in value] if isinstance(value, list) else value


def test_every_event_is_what_the_client_itself_would_write(line: SmallLine) -> None:
    events = events_of(line)
    assert len(events) == 2 * (len(line.stages) + 1)
    named = {name for event in events for name in (*event["run"]["facets"], *event["job"]["facets"])}
    assert named == {"parent", "tags", "executionParameters", "jobType", "sourceCode", "sourceCodeLocation"}
    for event in events:
        assert without_empty(as_the_client_writes(event)) == without_empty(event)


def test_a_stage_starts_and_completes_once_under_the_line(line: SmallLine) -> None:
    events = events_of(line)
    runs: dict[str, list[str]] = {}
    for event in events:
        runs.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert all(kinds == ["START", "COMPLETE"] for kinds in runs.values())
    assert all(UUID(run).version == 5 for run in runs)
    assert [events[0]["job"]["name"], events[-1]["job"]["name"]] == ["line", "line"]
    parents = {event["run"]["facets"]["parent"]["run"]["runId"] for event in events[1:-1]}
    assert parents == {events[0]["run"]["runId"]}
    assert {event["job"]["name"] for event in events} == {"line", *line.stages}


def test_the_same_record_gives_the_same_events_wherever_it_is_read(line: SmallLine) -> None:
    assert events_of(line) == events_of(line) == events_of(line, "HEAD")
    assert {event["eventTime"][-1] for event in events_of(line)} == {"Z"}


def test_another_lock_gives_other_runs(fresh: SmallLine) -> None:
    before = {event["run"]["runId"] for event in events_of(fresh)}
    lock = (fresh.folder / "dvc.lock").read_text()
    fresh.write("dvc.lock", lock.replace("on_conflict: present", "on_conflict: other"))
    after = events_of(fresh)
    assert before.isdisjoint(event["run"]["runId"] for event in after)
    tags = {tag["key"]: tag["value"] for tag in after[0]["run"]["facets"]["tags"]["tags"]}
    assert tags["lock"] == "differs from the commit"


def test_outputs_have_the_counts_and_columns_of_the_files(line: SmallLine) -> None:
    for name, end in ends_of(events_of(line)).items():
        for out in end["outputs"]:
            item = Item.model_validate(next(row for row in line.stages[name]["outs"] if row["path"] == out["name"]))
            counts = out["outputFacets"]["outputStatistics"]
            assert counts["size"] == item.size and counts["fileCount"] == (item.nfiles or 1)
            assert out["facets"]["version"]["datasetVersion"] == item.md5
            if item.path.endswith(".parquet"):
                schema = pq.read_schema(line.folder / item.path)
                fields = out["facets"]["schema"]["fields"]
                assert [(f["name"], f["type"]) for f in fields] == [(f.name, str(f.type)) for f in schema]
                assert all(field["description"] for field in fields)
                assert counts["rowCount"] == pq.read_metadata(line.folder / item.path).num_rows > 0


def test_what_is_read_is_named_as_it_was_written_so_that_the_graph_hangs_together(line: SmallLine) -> None:
    ends = ends_of(events_of(line))
    written = {out["name"]: out["facets"]["version"] for end in ends.values() for out in end["outputs"]}
    read = {row["name"]: row["facets"]["version"] for end in ends.values() for row in end["inputs"]}
    assert {name for name in read if name not in written} == {
        "data/raw/L0001/listing.txt", "data/landings.yaml", "data/region_labels"
    }  # fmt: skip
    assert all(written[name] == version for name, version in read.items() if name in written)
    assert {row["name"] for row in ends["evaluate"]["inputs"]} == {
        *(f"data/embeddings/{name}.parquet" for name in PARTITIONS), "data/landings.yaml"
    }  # fmt: skip


def test_the_gate_s_checks_are_assertions_on_what_it_judged_and_on_nothing_else(line: SmallLine) -> None:
    ends = ends_of(events_of(line))
    judged = {(name, row["name"]): row["inputFacets"]["dataQualityAssertions"]["assertions"]
              for name, end in ends.items() for row in end["inputs"] if row["inputFacets"]}  # fmt: skip
    assert list(judged) == [("validate", "data/region_labels")]
    failed, passed = judged["validate", "data/region_labels"]
    assert (failed["success"], failed["severity"], failed["actual"]) == (False, "warn", "1")
    assert failed["column"] == "label" and failed["description"] == CHECK["expected"]
    assert (passed["success"], passed["severity"]) == (True, "error")


def test_parameters_and_code_are_those_of_the_stage(fresh: SmallLine) -> None:
    end = ends_of(events_of(fresh))["locate"]
    parameters = end["run"]["facets"]["executionParameters"]["parameters"]
    assert {row["key"]: row["value"] for row in parameters} == {
        "locate.learning_rate": "0.0005", "locate.decay.weight": "0.1"
    }  # fmt: skip
    location = end["job"]["facets"]["sourceCodeLocation"]
    head = (fresh.folder / ".git" / (fresh.folder / ".git/HEAD").read_text().split()[1]).read_text().strip()
    assert location["path"] == "src/hilum/stages/locate.py" and location["version"] == head
    assert location["url"].endswith(f";anchor=swh:1:rev:{head};path=/src/hilum/stages/locate.py")
    fresh.write("src/hilum/stages/locate.py", "changed = True\n")
    changed = ends_of(events_of(fresh))["locate"]["job"]["facets"]["sourceCodeLocation"]
    assert "version" not in changed and "rev" not in changed["url"]


def test_times_that_are_known_are_told_and_others_said_not_to_be(line: SmallLine) -> None:
    times = {"locate": ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")}
    events = events_of(line, times=times)
    start, end = [event for event in events if event["job"]["name"] == "locate"]
    assert (start["eventTime"], end["eventTime"]) == times["locate"]
    assert start["run"]["facets"]["tags"]["tags"][0]["value"] == "measured"
    other = ends_of(events)["validate"]
    assert other["run"]["facets"]["tags"]["tags"][0]["value"] == "of the commit; the run's own is unknown"
    assert (events[0]["eventTime"], events[-1]["eventTime"]) == times["locate"]


def test_without_the_bytes_the_events_are_told_all_the_same(fresh: SmallLine) -> None:
    whole = ends_of(events_of(fresh))
    for name in ("data/embeddings/L0001-p10-p14.parquet", "data/validation/validation.json"):
        fresh.forget(name)
    ends = ends_of(events_of(fresh))
    out = ends["embed@L0001-p10-p14"]["outputs"][0]
    assert "schema" not in out["facets"] and "rowCount" not in out["outputFacets"]["outputStatistics"]
    assert out["facets"]["version"] == whole["embed@L0001-p10-p14"]["outputs"][0]["facets"]["version"]
    assert not any(row["inputFacets"] for row in ends["validate"]["inputs"])


def test_no_patient_and_no_person_is_in_the_events(line: SmallLine) -> None:
    text = json.dumps(events_of(line))
    private = [*map(str, (*STUDIES[PARTITIONS[0]], *STUDIES[PARTITIONS[1]], SUBJECT)), *AUTHOR, str(line.folder)]
    assert [word for word in private if word in text] == []
    assert PRODUCER in text
