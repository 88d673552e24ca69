"""OpenLineage run events of a line, written from what dvc.lock records; the same for `dvc repro` and for the flow.

In: a record. Out: events as JSON objects, one START and one COMPLETE a stage between those of the whole line. Nothing
is sent anywhere. Ids of runs come from the digest of the locks, so that the same line gives the same events.
Known to be imperfect: dvc.lock holds no times. Unless they are given, both events of a stage bear the commit's, and the
run's tag `time` says so. What the working tree has and no commit yet bears the time of the commit that it stands on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID, uuid5

from hilum.lineage.chain import Hop, trace
from hilum.lineage.contents import VALIDATION, describe_columns, list_changed, read_json, table_of
from hilum.lineage.lock import LOCKS, Item, Stage
from hilum.lineage.record import Record
from hilum.lineage.revisions import committed_at

NAMESPACE = "hilum"
LINE = "line"
PRODUCER = "https://hilum.invalid/openlineage"
_IDS = UUID("0c6a3c5e-8a2f-5d0b-9d4e-6f5b1a7c2e90")
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSIONS = {
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "ExecutionParametersRunFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "ParentRunFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "SourceCodeJobFacet": "1-0-1",
    "SourceCodeLocationJobFacet": "1-1-0",
    "TagsRunFacet": "1-0-0",
}
_SEVERITIES = {"critical": "error", "warning": "warn", "info": "info"}


def describe_runs(record: Record, times: Mapping[str, tuple[str, str]] | None = None) -> Iterator[dict[str, Any]]:
    """The events of all stages, those nearest to the raw files first. times: stage -> start and end, where known.

    Raises VerificationError if the record does not hang together.
    """
    at, known = _time(record), times or {}
    line = {"run": {"runId": run_id(record, LINE)}, "job": {"namespace": NAMESPACE, "name": LINE}}
    kind = _facet("JobTypeJobFacet", processingType="BATCH", integration="DVC", jobType="DAG")
    whole = {"run": {**line["run"], "facets": {"tags": _tags(record, measured=False)}},
             "job": {**line["job"], "facets": {"jobType": kind}}}  # fmt: skip
    stages = [hop for hop in trace(record, record.lineage.outs())[::-1] if hop.command is not None]
    starts = [known[hop.stage][0] for hop in stages if hop.stage in known]
    ends = [known[hop.stage][1] for hop in stages if hop.stage in known]
    yield _event("START", min([*starts, at]), whole, [], [])
    checks = _read_checks(record)
    for hop in stages:
        stage = record.lineage.stages[hop.stage]
        started, ended = known.get(hop.stage, (at, at))
        base = _describe_stage(record, stage, line, measured=hop.stage in known)
        judged = checks if any(out.path == VALIDATION for out in stage.outs) else {}
        yield _event("START", started, base, [], [])
        yield _event("COMPLETE", ended, base, [*_inputs(record, stage, judged)], [*_outputs(record, hop)])
    yield _event("COMPLETE", max([*ends, at]), whole, [], [])


def run_id(record: Record, stage: str) -> str:
    """The id of a stage's run: of the bytes of the locks and the stage's name."""
    locks = [hashlib.sha256(record.snapshot.read(path) or b"").hexdigest() for path in LOCKS]
    return str(uuid5(_IDS, "\n".join([*locks, stage])))


def _event(kind: str, at: str, base: Mapping[str, Any], inputs: list[Any], outputs: list[Any]) -> dict[str, Any]:
    head = {"eventType": kind, "eventTime": at, "producer": PRODUCER, "schemaURL": _EVENT}
    return {**head, **base, "inputs": inputs, "outputs": outputs}


def _describe_stage(record: Record, stage: Stage, line: Mapping[str, Any], *, measured: bool) -> dict[str, Any]:
    """The run and the job of a stage."""
    job = {
        "jobType": _facet("JobTypeJobFacet", processingType="BATCH", integration="DVC", jobType="STAGE"),
        "sourceCode": _facet("SourceCodeJobFacet", language="shell", sourceCode=stage.command),
    }
    if location := _locate_code(record, stage):
        job["sourceCodeLocation"] = location
    values = dict(_flatten({key: value for file in stage.params.values() for key, value in file.items()}))
    parameters = [{"key": key, "name": key, "value": _write(value)} for key, value in values.items()]
    run = {
        "parent": _facet("ParentRunFacet", **line),
        "tags": _tags(record, measured=measured),
        "executionParameters": _facet("ExecutionParametersRunFacet", parameters=parameters),
    }
    return {
        "run": {"runId": run_id(record, stage.name), "facets": run},
        "job": {"namespace": NAMESPACE, "name": stage.name, "facets": job},
    }


def _locate_code(record: Record, stage: Stage) -> dict[str, Any] | None:
    """The file that a stage begins in. version: the commit; left out where the commit does not hold these bytes.

    The address is a SWHID (ISO/IEC 18670), which git's own digests make; a remote's could hold a name or a password.
    """
    code = [dep.path for dep in stage.deps if dep.path.startswith("src/") and dep.path.endswith(".py")]
    first = next((path for path in code if path.endswith(f"stages/{stage.verb}.py")), code[0] if code else None)
    text = record.snapshot.read(first) if first else None
    if first is None or text is None:
        return None
    blob = hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()
    commit = record.snapshot.commit
    if commit is None or first in list_changed(record):
        return _facet("SourceCodeLocationJobFacet", type="git", url=f"swh:1:cnt:{blob}", path=first)
    url = f"swh:1:cnt:{blob};anchor=swh:1:rev:{commit};path=/{first}"
    return _facet("SourceCodeLocationJobFacet", type="git", url=url, path=first, version=commit)


def _tags(record: Record, *, measured: bool) -> dict[str, Any]:
    """What is to be known of a run's times and of where its record lay."""
    changed = any(lock in list_changed(record) for lock in LOCKS)
    rows = {
        "time": "measured" if measured else "of the commit; the run's own is unknown",
        "lock": "differs from the commit" if changed else "as the commit holds it",
        "commit": record.snapshot.commit or "none",
    }
    return _facet("TagsRunFacet", tags=[{"key": k, "value": v, "source": "hilum"} for k, v in rows.items()])


