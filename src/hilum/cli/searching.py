"""The verbs that use a trained model: search and browse ask the index, encode embeds any tree, ground finds phrases."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hilum.cli.command import PATH, verb, worker_count

DATA = Path("data")
SERVED = Path("data/served")
REGIONS = Path("data/regions")


@verb("search", "hilum search --study 59424766 --region 'right lower lung zone' -k 5")
@click.option("--study", type=int, help="A study of this collection.")
@click.option("--by", type=click.Choice(["image", "report"]), default="image", show_default=True,
              help="What a study asks with.")  # fmt: skip
@click.option("--image", type=PATH, help="An image file (JPEG or DICOM).")
@click.option("--text", help="Words, such as 'small pleural effusion', or a report's text.")
@click.option("--region", "regions", multiple=True, required=True,
              help="An anatomical region, such as 'right apical zone'; may be given several times.")  # fmt: skip
@click.option("--against", type=click.Choice(["image", "report"]), default="image", show_default=True,
              help="What answers.")  # fmt: skip
@click.option("--alpha", type=click.FloatRange(0, 1),
              help="0: whole images, 1: the region alone [default: the promoted model's own, else 0.5].")  # fmt: skip
@click.option("-k", "k", type=click.IntRange(1), default=5, show_default=True, help="How many cases.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--page", type=PATH, help="Also write the cases as an offline page (it holds X-rays and report text).")
@click.option("--index", type=PATH, help="The indexes [default: those that are served, else data/index].")
@click.option("--model", type=PATH, help="Their checkpoint [default: the promoted one, else data/locate].")
def search(
    study: int | None,
    by: str,
    image: Path | None,
    text: str | None,
    regions: tuple[str, ...],
    against: str,
    alpha: float | None,
    k: int,
    as_json: bool,
    page: Path | None,
    index: Path | None,
    model: Path | None,
) -> None:
    """The nearest earlier cases of other patients, by the whole and one or several regions.

    Several of --study, --image and --text ask as one. Of several regions, the mean of the cosines counts.
    """
    if (study, image, text) == (None, None, None):
        raise click.UsageError("Give --study, --image or --text.")
    from hilum.config import read_landings, read_params
    from hilum.stages.search import run
    from hilum.stages.search_page import PageOptions

    params, landings = read_params(), read_landings()
    index, model, alpha = choose_served(index, model, alpha)
    options = None
    if page is not None:
        sigma = params.evaluate.smoothing_patches
        options = PageOptions(page, DATA, list(landings.partitions), landings.collection, sigma)
    click.echo(run(index, model, REGIONS, params, study, image, regions, alpha, k, as_json, text, options, by, against))


@verb("browse", "hilum browse --port 8650")
@click.option("--port", type=click.IntRange(0, 65535), default=8650, show_default=True,
              help="Of 127.0.0.1; 0: a free one.")  # fmt: skip
@click.option("--index", type=PATH, help="The indexes [default: those that are served, else data/index].")
@click.option("--model", type=PATH, help="Their checkpoint [default: the promoted one, else data/locate].")
def browse(port: int, index: Path | None, model: Path | None) -> None:
    """A page for this machine alone: choose an image, click a region, move alpha, see the nearest cases."""
    from hilum.config import read_landings, read_params
    from hilum.stages.browse import run

    params, landings = read_params(), read_landings()
    index, model, alpha = choose_served(index, model, None)

    def tell(address: str) -> None:
        click.echo(f"browse: {address} shows X-rays and report text to whoever is on this machine; Ctrl-C ends it")

    run(DATA, list(landings.partitions), index, model, params.evaluate, landings.collection, alpha, port, tell)


def choose_served(index: Path | None, model: Path | None, alpha: float | None) -> tuple[Path, Path, float]:
    """The indexes, their checkpoint and alpha: those given, else those that are served, else the line's."""
    served = (SERVED / "index").is_dir() and index is None and model is None
    if alpha is None:
        settings = SERVED / "champion/settings.json"
        alpha = json.loads(settings.read_text(encoding="utf-8"))["alpha"] if served else 0.5
    index = index or (SERVED / "index" if served else Path("data/index"))
    model = model or (SERVED / "champion/model" if served else Path("data/locate"))
    return index, model, float(alpha)


@verb("encode", "hilum encode ../mimic-cxr --out embeddings.parquet")
@click.argument("tree", type=PATH)
@click.option("--out", type=PATH, required=True, help="Out: embeddings, whole and by region (Parquet).")
@click.option("--model", type=PATH, help="A checkpoint [default: the promoted one, else data/locate].")
def encode(tree: Path, out: Path, model: Path | None) -> None:
    """Embed the images and reports of any tree in the MIMIC-CXR layout."""
    from hilum.config import read_params
    from hilum.stages.encode import run

    run(tree, model or newest_model(), REGIONS, out, read_params(), worker_count())


@verb("ground", "hilum ground MS_CXR_Local_Alignment_v1.1.0.csv --images ../mimic-cxr-jpg --out grounding.json")
@click.argument("boxes", type=PATH)
@click.option("--images", type=PATH, required=True, help="The folder that the file's paths start from.")
@click.option("--out", type=PATH, required=True, help="Out: figures by category, and a row a unit (JSON).")
@click.option("--model", type=PATH, help="A checkpoint [default: the promoted one, else data/locate].")
def ground(boxes: Path, images: Path, out: Path, model: Path | None) -> None:
    """Find phrases in images, judged by boxes in MS-CXR's form (csv or json)."""
    from hilum.config import read_params
    from hilum.stages.ground import run

    run(boxes, images, model or newest_model(), out, read_params())


def newest_model() -> Path:
    """The checkpoint that is promoted, else that of the line."""
    champion = SERVED / "champion/model"
    return champion if champion.is_dir() else Path("data/locate")


COMMANDS = (search, browse, encode, ground)
