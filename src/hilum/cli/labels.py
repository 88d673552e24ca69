"""The verb that labels any reports: annotate."""

from __future__ import annotations

from pathlib import Path

import click

from hilum.cli.command import PATH, verb


@verb("annotate", "hilum annotate ../mimic-cxr --out labels.jsonl")
@click.argument("source", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--out", type=PATH, help="File of JSON lines [default: stdout].")
def annotate(source: Path, out: Path | None) -> None:
    """Weak labels of any reports: a tree, a csv (study_id, text), a folder of .txt, or - for stdin."""
    from hilum.config import read_params
    from hilum.text.annotate import annotate as annotate_reports

    annotate_reports(source, out, read_params().parse)


COMMANDS = (annotate,)
