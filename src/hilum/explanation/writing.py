"""Explanations of many questions by the writer that params.yaml names, and the ratings of a judge.

In: regions and cases. Out: answers; of the judge, whole numbers from 1 to 5. The paper rates consistency by a language
model too; its prompt is not public, and prompts/judge.jinja is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.explanation.answers import Answer, Journal, ask_all
from hilum.explanation.cases import Case
from hilum.explanation.consensus import agree
from hilum.explanation.models import open_model
from hilum.explanation.prompting import EXPLAIN, JUDGE, fill_prompt

if TYPE_CHECKING:
    from hilum.config import ExplainParams, LanguageModelParams

NO_RATING = "no rating in the answer"
_RATING = re.compile(r"rating\W{0,6}([1-5])(?![0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Task:
    """One explanation to be written. name: for the log."""

    name: str
    region: str
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Rated:
    """One explanation to be rated. reference: sentences of the query's own report about the region."""

    name: str
    region: str
    reference: tuple[str, ...]
    text: str


def write_all(tasks: Sequence[Task], params: ExplainParams, journal: Journal) -> list[Answer]:
    """An answer a task; the consensus answers all. Raises BadDataError if a language model cannot be reached."""
    if params.writer.client == "consensus":
        return [Answer(agree(task.region, task.cases, params.agreement)) for task in tasks]
    prompts = [fill_prompt(EXPLAIN, region=task.region, cases=task.cases) for task in tasks]
    return ask_all(open_model(params.writer), [task.name for task in tasks], prompts, journal)


def rate_all(
    rated: Sequence[Rated], params: LanguageModelParams, journal: Journal
) -> list[tuple[int | None, str | None]]:
    """The rating of each, or None and why there is none."""
    prompts = [fill_prompt(JUDGE, region=row.region, reference=row.reference, text=row.text) for row in rated]
    answers = ask_all(open_model(params), [row.name for row in rated], prompts, journal)
    return [read_rating(answer) for answer in answers]


def read_rating(answer: Answer) -> tuple[int | None, str | None]:
    """The number behind RATING, or the answer if it is that number alone."""
    if answer.text is None:
        return None, answer.failure
    text = answer.text.strip()
    found = _RATING.search(text)
    number = found[1] if found else text if re.fullmatch("[1-5]", text) else None
    return (int(number), None) if number else (None, NO_RATING)


def writer_name(params: LanguageModelParams) -> str:
    """As figures name it: the client, and the model if there is one. No address and no path."""
    return f"{params.client}: {params.model.rstrip('/').rpartition('/')[2]}" if params.model else params.client
