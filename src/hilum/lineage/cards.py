"""The facts of a model card and of a data card: what is known of the line's model and of its data, and what is not.

In: a record, what its landings brought, and words for the scores. Out: JSON objects; card_text.py makes the cards.
They come from files that the line wrote and git or DVC recorded; what none of them says is null, or in the list of what
is unknown. No row of a table, no id of a patient and no word of a report is among them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilum.errors import BadDataError, VerificationError
from hilum.lineage.contents import VALIDATION, describe_checkout, read_json
from hilum.lineage.figures import METRICS
from hilum.lineage.ledger import CHAMPION, LEDGER, parse
from hilum.lineage.lock import LOCKS, Item
from hilum.lineage.record import Record, read_landings

MODEL, SERVED, WEIGHTS = "data/locate", "data/served/champion", "model.safetensors"
INDEX, EMBEDDINGS, LABELS = "data/index", "data/embeddings", "data/region_labels"
PHANTOM = "phantom"
USES = (
    "Research on how chest X-rays with the same finding in the same anatomical region can be found again.",
    "Work on the line itself: its stages, its checks and its records.",
)
NOT_FOR = (
    "Diagnosis, triage, or any decision about a patient.",
    "Finding out who a person is, or whether a person is in the collection.",
)
LIMITS = (
    "Labels are weak: rules read them from reports. What a report does not mention is no absence.",
    "Regions are boxes that a fitted atlas, or another program, has drawn on each image; no person did.",
    "An answer is alike to the question; that does not make the finding true of either.",
)
_PHANTOM_LIMIT = (
    "The collection is synthetic. Its figures say that the line works, and nothing of how it does on patients."
)


def describe_model(record: Record, words: Mapping[str, str]) -> dict[str, Any]:
    """The facts of the model card. words: score -> what it is.

    Raises BadDataError if no model is recorded.
    """
    item = record.lineage.out(MODEL)
    if item is None:
        raise BadDataError(f"no dvc.lock records {MODEL}; run the line first.")
    found = read_json(record, MODEL, "config.json") or {}
    held = read_landings(record.snapshot)["partitions"]
    trained = {name.partition("/")[2].rpartition(".")[0] for name in found.get("data", {}) if "pixels/" in name}
    metrics = read_json(record, METRICS) or {}
    champion = record.lineage.out(SERVED)
    facts = _common(record) | {
        "model": {
            "id": (read_json(record, INDEX, "index.json") or {}).get("model_id"),
            "path": MODEL, "md5": item.md5, "bytes": item.size, "objective": found.get("objective"),
            "parameters": found.get("params"), "shape": found.get("model"), "start": found.get("start"),
            "own_tokenizer": found.get("own_tokenizer"),
        },
        "trained_on": {
            "images": found.get("n_images"), "landings": sorted({held[name] for name in trained if name in held}),
            "findings": found.get("findings", []), "splits": _counts(record).get("splits", []),
        },
        "figures": [*_list_figures(metrics, words)],
        "labels": metrics.get("labels", {}), "relevance": metrics.get("relevance"), "asked": metrics.get("counts", {}),
        "served": champion and {"md5": champion.md5, "bytes": champion.size, "record": CHAMPION,
                                "is_this": _have_same_weights(record, item, champion)},
        "decision": read_json(record, "reports/decision.json"),
    }  # fmt: skip
    facts["digests"] = _digests(record, (MODEL, INDEX, EMBEDDINGS, LABELS, "data/tokenizer", METRICS))
    facts["unknown"] = [
        "How it does on a collection other than this one.",
        "How it does for people of different age, sex, origin or body: none of these is read.",
        "How it differs from one training seed to another, unless several checkouts say so.",
        "Whether somebody looked at the test split's figures while choosing parameters.",
        "Its licence and how to cite it: none is recorded here.",
        *([] if facts["run"] else ["Which packages and which machine trained it: no ledger line is of these bytes."]),
        *([] if metrics else ["Every figure: there is no metrics.json."]),
        *([] if found else ["Its shape and its training: the checkpoint's bytes are not here."]),
    ]
    return facts


def describe_data(record: Record, source: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of the data card. source: what each landing brought, as the listings have it."""
    counts, brought = _counts(record), {row.get("landing"): row for row in source}
    landings = []
    for path in record.snapshot.files("data/landings"):
        row = read_json(record, path) or {}
        if "landing" in row:
            found = brought.get(row["landing"], {})
            landings.append({
                "landing": row["landing"], "source": row["source"], "generated": row.get("generated", False),
                **{name: found.get(name) for name in ("files", "bytes", "reports", "images", "listed_by_source",
                                                      "agreeing")},
                "withdrawn_subjects": len(row.get("withdrawn_subjects", ())),
                "withdrawn_studies": len(row.get("withdrawn_studies", ())),
            })  # fmt: skip
    phantom = read_landings(record.snapshot)["collection"] == PHANTOM
    facts = _common(record) | {
        "landings": landings,
        "withdrawn": {kind: sum(row[f"withdrawn_{kind}"] for row in landings) for kind in ("subjects", "studies")},
        "funnel": counts.get("funnel", []), "splits": counts.get("splits", []), "findings": counts.get("findings", []),
        "quarantine": counts.get("quarantine", []), "labels": (read_json(record, METRICS) or {}).get("labels", {}),
        "digests": _digests(record, ("data/manifest", "data/texts", "data/mentions", LABELS, "data/images",
                                     "data/region_boxes", VALIDATION)),
    }  # fmt: skip
    facts["unknown"] = [
        *([] if phantom else [
            "Who collected the data, when, and with what consent: the source says so, if anyone.",
            "How the source made its subjects anonymous.",
            "Age, sex and origin of the subjects: none of these is read.",
        ]),
        "The licence of the labels and how to cite them: none is recorded here.",
        *([] if "macro_f1" in facts["labels"] else ["How often the labels are right on this collection."]),
        *([] if counts else ["Every count: the gate's verdict is not here."]),
    ]  # fmt: skip
    return facts


