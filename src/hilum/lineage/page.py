"""An account of an audit as one page of HTML, which loads nothing: every hop of the chain opens, and every query.

In: the account's facts, and what the figure opens into. Out: the page as text. Everything is escaped, and the one
script of the page is named by its digest in the page's own policy, so that no other can run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jinja2

from hilum.lineage.diagram import BOX, TALL, Group, anchor_of, group_hops, lay_out
from hilum.lineage.text import size_of

LEVELS = {
    "lock": "what git holds agrees with itself: commands, parameters, code and digests",
    "cache": "the bytes of every artifact are the recorded ones",
    "source": "the bytes of every raw file are those that landed",
    "rerun": "a stage, run again in a clean clone, writes the same bytes",
}
OTHERS = {
    "ledger": "the lines that runs left behind are unchanged, signed and of this history",
    "statement": "what was promoted is what a signed statement says it is",
}
MOST = 50  # disagreements shown
MINUS = "\N{MINUS SIGN}"


def render_page(account: Mapping[str, Any], cases: Mapping[str, Any]) -> str:
    """The page. cases: what `open_figure` gave; the words of reports are on the page only if they are in it."""
    broken = [link for check in account.get("checks", ()) for link in check["broken"]]
    groups = group_hops(account["hops"], broken)
    script = _environment().get_template("audit.js").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment().get_template("audit.html").render(
        account=account, cases=cases, groups=groups, diagram=lay_out(groups), box=BOX, tall=TALL,
        verdict=judge(account, cases), unverified=list_unverified(account, cases), levels=LEVELS | OTHERS,
        unplaced=[link for link in broken if not any(link in (*g.broken, *g.absent) for g in groups)],
        stages={hop["stage"]: group.anchor if len(group.hops) == 1 else anchor_of(hop["stage"])
                for group in groups for hop in group.hops},
        examples=_examples(cases), landed=_describe_landed(account["source"]),
        script=script, script_digest=digest, most=MOST,
    )  # fmt: skip


def judge(account: Mapping[str, Any], cases: Mapping[str, Any]) -> dict[str, Any]:
    """What the checks come to: whole, broken, or not all here; with what is wrong, in words."""
    links = [link for check in account.get("checks", ()) for link in check["broken"]]
    wrong = [f"{link['where']}: expected {link['expected']}, found {link['found']}" for link in links
             if not link["missing"]]  # fmt: skip
    absent = [f"{link['where']}: {link['found']}" for link in links if link["missing"]]
    for name, row in account["recomputed"].get("unequal", {}).items():
        wrong.append(f"{name}: recorded {row['recorded']}, recomputed {row['recomputed']}")
    wrong += cases.get("disagreements", ())
    if wrong:
        return {"kind": "bad", "word": "Broken", "rows": wrong, "n": len(wrong)}
    if absent:
        return {"kind": "warn", "word": "Not all here", "rows": absent, "n": len(absent)}
    if not account.get("checks"):
        return {"kind": "warn", "word": "Not checked", "rows": [], "n": 0}
    return {"kind": "good", "word": "Whole", "rows": [], "n": 0}


def list_unverified(account: Mapping[str, Any], cases: Mapping[str, Any]) -> list[str]:
    """What this audit did not verify, and why."""
    done = {check["level"] for check in account.get("checks", ())}
    found = [f"That {words}: not asked for (--verify {level})" for level, words in LEVELS.items() if level not in done]
    if "why_not" in account["recomputed"]:
        found.append(f"The figure was not recomputed: {account['recomputed']['why_not']}")
    if "why_not" in cases:
        found.append(f"The figure was not opened into what it averages: {cases['why_not']}")
    for row in account["source"]:
        if "why_not" in row:
            found.append(f"What landed was not read: {row['why_not']}")
        elif row["listed_by_source"] < row["files"]:
            n = row["files"] - row["listed_by_source"]
            found.append(
                f"No list of the source's own names {n:,} of the {row['files']:,} files of {row['landing']}; "
                f"what stands for those is the sha256 taken when they landed"
            )
    if account["state"]["changed"]:
        n = len(account["state"]["changed"])
        found.append(f"{n:,} files of the working tree differ from the commit, so no commit stands for all of this")
    if not account.get("statement") and "statement" not in done:
        found.append("No signed statement was looked at: who ran the line is not shown, only what it read and wrote")
    return found


def write_number(value: Any, digits: int = 6) -> str:
    """A figure with its digits and a real minus sign; a dash for none."""
    if value is None:
        return "\N{EN DASH}"
    words = f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"
    return words.replace("-", MINUS)


def describe_said(answer: Mapping[str, Any], finding: str, study: Mapping[str, Any]) -> dict[str, Any]:
    """The weak labels of a study for a finding: here, in the region asked for, with mentions; and elsewhere."""
    rows = [row for row in study["labels"] if row["finding"] == finding]
    here = [row for row in rows if row["region"] in answer["said_at"]]
    others = [f"{row['label']} at {row['region'] or 'no place'}" for row in rows if row not in here]
    return {"here": here, "elsewhere": others}


def _examples(cases: Mapping[str, Any]) -> dict[str, Any]:
    """A raw file and a sentence of it, for the commands that check by hand."""
    for study in cases.get("studies", {}).values():
        for label in study["labels"]:
            if label["mentions"] and study["report"]:
                return {"report": study["report"], "mention": label["mentions"][0]}
    return {}


def _describe_landed(rows: Sequence[Mapping[str, Any]]) -> str:
    known = [row for row in rows if "files" in row]
    return f"{sum(row['files'] for row in known):,} files, {size_of(sum(row['bytes'] for row in known))}"


def _shorten(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _describe(group: Group) -> str:
    """The second line of a box."""
    outs = [out for hop in group.hops for out in hop["writes"]]
    rows = [out["rows"] for out in outs if out["rows"] is not None]
    words = f"{sum(rows):,} rows" if rows else f"{sum(out['files'] for out in outs):,} files"
    return f"{words}, {size_of(sum(out['size'] for out in outs))}"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hilum.lineage"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=write_number, size=size_of, shorten=_shorten, describe=_describe)
    environment.globals.update(said=describe_said)
    return environment