def _inputs(record: Record, stage: Stage, checks: Mapping[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The data that a stage read: a folder as the outputs in it. Code is no data; sourceCodeLocation names it.

    checks: table -> assertions, of the stage that judges tables; a folder that it judged is named besides its parts.
    """
    for dep in stage.deps:
        maker = record.lineage.maker(dep.path)
        outs = [out for out in maker.outs if _holds(out, dep)] if maker else record.lineage.inside(dep.path)
        if not outs and dep.path.startswith("src/"):
            continue
        judged = checks.get(table_of(dep.path))
        if judged:
            quality = _facet("DataQualityAssertionsDatasetFacet", assertions=judged)
            yield {**_dataset(dep), "inputFacets": {"dataQualityAssertions": quality}}
        yield from ({**_dataset(out), "inputFacets": {}} for out in outs or ([] if judged else [dep]))


def _holds(out: Item, dep: Item) -> bool:
    return dep.path == out.path or dep.path.startswith(f"{out.path}/")


def _outputs(record: Record, hop: Hop) -> Iterator[dict[str, Any]]:
    """What a stage wrote; rows and columns where its bytes are here."""
    for out in hop.writes:
        counts = {"size": out.size, "fileCount": out.files} | ({} if out.rows is None else {"rowCount": out.rows})
        dataset = _dataset(out)
        if columns := describe_columns(record, out.path):
            dataset["facets"]["schema"] = _facet("SchemaDatasetFacet", fields=columns)
        yield {**dataset, "outputFacets": {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", **counts)}}


def _dataset(item: Any) -> dict[str, Any]:
    version = _facet("DatasetVersionDatasetFacet", datasetVersion=item.md5)
    return {"namespace": NAMESPACE, "name": item.path, "facets": {"version": version}}


def _read_checks(record: Record) -> dict[str, list[dict[str, Any]]]:
    """The gate's checks by table, without the rows that it gives as examples; empty where its verdict is not here."""
    checks: dict[str, list[dict[str, Any]]] = {}
    for row in (read_json(record, VALIDATION) or {}).get("checks", ()):
        one = {
            "assertion": row["check"], "success": row["passed"],
            "severity": _SEVERITIES.get(row["severity"], row["severity"]),
            "name": ".".join([row["table"], row["check"], *row["columns"]]), "description": row["expected"],
            "expected": "0", "actual": str(row["n_unexpected"]), "params": {"n_rows": row["n_rows"]},
        }  # fmt: skip
        column = {"column": row["columns"][0]} if len(row["columns"]) == 1 else {}
        checks.setdefault(row["table"], []).append(one | column)
    return checks


def _time(record: Record) -> str:
    return committed_at(record.root, record.snapshot.commit or "HEAD")


def _facet(name: str, **values: Any) -> dict[str, Any]:
    url = f"{_SPEC}/facets/{_VERSIONS[name]}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **values}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _write(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
