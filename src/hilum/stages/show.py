"""One report with what was read in it, for a terminal or as a page: what `hilum annotate --show` runs. No DVC stage."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.errors import UsageError
from hilum.report.annotated import render_annotated_page
from hilum.tables import write_text
from hilum.text.reader import ReportReader
from hilum.text.reports import Reports
from hilum.text.show import ShownReport, show_report
from hilum.text.terminal import write_report

if TYPE_CHECKING:
    from hilum.config import ParseParams

log = logging.getLogger(__name__)


def run(source: Path, name: str, page: Path | None, params: ParseParams, colours: bool, width: int) -> str:
    """The report as lines for a terminal; with `page`, also as a page at that path.

    name: a study id or the name of a file; empty where the source holds one report.
    """
    report = find_report(source, name, params)
    if page is not None:
        write_text(page, render_annotated_page(report))
        log.info("annotate: %s, which holds report text", page)
    return write_report(report, colours, width)


def find_report(source: Path, name: str, params: ParseParams) -> ShownReport:
    """Read the one report of a source that bears a name. Of several the first is taken, and the log says so.

    Raises UsageError if there is none, or if no name is given and the source holds several.
    """
    reports = Reports(source, name or None)
    found: tuple[int | str, str] | None = None
    n_found = 0
    for report in reports:
        n_found += 1
        found = found or report
        if not name and n_found > 1:
            raise UsageError(f"{source} holds more than one report; say which: --show ID, or --show FILE.")
    if found is None:
        lost = f" ({reports.n_undecodable} not readable as UTF-8 text)" if reports.n_undecodable else ""
        raise UsageError(
            f"{source} holds no report{f' {name!r}' if name else ''}{lost}; give a study id, such as s50000025, or the "
            f"name of a file."
        )
    if n_found > 1:
        log.warning("annotate: %s holds %d reports of this name; the first is shown", source, n_found)
    study_id, text = found
    parsed = next(ReportReader(params.batch_size).read([(study_id, text)]))
    return show_report(parsed, text)
