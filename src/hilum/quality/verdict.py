"""The whole gate: every table through its suite, every check across tables, one verdict, one canonical document.

In: the folder of tables, the partitions, the limits. Out: a `Judgement`, which says of itself what validation.json
holds and what a red gate tells its user. Neither holds a time, an id or a value that is not a key: the same tables
give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hilum.quality.across import CHECKS, Frames, run_check
from hilum.quality.checks import Check, Verdict, describe_key, judge
from hilum.quality.content import CONTENT_CHECKS, word_checks
from hilum.quality.reading import read_line
from hilum.quality.shares import Counts, count_line, share_checks
from hilum.quality.suites import check_table

N_NAMED = 5  # failed checks spelled out in the message of a red verdict
N_KEYS = 3  # failing rows named for each


@dataclass(frozen=True)
class Limits:
    """What params.yaml allows."""

    max_quarantine_share: float
    max_label_rate_change: float
    min_labelled_studies: int


@dataclass(frozen=True)
class Words:
    """What the vocabulary knows. parents: region -> the region it lies in."""

    regions: Collection[str]
    findings: Collection[str]
    parents: Mapping[str, str]


@dataclass(frozen=True)
class Judgement:
    """All checks, in the order of the line, all counts, and the tables as they were read, for who compares them."""

    checks: tuple[Check, ...]
    counts: Counts
    frames: Frames = field(repr=False, compare=False, default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """green, amber or red."""
        return judge(self.checks)

    def failed(self, severity: str) -> list[Check]:
        """The failed checks of one severity."""
        return [check for check in self.checks if check.severity == severity and not check.passed]


def judge_line(data: Path, partitions: Sequence[str], limits: Limits, words: Words) -> Judgement:
    """Read and judge every table on the line up to the gate."""
    tables = read_line(data, partitions)
    frames = {read.table.name: read.frame for read in tables}
    checks = [check for read in tables for check in read.checks]
    for read in tables:
        checks += check_table(read.table, read.frame, read.wrong_types)
    checks += check_across(frames, limits, words)
    return Judgement(tuple(checks), count_line(frames, partitions), frames)


def check_across(frames: Frames, limits: Limits, words: Words) -> list[Check]:
    """Every check that one column's description cannot hold."""
    crossed = (
        *CHECKS,
        *CONTENT_CHECKS,
        *word_checks(words.regions, words.findings, words.parents),
        *share_checks(limits.max_quarantine_share, limits.max_label_rate_change, limits.min_labelled_studies),
    )
    return [run_check(check, frames) for check in crossed]


def to_document(judgement: Judgement) -> dict[str, object]:
    """The judgement as plain values, for validation.json and the data page."""
    return {
        "verdict": judgement.verdict,
        "checks": [_check_row(check) for check in judgement.checks],
        "counts": judgement.counts,
    }


def to_json(document: Mapping[str, object]) -> str:
    """The canonical text: sorted keys, two spaces, a last newline, no character outside ASCII."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def refusal(judgement: Judgement, page: Path) -> str:
    """What a red gate says: which rows of which table failed what, and the next move."""
    failed = judgement.failed("critical")
    rows = [_sentence(check) for check in failed[:N_NAMED]]
    if len(failed) > N_NAMED:
        rows.append(f"{len(failed) - N_NAMED} more checks failed")
    count = "1 critical check" if len(failed) == 1 else f"{len(failed)} critical checks"
    return f"validation is red, {count} failed. {' | '.join(rows)} | All checks: {page}"


def _sentence(check: Check) -> str:
    """One failed check: `mentions: 14 of 3,000 rows fail finding_words (finding): expected ...; first: ...`."""
    columns = f" ({', '.join(check.columns)})" if check.columns else ""
    named = "; ".join(describe_key(key) for key in check.examples[:N_KEYS])
    more = check.n_unexpected - min(N_KEYS, len(check.examples))
    first = f" Failing: {named}{f' and {more:,} more' if more > 0 else ''}." if named else ""
    return (
        f"{check.table}: {check.n_unexpected:,} of {check.n_rows:,} fail {check.check}{columns}, "
        f"expected {check.expected}.{first} {check.next_move}"
    )


def _check_row(check: Check) -> dict[str, object]:
    return {
        "table": check.table,
        "check": check.check,
        "columns": list(check.columns),
        "severity": check.severity,
        "passed": check.passed,
        "expected": check.expected,
        "next_move": check.next_move,
        "n_rows": check.n_rows,
        "n_unexpected": check.n_unexpected,
        "examples": [dict(key) for key in check.examples],
    }
