"""Croissant 1.1 descriptions of tables that others may learn from: the region labels and the embeddings.

In: a record whose tables are here. Out: JSON-LD that mlcroissant reads: every file with its sha256, every column with
its type and meaning, and what responsible use asks for. No row and no id of a patient is in it. Paths are relative to
the checkout's root. What nobody has told hilum is said to be unknown. Nothing is published, so there is no date of it.
Known to be imperfect: a reader of a set of files in a folder, as mlcroissant is, does not compare their sha256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hilum.errors import BadDataError
from hilum.lineage.contents import describe_checkout, read_json
from hilum.lineage.lock import Item
from hilum.lineage.record import Record
from hilum.lineage.store import digest_of
from hilum.schema import EMBEDDINGS, REGION_LABELS, Column, Table

LABELS_FOLDER, EMBEDDINGS_FOLDER = "data/region_labels", "data/embeddings"
UNKNOWN = "unknown"
PHANTOM = "phantom"
PARQUET = "application/x-parquet"
_CONFORMS = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
_TYPES = {
    "string": "sc:Text", "int64": "cr:Int64", "int32": "cr:Int32", "float64": "cr:Float64", "bool": "sc:Boolean",
    "embedding": "cr:Float32",
}  # fmt: skip
_USE = "Research on searching chest X-rays by finding and region. Never for diagnosis or any decision about a patient."
_NO_LICENSE = f"{UNKNOWN}: no licence is recorded here; the terms under which the source was obtained hold."


def describe_labels(record: Record) -> dict[str, Any]:
    """The region labels. Raises BadDataError if one of their files is not here."""
    found = (read_json(record, "reports/metrics.json") or {}).get("labels", {})
    agreement = (
        f"Against what is known to be true of {found['n_statements']} statements: macro F1 {found['macro_f1']}, micro "
        f"F1 {found['micro_f1']}, from {found['n_labels']} labels."
        if "macro_f1" in found
        else f"{UNKNOWN}: how often the labels are right has not been measured on this collection."
    )
    return _describe(record, LABELS_FOLDER, REGION_LABELS, {
        "rai:dataAnnotationProtocol": [
            "Rules read each report: sections, then mentions of findings with place and assertion, then one label for "
            f"each finding and region of a study. {_params(record, LABELS_FOLDER)}"
        ],
        "rai:dataAnnotationAnalysis": [agreement],
        "rai:annotationsPerItem": "One, by rules; no person has labelled.",
        "rai:machineAnnotationTools": [f"hilum {describe_checkout(record)['version'] or UNKNOWN}, parse and label"],
        "rai:dataLimitations": [
            REGION_LABELS.caveat, f"label: {REGION_LABELS.column('label').description}",
            "What a report does not say is not labelled.",
        ],
    })  # fmt: skip


def describe_embeddings(record: Record) -> dict[str, Any]:
    """The embeddings. Raises BadDataError if one of their files is not here."""
    stage = next((record.lineage.maker(out.path) for out in record.lineage.inside(EMBEDDINGS_FOLDER)), None)
    read = [dep for dep in stage.deps if not dep.path.startswith(("src/", "data/pixels"))] if stage else []
    model = [f"{dep.path} (md5 {dep.md5})" for dep in read if dep.is_folder]
    return _describe(record, EMBEDDINGS_FOLDER, EMBEDDINGS, {
        "rai:dataPreprocessingProtocol": [
            f"Vectors of images, of reports and of regions in both, by {' and '.join(model) or 'a model ' + UNKNOWN}. "
            f"{_params(record, EMBEDDINGS_FOLDER)}"
        ],
        "rai:dataLimitations": [
            "A vector means something only beside others of the same model_id.",
            "Part of the subjects are those that the model was trained on.",
            "Something of the report or of the image may be recovered from a vector; keep it as you keep these.",
        ],
    })  # fmt: skip


def _describe(record: Record, folder: str, table: Table, known: Mapping[str, Any]) -> dict[str, Any]:
    outs = [out for out in record.lineage.inside(folder) if out.path.endswith(".parquet")]
    if not outs:
        raise BadDataError(f"no dvc.lock records a table in {folder}; run the line first.")
    about, name = describe_checkout(record), table.name
    phantom = about["collection"] == PHANTOM
    fields = [_describe_field(column, name, _embedding_size(record, outs[0])) for column in table.columns]
    digest = hashlib.sha256("".join(out.md5 for out in outs).encode()).hexdigest()
    context = json.loads(files("hilum.lineage").joinpath("templates/croissant_context.json").read_text("utf-8"))
    return {
        "@context": context,
        "@type": "sc:Dataset",
        "conformsTo": [*_CONFORMS],
        "name": f"hilum_{name}",
        "description": f"{table.description}. {table.caveat} Collection: {about['collection'] or UNKNOWN}. "
        f"Commit: {about['commit'] or UNKNOWN}. Nothing was published: creator, date and address are {UNKNOWN}.",
        "version": f"{about['version'] or '0.0.0'}+{digest[:16]}",
        "license": _NO_LICENSE,
        "citeAs": UNKNOWN,
        "inLanguage": "en",
        **_tell_of_source(record, phantom),
        **known,
        "distribution": [*(_describe_file(record, out) for out in outs), {
            "@type": "cr:FileSet", "@id": f"{name}-files", "name": f"{name}-files", "encodingFormat": PARQUET,
            "includes": f"{folder}/*.parquet", "description": "The same files, one a partition, as one table",
        }],
        "recordSet": [{
            "@type": "cr:RecordSet", "@id": name, "name": name, "description": table.description,
            "key": [{"@id": f"{name}/{column}"} for column in table.key], "field": fields,
        }],
    }  # fmt: skip


def _tell_of_source(record: Record, phantom: bool) -> dict[str, Any]:
    """How the collection came to be, as far as the landings say."""
    if phantom:
        return {
            "rai:dataCollection": "Synthetic: images are drawn and reports written by hilum itself. No person is in it",
            "rai:dataCollectionType": ["Software Collection"],
            "rai:personalSensitiveInformation": ["None: subjects and studies are made up, with ids like a hospital's."],
            "rai:dataBiases": ["Findings are as frequent, and worded, as the generator has it and no hospital."],
            "rai:dataUseCases": [_USE],
            "rai:dataReleaseMaintenancePlan": UNKNOWN,
        }
    return {
        "rai:dataCollection": f"{UNKNOWN}: see the source of the collection",
        "rai:dataCollectionType": ["Secondary Data Analysis"],
        "rai:personalSensitiveInformation": [
            "Health: what reports say of subjects, under the ids that the source gives them. Whether these were made "
            f"anonymous is the source's to say. No name, no report text, no picture. Withdrawn: {_withdrawn(record)}."
        ],
        "rai:dataBiases": [f"{UNKNOWN}: not measured"],
        "rai:dataUseCases": [_USE],
        "rai:dataReleaseMaintenancePlan": UNKNOWN,
    }


def _withdrawn(record: Record) -> str:
    found = [read_json(record, path) or {} for path in record.snapshot.files("data/landings") if path.endswith(".json")]
    subjects = {i for row in found for i in row.get("withdrawn_subjects", ())}
    studies = {i for row in found for i in row.get("withdrawn_studies", ())}
    return f"{len(subjects)} subjects and {len(studies)} single studies"


def _describe_file(record: Record, out: Item) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject", "@id": out.path, "name": out.path.rpartition("/")[2], "contentUrl": out.path,
        "contentSize": f"{out.size} B", "encodingFormat": PARQUET,
        "sha256": digest_of(record.store.path_of(out), "sha256"), "description": f"md5 {out.md5}",
    }  # fmt: skip


def _describe_field(column: Column, table: str, size: int | None) -> dict[str, Any]:
    inner = column.type.removeprefix("list<").removesuffix(">")
    words = [column.description, f"One of {', '.join(column.values)}" if column.values else "",
             f"In {column.unit}" if column.unit else "", "May be null" if column.nullable else ""]  # fmt: skip
    field = {
        "@type": "cr:Field", "@id": f"{table}/{column.name}", "name": column.name,
        "description": ". ".join(word for word in words if word), "dataType": _TYPES[inner],
        "source": {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": column.name}},
    }  # fmt: skip
    if inner == column.type and inner != "embedding":
        return field
    return {**field, "isArray": True, "arrayShape": str(size) if inner == "embedding" and size else "-1"}


def _embedding_size(record: Record, out: Item) -> int | None:
    try:
        types = pq.read_schema(record.store.path_of(out)).types
    except (OSError, pa.ArrowInvalid):
        raise BadDataError(f"{out.path} cannot be read as Parquet; run `dvc repro` to make it again.") from None
    return next((kind.list_size for kind in types if pa.types.is_fixed_size_list(kind)), None)


def _params(record: Record, folder: str) -> str:
    """The parameters of the stages that made the tables of a folder, in words."""
    stages = [record.lineage.maker(out.path) for out in record.lineage.inside(folder)]
    rows = {f"{section} {json.dumps(values)}" for stage in stages if stage
            for file in stage.params.values() for section, values in file.items()}  # fmt: skip
    return f"Parameters: {'; '.join(sorted(rows)) or UNKNOWN}."
