"""A record in other people's standards: OpenLineage, Croissant, PROV, and cards of the model and of the data.

In: a record and a folder. Out: files in it, the same bytes for the same record. Nothing else is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hilum.lineage.card_text import DATA_CARD, MODEL_CARD, render_card
from hilum.lineage.cards import describe_data, describe_model
from hilum.lineage.croissant import describe_embeddings, describe_labels
from hilum.lineage.figures import METRICS
from hilum.lineage.openlineage import describe_runs
from hilum.lineage.prov import describe_chain
from hilum.lineage.record import Record
from hilum.report.results import SCORE_WORDS
from hilum.stages.audit import describe_source
from hilum.tables import write_text


def export(record: Record, folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """Write what is named, or all there is, and return the files in order. Raises BadDataError if bytes are missing."""
    written: dict[Path, str] = {}
    for name in only or KINDS:
        written |= {folder / file: text for file, text in KINDS[name](record).items()}
    for path, text in written.items():
        write_text(path, text)
    return list(written)


def _export_openlineage(record: Record) -> dict[str, str]:
    return {"openlineage.jsonl": "".join(f"{json.dumps(event)}\n" for event in describe_runs(record))}


def _export_croissant(record: Record) -> dict[str, str]:
    return {
        "croissant-labels.json": _to_json(describe_labels(record)),
        "croissant-embeddings.json": _to_json(describe_embeddings(record)),
    }


def _export_prov(record: Record) -> dict[str, str]:
    return {"prov.json": _to_json(describe_chain(record, [METRICS]))}


def _export_cards(record: Record) -> dict[str, str]:
    model, data = describe_model(record, SCORE_WORDS), describe_data(record, describe_source(record))
    return {
        MODEL_CARD: render_card(MODEL_CARD, model),
        "model_card.json": _to_json(model),
        DATA_CARD: render_card(DATA_CARD, data),
        "data_card.json": _to_json(data),
    }


def _to_json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1) + "\n"


KINDS: Mapping[str, Callable[[Record], dict[str, str]]] = {
    "openlineage": _export_openlineage,
    "croissant": _export_croissant,
    "prov": _export_prov,
    "cards": _export_cards,
}
"""What there is to export, under the names that --only takes."""
