"""The data report: verdict, checks, quarantine and labels of everything on the line up to the gate.

In: the document that validation.json holds, and how far the labels agree with the source's own. Out: one HTML page. It
shows keys and counts, never report text: of the terms that the vocabulary lacks only how many there are, for a term can
be a name (`hilum unknown-terms` prints them to whoever may read the reports).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from hilum.report.page import is_phantom, render

VERDICTS = {
    "green": "Everything that was looked at is as it should be.",
    "amber": "Nothing stops the line; something deserves a look.",
    "red": "The line stops here until what is listed below is mended.",
}
LABELLERS = {"chexpert": "CheXpert labeller", "negbio": "NegBio labeller", "test_set": "radiologist, test set"}
TEXTS = {"conclusion": "hilum reading the conclusion", "report": "hilum reading the whole report"}
VALUES = ("blank", "0", "\N{MINUS SIGN}1", "1")


def render_data_page(
    document: Mapping[str, Any], collection: str, agreement: Sequence[Mapping[str, Any]] | None = ()
) -> str:
    """The page for one verdict.

    document: {verdict, checks, counts} as `validate` writes it. agreement: by labeller, as `labels.agreement` has it,
    and the text that hilum read; None: a table that it needs is broken.
    """
    checks = document["checks"]
    by_table = [(name, list(rows)) for name, rows in groupby(_by_table(checks), key=lambda row: row["table"])]
    counts = document["counts"]
    return render(
        "data.html",
        {
            "collection": collection,
            "phantom": is_phantom(collection),
            "verdict": document["verdict"],
            "verdict_words": VERDICTS[document["verdict"]],
            "failed": [row for row in _by_severity(checks) if not row["passed"]],
            "n_checks": len(checks),
            "n_passed": sum(row["passed"] for row in checks),
            "by_table": by_table,
            "counts": counts,
            "agreement": [
                {**one, "name": f"{LABELLERS[one['labeller']]}, {TEXTS[one['text']]}"} for one in agreement or ()
            ],
            "compared": agreement is not None,
            "values": VALUES,
            "tables": [name for name in counts["partitions"][0] if name != "partition"] if counts["partitions"] else [],
            "n_files": counts["funnel"][0]["n"],
            "n_studies": counts["funnel"][2]["n"],
            "n_quarantined": sum(row["n"] for row in counts["quarantine"]),
        },
    )


def _by_table(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Checks with those of one table together, tables in the order in which they first appear."""
    order = list(dict.fromkeys(row["table"] for row in checks))
    return sorted(checks, key=lambda row: order.index(row["table"]))


def _by_severity(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    order = ("critical", "warning", "info")
    return sorted(checks, key=lambda row: order.index(row["severity"]))
