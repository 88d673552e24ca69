"""The verb that labels any reports, shows one, and says what a change of the rules changed: annotate."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click

from hilum.cli.command import PATH, verb

TEXTS = Path("data/texts")
THE_ONE = ""


@verb("annotate", "hilum annotate ../mimic-cxr --out labels.jsonl")
@click.argument("source", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--out", type=PATH, help="File of JSON lines [default: stdout]; with --diff a .csv or .jsonl.")
@click.option("--show", metavar="[REPORT]", is_flag=False, flag_value=THE_ONE,
              help="Print one report, by id or file, with what was read in it; SOURCE may be that report.")  # fmt: skip
@click.option("--page", type=PATH, help="With --show: write the same as an HTML page, which holds report text.")
@click.option("--diff", metavar="REV", help="Compare the labels with those of the code at a git revision.")
@click.option("--json", "as_json", is_flag=True, help="With --diff: print JSON.")
def annotate(
    source: Path | None, out: Path | None, show: str | None, page: Path | None, diff: str | None, as_json: bool
) -> None:
    """Weak labels of any reports: a tree, a csv (study_id, text), a folder of .txt, or - for stdin.

    Without SOURCE: the reports of this checkout.
    """
    _check(out, show, page, diff, as_json)
    from hilum.config import read_params

    root = _checkout()
    params = read_params(root / "params.yaml")
    if show is not None:
        if source is None and (show == "-" or Path(show).is_file()):
            source, show = Path(show), THE_ONE
        from hilum.stages.show import run as show_one

        colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        width = min(120, shutil.get_terminal_size((100, 40)).columns)
        click.echo(show_one(source or _texts(root), show, page, params.parse, colours, width), color=colours)
    elif diff is not None:
        from hilum.stages.churn import run as compare

        click.echo(compare(source or _texts(root), diff, root, out, params.label.on_conflict, as_json))
    else:
        from hilum.text.annotate import annotate as annotate_reports

        annotate_reports(source or _texts(root), out, params.parse)


def _check(out: Path | None, show: str | None, page: Path | None, diff: str | None, as_json: bool) -> None:
    if show is not None and diff is not None:
        raise click.UsageError("Give either --show or --diff.")
    if page is not None and show is None:
        raise click.UsageError("--page goes with --show.")
    if out is not None and show is not None:
        raise click.UsageError("--out does not go with --show; --page writes a file.")
    if as_json and diff is None:
        raise click.UsageError("--json goes with --diff; without it every line is JSON already.")


def _checkout() -> Path:
    """The nearest folder from here upwards with a params.yaml, else here."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "params.yaml").is_file()), here)


def _texts(root: Path) -> Path:
    if not (root / TEXTS).is_dir():
        raise click.UsageError(f"This checkout has no {TEXTS} yet: name a SOURCE, or run `dvc repro`.")
    return root / TEXTS


COMMANDS = (annotate,)
