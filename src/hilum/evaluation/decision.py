"""The decision: whether the challenger takes the champion's place, why, and how a person reads it.

In: comparisons, the gate's verdict, the policy of params.yaml. Out: verdict and reasons; the evidence as Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hilum.evaluation.challenge import Comparison

if TYPE_CHECKING:
    from hilum.config import ChallengeParams

PROMOTED, REFUSED = "promoted", "refused"
GATES = ("green", "amber", "red")  # best first


def judge_challenge(
    comparisons: Sequence[Comparison], gate: str, warnings: Sequence[str], params: ChallengeParams
) -> tuple[str, list[str]]:
    """The verdict, and its reasons: all that failed if refused, all that was asked if promoted.

    comparisons: of the metric and of every guard; gate: the verdict of the gate; warnings: the names of its failed
    checks. The metric is judged by the lower end of its interval, a guard by its difference.
    """
    found = {comparison.metric: comparison for comparison in comparisons}
    outcomes = [_judge_metric(found[params.metric], params.margin)]
    outcomes += [_judge_guard(found[metric], allowed) for metric, allowed in params.guards.items()]
    outcomes.append(_judge_gate(gate, warnings, params.gate))
    failed = [reason for good, reason in outcomes if not good]
    return (REFUSED, failed) if failed else (PROMOTED, [reason for _, reason in outcomes])


def render_decision(evidence: Mapping[str, Any]) -> str:
    """challenge.json as Markdown, for a commit message or a person. Holds all that it needs; no file is read."""
    new, old, asked = evidence["challenger"], evidence["champion"], evidence["benchmark"]
    lines = [f"# {evidence['verdict'].capitalize()}: {new['model_id']} against {old['model_id']}", ""]
    lines += [f"- {reason}" for reason in evidence["reasons"]]
    lines += ["", "| metric | champion | challenger | difference | 95 % | questions | cells |", "|---|" + "---:|" * 6]
    lines += [_table_row(name, row) for name, row in evidence["metrics"].items()]
    lines += [
        "",
        f"Champion {old['model_id']} ({_describe(old)}). Challenger {new['model_id']} ({_describe(new)}).",
        f"Asked on {', '.join(asked['landings'])}, by {asked['relevance']} labels: {asked['n_queries']:,} questions "
        f"of {asked['n_patients']:,} patients in {asked['n_cells']} cells to {asked['n_images']:,} images, sha256 "
        f"{asked['sha256'][:16]}.",
        "",
        "## Drift of what has landed since",
        "",
        *_drift_rows(evidence["drift"]),
    ]
    return "\n".join(lines) + "\n"


def _judge_metric(found: Comparison, margin: float) -> tuple[bool, str]:
    if math.isnan(found.low):
        return False, _unmeasured(found.metric)
    good = found.low > -margin
    return good, (
        f"{found.metric}: {_describe_difference(found)}; the lower end of the interval, {found.low:+.3f}, is "
        f"{'above' if good else 'not above'} {-margin:+.3f}"
    )


def _judge_guard(found: Comparison, allowed: float) -> tuple[bool, str]:
    if math.isnan(found.difference):
        return False, _unmeasured(found.metric)
    good = found.difference >= -allowed
    return good, (
        f"{found.metric}: {_describe_difference(found)}; a guard, it may fall by {allowed:.3f}"
        f"{'' if good else ' at most'}"
    )


def _judge_gate(gate: str, warnings: Sequence[str], worst: str) -> tuple[bool, str]:
    good = GATES.index(gate) <= GATES.index(worst)
    named = f" ({', '.join(warnings)})" if warnings else ""
    return good, f"the gate is {gate}{named}; the policy asks for {worst}{'' if worst == 'green' else ' or better'}"


def _describe_difference(found: Comparison) -> str:
    return (
        f"{found.challenger:.3f} against the champion's {found.champion:.3f}, {found.difference:+.3f} "
        f"({found.low:+.3f} to {found.high:+.3f})"
    )


def _unmeasured(metric: str) -> str:
    return (
        f"{metric}: no question of the benchmark has it; freeze a landing with more studies (challenge.benchmark) or "
        f"lower challenge.min_positives"
    )


def _describe(model: Mapping[str, Any]) -> str:
    return f"{model['objective']}, alpha {model['alpha']:g}, trained on {', '.join(model['landings'])}"


def _table_row(name: str, row: Mapping[str, Any]) -> str:
    if row["difference"] is None:
        return f"| {name} | | | not measured | | 0 | 0 |"
    return (
        f"| {name} | {row['champion']:.3f} | {row['challenger']:.3f} | {row['difference']:+.3f} | "
        f"{row['low']:+.3f} to {row['high']:+.3f} | {row['n_queries']:,} | {row['n_cells']} |"
    )


def _drift_rows(drift: Mapping[str, Any]) -> list[str]:
    rows = [f"- Warning: {warning}" for warning in drift["warnings"]]
    if labels := drift["label_rates"]:
        named = [f"{r['finding']} {r['trained']:.1%} to {r['new']:.1%} (p {r['p']:.3f})" for r in labels["largest"]]
        rows.append(f"- Label rates: {'; '.join(named)}.")
    if images := drift["embedding"]:
        rows.append(
            f"- Images: {images['distance']:.3f} apart (by chance {images['distance_by_chance']:.3f}, "
            f"p {images['p']:.3f})."
        )
    if agreement := drift["agreement"]:
        rows.append(
            f"- Agreement of images and labels: {agreement['trained']:.3f} to {agreement['new']:.3f} above chance "
            f"(p {agreement['p']:.3f})."
        )
    if words := drift["unknown_words"]:
        rows.append(f"- Unknown words: {words['trained']:.2%} to {words['new']:.2%} (p {words['p']:.3f}).")
    if terms := drift["unknown_terms"]:
        rows.append(
            f"- Unknown terms a report: {terms['trained_per_report']:.2f} to {terms['new_per_report']:.2f}; "
            f"{terms['share_unheard']:.0%} of the new ones never said before."
        )
    reasons: dict[str, list[str]] = {}
    for part, reason in drift["left_out"].items():
        reasons.setdefault(reason, []).append(part)
    return rows + [f"- Not measured ({', '.join(parts)}): {reason}." for reason, parts in reasons.items()]
