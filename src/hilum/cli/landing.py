"""The verbs that record what arrived: land and withdraw."""

from __future__ import annotations

from pathlib import Path

import click

from hilum.cli.command import PATH, verb, worker_count


@verb("land", "hilum land ../mimic-cxr-jpg && dvc repro")
@click.argument("source", type=PATH)
@click.option("--collection", help="Name of the collection [default: the tree's own, else the folder's name].")
def land(source: Path, collection: str | None) -> None:
    """Record what is new in SOURCE, a tree in the MIMIC-CXR(-JPG) layout, as a landing."""
    from hilum.sources.landings import land as record

    click.echo(record(source, Path.cwd(), collection, worker_count()).summary)


@verb("withdraw", "hilum withdraw --subject 10000032 && dvc repro")
@click.option("--subject", "subjects", type=int, multiple=True, help="A subject to be forgotten; may be repeated.")
@click.option("--study", "studies", type=int, multiple=True, help="A study to be forgotten; may be repeated.")
def withdraw(subjects: tuple[int, ...], studies: tuple[int, ...]) -> None:
    """Record that subjects or studies are to be forgotten: by listings and tables now, by all else when it is made."""
    if not subjects and not studies:
        raise click.UsageError("Name at least one --subject or --study.")
    from hilum.sources.landings import withdraw as record

    click.echo(record(Path.cwd(), subjects, studies).summary)


COMMANDS = (land, withdraw)