def _common(record: Record) -> dict[str, Any]:
    """What both cards say: where they are from, the gate's verdict, and what all this is for."""
    about = describe_checkout(record)
    gate = read_json(record, VALIDATION) or {}
    failed = [{key: row[key] for key in ("table", "check", "columns", "severity", "expected", "n_unexpected", "n_rows")}
              for row in gate.get("checks", ()) if not row["passed"]]  # fmt: skip
    limits = (_PHANTOM_LIMIT, *LIMITS) if about["collection"] == PHANTOM else LIMITS
    return {
        **about, "run": _find_run(record),
        "gate": {"verdict": gate.get("verdict"), "checks": len(gate.get("checks", ())), "failed": failed},
        "uses": list(USES), "not_for": list(NOT_FOR), "limits": list(limits),
    }  # fmt: skip


def _counts(record: Record) -> dict[str, Any]:
    return dict((read_json(record, VALIDATION) or {}).get("counts", {}))


def _find_run(record: Record) -> dict[str, Any] | None:
    """The first line of the ledger that a run left with these very locks; None where there is none."""
    found = {path: record.snapshot.read(path) for path in LOCKS}
    locks = {path: hashlib.sha256(text).hexdigest() for path, text in found.items() if text is not None}
    try:
        lines = list(parse(record.snapshot.read(LEDGER) or b""))
    except VerificationError:
        return None  # `hilum audit --verify lock` says what is wrong with it
    for line in lines:
        if locks and all(line.entry.files.get(path) == digest for path, digest in locks.items()):
            return {"at": line.entry.at, "what": line.entry.what, "environment": line.entry.environment}
    return None


def _have_same_weights(record: Record, *items: Item) -> bool | None:
    """Whether folders hold the same weights; None where a listing is not here."""
    try:
        found = [{file.md5 for file in record.store.files(item) if file.path.endswith(f"/{WEIGHTS}")} for item in items]
    except BadDataError:
        return None
    return all(digests == found[0] for digests in found)


def _digests(record: Record, paths: Sequence[str]) -> list[dict[str, Any]]:
    rows = [out for path in paths for out in record.lineage.inside(path)]
    return [{"path": out.path, "md5": out.md5, "bytes": out.size} for out in rows]


def _list_figures(metrics: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Every figure of retrieval and grounding with its interval and its chance; null where there is none."""
    named = {"retrieval": "mix", "grounding": "phrase"}
    for task, main in named.items():
        for score, values in metrics.get(task, {}).items():
            rows = {score: values} if isinstance(values, Mapping) else {}
            if score == "difference":
                rows = {key.replace("_minus_", " - "): value for key, value in values.items()}
            for name, row in rows.items():
                plain = main if name == metrics.get("objective") else name.replace("_minus_", " - ")
                yield from _read_row(row, {"task": task, "score": plain, "average": "macro", "is": words.get(plain)})
                micro = row.get("micro", {})
                yield from _read_row(micro, {"task": task, "score": plain, "average": "micro", "is": words.get(plain)})


def _read_row(row: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, value in row.items():
        if not isinstance(value, Mapping) and not name.endswith(("_low", "_high", "_chance")):
            rest = {part: row.get(f"{name}_{part}") for part in ("low", "high", "chance")}
            yield {**base, "metric": name, "value": value, **rest}
