"""explain: the stage of the line, and one question in words."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hilum.cli.command import PATH, verb
from hilum.cli.searching import REGIONS, choose_served

DATA = Path("data")


@verb("explain", "hilum explain --study 59424766 --region 'right lower lung zone'")
@click.option("--study", type=int, help="A study of this collection.")
@click.option("--image", type=PATH, help="An image file (JPEG or DICOM).")
@click.option("--text", help="The text of a report, or - for standard input.")
@click.option("--region", help="One of the 29 anatomical regions, such as 'right apical zone'.")
@click.option("--alpha", type=click.FloatRange(0, 1),
              help="0: whole images, 1: the region alone [default: the promoted model's own, else 0.5].")  # fmt: skip
@click.option("-k", "k", type=click.IntRange(1), help="How many cases [default: explain.n_cases].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--index", type=PATH, help="The indexes [default: those that are served, else data/index].")
@click.option("--model", type=PATH, help="Their checkpoint [default: the promoted one, else data/locate].")
@click.option("--data", type=PATH, default=DATA, help="The folder of tables.")
@click.option("--metrics", type=PATH, help="For the stage: metrics.json, which names alpha.")
@click.option("--out", type=PATH, help="For the stage, out: folder of the table of explanations and the examples.")
@click.option("--figures", type=PATH, help="For the stage, out: the scores (json).")
def explain(
    study: int | None,
    image: Path | None,
    text: str | None,
    region: str | None,
    alpha: float | None,
    k: int | None,
    as_json: bool,
    index: Path | None,
    model: Path | None,
    data: Path,
    metrics: Path | None,
    out: Path | None,
    figures: Path | None,
) -> None:
    """What the nearest cases say of a region, in words that cite them; or, with --out, the stage of the line."""
    from hilum.config import read_landings, read_params

    asked = [value for value in (study, image, text) if value is not None]
    if out is not None:
        if metrics is None or figures is None or index is None or asked or region is not None:
            raise click.UsageError("The stage needs --index, --metrics, --out and --figures, and no question.")
        from hilum.stages.explain import run

        landings = read_landings()
        run(
            data, list(landings.partitions), index, metrics, out, figures, read_params().explain, landings.collection
        )  # fmt: skip
        return
    if len(asked) != 1 or region is None:
        raise click.UsageError("Give one of --study, --image and --text, and --region.")
    from hilum.stages.explain_one import Asked
    from hilum.stages.explain_one import run as run_one

    index, model, alpha = choose_served(index, model, alpha)
    question = Asked(study, image, sys.stdin.read() if text == "-" else text, region)
    partitions = list(read_landings().partitions)
    click.echo(run_one(data, partitions, index, model, REGIONS, read_params(), question, alpha, k, as_json))


COMMANDS = (explain,)
