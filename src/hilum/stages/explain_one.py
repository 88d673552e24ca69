"""One study, image or text and a region in, an explanation with its cases out: `hilum explain`. No DVC stage.

What is printed holds report text: it is the result that was asked for, and goes to stdout alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import UsageError
from hilum.explanation.answers import Journal
from hilum.explanation.cases import Case
from hilum.explanation.explained import check
from hilum.explanation.reading import ClaimReader
from hilum.explanation.retrieving import search_cases
from hilum.explanation.statements import Statement, render, said
from hilum.explanation.writing import Task, write_all, writer_name
from hilum.retrieval.index import RegionIndex, open_index
from hilum.retrieval.search import Query, query_study
from hilum.stages.explain import read_evidence
from hilum.stages.search import open_model, pack_query, query_image, query_text

if TYPE_CHECKING:
    from hilum.config import Params


@dataclass(frozen=True)
class Asked:
    """A question: a study, an image file or a report's text, one of them; and a region."""

    study: int | None
    image: Path | None
    text: str | None
    region: str


def run(
    data: Path,
    partitions: Sequence[str],
    index: Path,
    model: Path,
    regions: Path,
    params: Params,
    asked: Asked,
    alpha: float,
    k: int | None,
    as_json: bool,
) -> str:
    """The explanation as JSON or as lines for a terminal. Raises BadDataError if the language model gives none."""
    opened = open_index(index)
    if asked.region not in opened.regions:
        raise UsageError(f"There is no region '{asked.region}'; the index has: {', '.join(opened.regions)}.")
    query = ask(opened, model, regions, params, asked)
    cases = search_cases(opened, query, read_evidence(data, partitions), alpha, k or params.explain.n_cases)
    answer = write_all([Task("explain", asked.region, cases)], params.explain, Journal(None))[0]
    statements = check(answer, asked.region, cases, ClaimReader())
    writer = writer_name(params.explain.writer)
    if as_json:
        rows = [{"section": row.section, "text": row.text, "cites": list(row.cites),
                 "findings": dict(row.findings), "dropped": row.dropped} for row in statements]  # fmt: skip
        shown = [vars(case) | {"labels": dict(case.labels)} for case in cases]
        found = {"text": render(statements), "said": list(said(statements)), "statements": rows, "cases": shown}
        return json.dumps({"region": asked.region, "writer": writer, "alpha": alpha, **found}, indent=2)
    return "\n".join(list_lines(writer, asked.region, alpha, cases, statements))


def ask(index: RegionIndex, model: Path, regions: Path, params: Params, asked: Asked) -> Query:
    """The query of what was asked with."""
    if asked.study is not None:
        return query_study(index, asked.study, asked.region)
    if asked.image is None and not (asked.text or "").strip():
        raise UsageError("The text to ask with is empty.")
    loaded = open_model(index, model)
    if asked.image is not None:
        packed, _ = pack_query(asked.image, regions, params)
        return query_image(index, loaded, packed, asked.image.stem, asked.region)
    return query_text(loaded, asked.text or "", asked.region)


def list_lines(
    writer: str, region: str, alpha: float, cases: Sequence[Case], statements: Sequence[Statement]
) -> list[str]:
    """The text, the cases it rests on, and what was dropped."""
    lines = [f"{region}, by {writer} from {len(cases)} cases, alpha {alpha:g}; not for diagnosis", ""]
    lines += [render(statements) or "The cases support no statement about this region.", "", "Cases:"]
    for case in cases:
        close = "" if case.similarity is None else f"  {case.similarity:.3f}"
        lines.append(f"[{case.number}] s{case.study_id} p{case.subject_id}{close}")
        lines += [f"    {sentence}" for sentence in case.sentences] or ["    (says nothing of this region)"]
    reasons = [row.dropped for row in statements if row.dropped is not None]
    if reasons:
        counts = ", ".join(f"{reasons.count(reason)} {reason}" for reason in sorted(set(reasons)))
        lines += ["", f"{len(reasons)} of {len(statements)} statements dropped: {counts}"]
    return lines
