"""The verbs of auditors: audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from hilum.cli.command import core_count, verb

LEVELS = ("lock", "cache", "source")


@verb("audit", "hilum audit reports/metrics.json:retrieval.rra_vl.located_at_10 --verify cache")
@click.argument("metric", required=False)
@click.option(
    "--all", "everything", is_flag=True, help="Every figure of reports/metrics.json, and all that is recorded."
)
@click.option("--rev", "revision", help="As a commit, branch or tag holds it [default: as it lies here].")
@click.option(
    "--verify",
    "levels",
    type=click.Choice(LEVELS),
    multiple=True,
    help="lock: what git holds agrees with itself; cache: every artifact's bytes too; source: the raw files' too.",
)
@click.option(
    "--key",
    "trusted",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A public key that you trust; without one, those in reports/keys may sign.",
)
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the account as one page of HTML, in which every hop and every query opens.",
)
@click.option("--show-text", is_flag=True, help="Show on the page the sentences of reports that labels rest on.")
@click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object.")
def audit(
    metric: str | None,
    everything: bool,
    revision: str | None,
    levels: tuple[str, ...],
    trusted: tuple[Path, ...],
    page: Path | None,
    show_text: bool,
    as_json: bool,
) -> None:
    """The chain behind a number: FILE:NAME, with @REVISION, or =VALUE to find the commits where it had that value.

    Exit 5 where a link is broken, naming the first; 3 where one cannot be checked, because its bytes are not here.
    """
    from hilum.config import EvaluateParams
    from hilum.lineage.figures import METRICS, find_commits, parse_figure
    from hilum.lineage.page import render_page
    from hilum.lineage.record import open_record
    from hilum.lineage.text import render_account
    from hilum.stages import audit as stage
    from hilum.stages.audit_cases import open_figure, raise_disagreements
    from hilum.tables import write_text

    root = Path.cwd()
    if everything == bool(metric):
        raise click.UsageError("name a figure as FILE:NAME, or --all.")
    if show_text and not page:
        raise click.UsageError("--show-text is for a page; add --page FILE.")
    figure = parse_figure(metric or METRICS)
    if figure.value is not None:
        _show_commits(find_commits(figure, root), str(figure), as_json)
        return
    with open_record(root, revision or figure.revision) as record:
        read_params = EvaluateParams.model_validate
        account: dict[str, Any] = (
            stage.audit_all(record, read_params) if everything else stage.audit_figure(record, figure, read_params)
        )
        paths = record.lineage.outs() if everything else [figure.file]
        account["checks"] = stage.verify(record, paths, levels or ("lock",), core_count(), trusted=trusted)
        cases = open_figure(record, figure, show_text=show_text) if page else {}
    if page:
        write_text(page, render_page(account, cases))
        if show_text:
            click.echo(f"audit: {page} shows report text; keep it as you keep the reports", err=True)
    if as_json:
        click.echo(json.dumps(account, indent=1))
    else:
        for line in render_account(account):
            click.echo(line)
    stage.raise_broken(account)
    raise_disagreements(cases)


def _show_commits(found: list[tuple[str, Any]], figure: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"commit": commit, "value": value} for commit, value in found], indent=1))
        return
    for commit, value in found:
        click.echo(f"{commit}  {value}")
    click.echo(f"audit: {len(found)} commits changed the file and gave {figure} that value", err=True)


COMMANDS = (audit,)
