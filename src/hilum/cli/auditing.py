"""The verbs of auditors: audit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hilum.cli.command import core_count, verb

if TYPE_CHECKING:
    from hilum.lineage.figures import Figure

LEVELS = ("lock", "cache", "source", "rerun")


@verb("audit", "hilum audit reports/metrics.json:retrieval.rra_vl.located_at_10 --verify cache")
@click.argument("metric", required=False)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every figure of metrics.json and explanations.json, and all that is recorded.",
)
@click.option("--rev", "revision", help="As a commit, branch or tag holds it [default: as it lies here].")
@click.option(
    "--verify",
    "levels",
    type=click.Choice(LEVELS),
    multiple=True,
    help="lock: what git holds agrees with itself; cache: every artifact's bytes too; source: the raw files' too; "
    "rerun: a stage run again in a clean clone gives its bytes again.",
)
@click.option("--stage", "names", multiple=True, help="With --verify rerun: which stage [default: the figure's own].")
@click.option("--diff", "old", metavar="REV", help="Why the figure is not what it was at REV, and how much by what.")
@click.option("--exact", is_flag=True, help="With --diff: Shapley's shares over all subsets of up to 4 causes.")
@click.option("--subject", help="All that knows a subject, in every commit, the cache and what lies here.")
@click.option("--study", help="All that knows a study.")
@click.option("--file", "raw_file", help="All that was made from a raw file: files/p10/p10000032/s50414267.txt.")
@click.option("--purge", is_flag=True, help="Remove what holds who is withdrawn from the cache and the default remote.")
@click.option("--models", is_flag=True, help="With --purge: models trained on them as well.")
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
    names: tuple[str, ...],
    old: str | None,
    exact: bool,
    subject: str | None,
    study: str | None,
    raw_file: str | None,
    purge: bool,
    models: bool,
    trusted: tuple[Path, ...],
    page: Path | None,
    show_text: bool,
    as_json: bool,
) -> None:
    """The chain behind a number: FILE:NAME, with @REVISION, or =VALUE to find the commits where it had that value.

    Exit 5 where a link is broken, naming the first; 3 where one cannot be checked, because its bytes are not here.
    """
    from hilum.cli.replaying import show_difference
    from hilum.lineage.figures import METRICS, find_commits, parse_figure

    root = Path.cwd()
    asked = [(kind, name) for kind, name in (("subject", subject), ("study", study), ("file", raw_file)) if name]
    if asked:
        if len(asked) > 1 or metric or everything or levels:
            raise click.UsageError("ask for one subject, study or file, and for nothing else.")
        _show_person(*asked[0], revision, purge, models, as_json)
        return
    if purge or models:
        raise click.UsageError("--purge needs the --subject or --study that was withdrawn.")
    if everything == bool(metric):
        raise click.UsageError("name a figure as FILE:NAME, or --all.")
    if show_text and not page:
        raise click.UsageError("--show-text is for a page; add --page FILE.")
    figure = parse_figure(metric or METRICS)
    if figure.value is not None:
        _show_commits(find_commits(figure, root), str(figure), as_json)
        return
    if old is not None:
        if everything:
            raise click.UsageError("--diff explains one figure; name it as FILE:NAME.")
        figure = replace(figure, revision=revision or figure.revision)
        show_difference(root, figure, old, shapley=exact, as_json=as_json)
        return
    at = revision or figure.revision
    _show_chain(figure, everything, at, levels or ("lock",), names, trusted, page, show_text, as_json)


def _show_chain(
    figure: Figure,
    everything: bool,
    revision: str | None,
    levels: tuple[str, ...],
    names: tuple[str, ...],
    trusted: tuple[Path, ...],
    page: Path | None,
    show_text: bool,
    as_json: bool,
) -> None:
    """Print the account of a figure, or of all; exit 5 or 3 as `audit` says."""
    from hilum.cli.replaying import check_rerun
    from hilum.config import read_section
    from hilum.lineage.page import render_page
    from hilum.lineage.record import open_record
    from hilum.lineage.text import render_account
    from hilum.stages import audit as stage
    from hilum.stages.audit_cases import open_figure, raise_disagreements
    from hilum.tables import write_text

    with open_record(Path.cwd(), revision) as record:
        account: dict[str, Any] = (
            stage.audit_all(record, read_section) if everything else stage.audit_figure(record, figure, read_section)
        )
        paths = record.lineage.outs() if everything else [figure.file]
        account["checks"] = stage.verify(record, paths, levels, core_count(), trusted=trusted)
        if "rerun" in levels or names:
            account["checks"].append(check_rerun(record, figure.file, names))
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


def _show_person(kind: str, name: str, revision: str | None, purge: bool, models: bool, as_json: bool) -> None:
    """Exit 5 if somebody who is withdrawn is still held."""
    from hilum.errors import VerificationError
    from hilum.lineage.purge import what_forgets
    from hilum.stages import audit_subject as stage

    root = Path.cwd()
    if purge:
        from flows.purge import purge_remote

        account = stage.purge_subject(root, kind, name, lambda *what: purge_remote(root, *what), models=models)
    else:
        account = stage.audit_subject(root, kind, name, revision)
    if as_json:
        click.echo(json.dumps(account, indent=1))
    else:
        for line in stage.render_subject(account):
            click.echo(line)
    if account["withdrawn_by"] and not account["absent"]:
        move = f"run {what_forgets(account['held'])}, then audit again"
        raise VerificationError(f"{kind} {name} is withdrawn, and {account['held'][0]} still holds it; {move}.")


def _show_commits(found: list[tuple[str, Any]], figure: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"commit": commit, "value": value} for commit, value in found], indent=1))
        return
    for commit, value in found:
        click.echo(f"{commit}  {value}")
    click.echo(f"audit: {len(found)} commits changed the file and gave {figure} that value", err=True)


COMMANDS = (audit,)
