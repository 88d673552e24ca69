"""The verb that asks the index: search."""

from __future__ import annotations

from pathlib import Path

import click

from hilum.cli.command import PATH, verb


@verb("search", "hilum search --study 59424766 --region 'right lower lung zone' -k 5")
@click.option("--study", type=int, help="A study of this collection.")
@click.option("--image", type=PATH, help="An image file (JPEG or DICOM).")
@click.option("--region", required=True, help="One of the 29 anatomical regions, such as 'right apical zone'.")
@click.option("--alpha", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="0 compares whole images, 1 the region alone.")  # fmt: skip
@click.option("-k", "k", type=click.IntRange(1), default=5, show_default=True, help="How many cases.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--index", type=PATH, default=Path("data/index"), show_default=True, help="The indexes.")
@click.option("--model", type=PATH, default=Path("data/locate"), show_default=True, help="The checkpoint.")
def search(
    study: int | None, image: Path | None, region: str, alpha: float, k: int, as_json: bool, index: Path, model: Path
) -> None:
    """The nearest earlier cases of other patients, by the whole image and one region."""
    if (study is None) == (image is None):
        raise click.UsageError("Give either --study or --image.")
    from hilum.config import read_params
    from hilum.stages.search import run

    click.echo(run(index, model, read_params(), study, image, region, alpha, k, as_json))


COMMANDS = (search,)
