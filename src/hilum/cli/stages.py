"""The verbs of the DVC stages. dvc.yaml gives them their paths; params.yaml gives them everything else."""

from __future__ import annotations

from pathlib import Path

import click

from hilum.cli.command import PATH, path_option, verb, worker_count


@verb("phantom", "hilum phantom --tree t --listing t.parquet --truth truth")
@path_option("--tree", "Where the MIMIC-CXR tree is written.")
@path_option("--listing", "Where the listing of its files is written.")
@path_option("--truth", "Folder for the truth, apart from the tree.")
@click.option("--landing", type=PATH, help="The landing's description (json), which says who is withdrawn from it.")
@click.option("--first-subject", type=click.IntRange(0), default=0, help="Number of the first subject.")
@click.option("--subjects", type=click.IntRange(1), help="How many subjects [default: phantom.n_subjects].")
def phantom(
    tree: Path, listing: Path, truth: Path, landing: Path | None, first_subject: int, subjects: int | None
) -> None:
    """Generate the synthetic collection and its truth."""
    from hilum.config import read_params
    from hilum.stages.phantom import run

    params = read_params().phantom
    if subjects is not None:
        params = params.model_copy(update={"n_subjects": subjects})
    run(tree, listing, truth, params, worker_count(), first_subject, landing)


@verb("ingest", "dvc repro ingest@L0001-p10-p14")
@path_option("--partition", "Description of the partition (json).")
@path_option("--tree", "The source tree.")
@path_option("--listing", "What the landing brought.")
@path_option("--manifest", "Out: one row a file.")
@path_option("--quarantine", "Out: the files set aside, with reasons.")
@path_option("--texts", "Out: the usable reports.")
@path_option("--published-labels", "Out: the labels that the source itself holds.")
def ingest(
    partition: Path, tree: Path, listing: Path, manifest: Path, quarantine: Path, texts: Path, published_labels: Path
) -> None:
    """Read the files of a partition; set aside what cannot be used."""
    from hilum.config import read_params
    from hilum.stages.ingest import run

    run(
        partition, tree, listing, manifest, quarantine, texts, published_labels, read_params().ingest, worker_count()
    )  # fmt: skip


@verb("parse", "dvc repro parse@L0001-p10-p14")
@path_option("--texts", "The usable reports.")
@path_option("--sections", "Out: where each section lies.")
@path_option("--mentions", "Out: findings, places and assertions.")
@path_option("--unknown-terms", "Out: terms that the vocabulary lacks.")
def parse(texts: Path, sections: Path, mentions: Path, unknown_terms: Path) -> None:
    """Find sections and mentions in reports."""
    from hilum.config import read_params
    from hilum.stages.parse import run

    run(texts, sections, mentions, unknown_terms, read_params().parse)


@verb("label", "dvc repro label@L0001-p10-p14")
@path_option("--texts", "The usable reports of a partition.")
@path_option("--sections", "Their sections.")
@path_option("--mentions", "Their mentions.")
@path_option("--out", "Out: weak region labels.")
@path_option("--chexpert", "Out: CheXpert's 14 labels a study.")
def label(texts: Path, sections: Path, mentions: Path, out: Path, chexpert: Path) -> None:
    """Aggregate mentions into weak region labels, and into CheXpert's."""
    from hilum.config import read_params
    from hilum.stages.label import run

    run(texts, sections, mentions, out, chexpert, read_params().label)


@verb("pack", "dvc repro pack@L0001-p10-p14")
@path_option("--manifest", "The manifest of a partition.")
@path_option("--tree", "The source tree.")
@path_option("--regions", "Folder of scene graphs and masks, for the region sources that read them.")
@path_option("--pixels", "Out: uint8 array of the frontal images.")
@path_option("--images", "Out: which row is which image, and its geometry.")
@path_option("--region-boxes", "Out: the 29 regions of each image.")
def pack(manifest: Path, tree: Path, regions: Path, pixels: Path, images: Path, region_boxes: Path) -> None:
    """Pack frontal images and find their anatomical regions."""
    from hilum.config import read_params
    from hilum.stages.pack import run

    run(manifest, tree, regions, pixels, images, region_boxes, read_params().pack, worker_count())


@verb("validate", "dvc repro validate")
@path_option("--data", "The folder of tables.")
@path_option("--out", "Out: validation.json.")
@path_option("--page", "Out: the data report.")
def validate(data: Path, out: Path, page: Path) -> None:
    """Judge every table; a red verdict stops the line with exit 4."""
    from hilum.config import read_landings, read_params
    from hilum.stages.validate import run

    landings = read_landings()
    run(data, list(landings.partitions), out, page, read_params().validate_, landings.collection)


@verb("tokenize", "dvc repro tokenize")
@path_option("--data", "The folder of tables.")
@path_option("--start", "The note that names the model to start from, if any.")
@path_option("--out", "Out: the tokenizer's folder.")
def tokenize(data: Path, start: Path, out: Path) -> None:
    """Train the WordPiece tokenizer on the training split's reports."""
    from hilum.config import read_landings, read_params
    from hilum.stages.tokenize import run

    run(data, list(read_landings().partitions), start, out, read_params().tokenize)


@verb("align", "dvc repro align")
@path_option("--data", "The folder of tables.")
@path_option("--tokenizer", "The tokenizer's folder.")
@path_option("--start", "The note that names the model to start from, if any.")
@path_option("--out", "Out: the checkpoint of phase one.")
@path_option("--curves", "Out: losses and validation metric by epoch (csv).")
def align(data: Path, tokenizer: Path, start: Path, out: Path, curves: Path) -> None:
    """Phase one: align images with reports."""
    from hilum.config import read_landings, read_params
    from hilum.stages.align import run

    run(data, list(read_landings().partitions), tokenizer, start, out, curves, read_params().align)


@verb("locate", "dvc repro locate")
@path_option("--data", "The folder of tables.")
@path_option("--tokenizer", "The tokenizer's folder.")
@path_option("--start", "The checkpoint of phase one.")
@path_option("--out", "Out: the checkpoint of phase two.")
@path_option("--curves", "Out: losses and validation metric by epoch (csv).")
def locate(data: Path, tokenizer: Path, start: Path, out: Path, curves: Path) -> None:
    """Phase two: align regions with findings."""
    from hilum.config import read_landings, read_params
    from hilum.stages.locate import run

    run(data, list(read_landings().partitions), tokenizer, start, out, curves, read_params().locate)


@verb("embed", "dvc repro embed@L0001-p10-p14")
@path_option("--model", "The checkpoint.")
@path_option("--tokenizer", "The tokenizer's folder.")
@path_option("--pixels", "The packed images.")
@path_option("--images", "Their rows.")
@path_option("--region-boxes", "Their regions.")
@path_option("--texts", "The reports.")
@path_option("--sections", "Their sections.")
@path_option("--mentions", "Their mentions.")
@path_option("--out", "Out: embeddings, whole and by region.")
def embed(
    model: Path,
    tokenizer: Path,
    pixels: Path,
    images: Path,
    region_boxes: Path,
    texts: Path,
    sections: Path,
    mentions: Path,
    out: Path,
) -> None:
    """Embed the images and reports of a partition."""
    from hilum.config import read_params
    from hilum.stages.embed import run

    run(
        model, tokenizer, pixels, images, region_boxes, texts, sections, mentions, out, read_params().embed
    )  # fmt: skip


@verb("index", "dvc repro index")
@path_option("--images", "The packed images' rows, a table a partition.")
@path_option("--embeddings", "Their embeddings, a table a partition.")
@path_option("--out", "Out: FAISS indexes and their ids.")
def index(images: Path, embeddings: Path, out: Path) -> None:
    """Build the vector indexes: the whole image, and each region."""
    from hilum.config import read_landings, read_params
    from hilum.stages.index import run

    run(images, embeddings, list(read_landings().partitions), out, read_params().index)


@verb("evaluate", "dvc repro evaluate")
@path_option("--data", "The folder of tables.")
@path_option("--index", "The indexes.")
@path_option("--model", "The checkpoint.")
@path_option("--tokenizer", "The tokenizer's folder.")
@path_option("--out", "Out: per-query tables and the examples shown.")
@path_option("--metrics", "Out: metrics.json.")
@path_option("--plots", "Out: folder of plot data.")
def evaluate(data: Path, index: Path, model: Path, tokenizer: Path, out: Path, metrics: Path, plots: Path) -> None:
    """Measure retrieval and grounding with chance, controls and intervals."""
    from hilum.config import read_landings, read_params
    from hilum.stages.evaluate import run

    landings = read_landings()
    run(
        data, list(landings.partitions), index, model, tokenizer, out, metrics, plots, read_params().evaluate,
        landings.collection,
    )  # fmt: skip


@verb("report", "dvc repro report")
@path_option("--data", "The folder of tables.")
@path_option("--metrics", "metrics.json.")
@path_option("--curves", "Folder of the learning curves.")
@path_option("--comparison", "What `hilum compare` has found; a table without rows before it has run.")
@path_option("--explanations", "How good the explanations are.")
@path_option("--page", "Out: the page of results.")
def report(data: Path, metrics: Path, curves: Path, comparison: Path, explanations: Path, page: Path) -> None:
    """Write the page of results."""
    from hilum.config import read_landings, read_params
    from hilum.stages.report import run

    landings = read_landings()
    params = read_params().report
    partitions = list(landings.partitions)
    run(data, partitions, metrics, curves, comparison, explanations, page, params, landings.collection)


@verb("challenge", "dvc repro data/served/dvc.yaml:challenge")
@path_option("--data", "The folder of tables.")
@path_option("--champion", "The promoted model.")
@path_option("--champion-embeddings", "Its embeddings, a table a partition.")
@path_option("--metrics", "metrics.json of the new model.")
@path_option("--out", "Out: evidence and verdict (json).")
@path_option("--page", "Out: the same, to read (markdown).")
def challenge(data: Path, champion: Path, champion_embeddings: Path, metrics: Path, out: Path, page: Path) -> None:
    """Compare the new model with the promoted one, and decide."""
    from hilum.config import read_landings, read_params
    from hilum.stages.challenge import run

    landings = read_landings()
    landing_of = {name: row.landing for name, row in landings.partitions.items()}
    run(
        data, landing_of, champion, champion_embeddings, metrics, out, page, read_params().challenge,
        landings.collection,
    )  # fmt: skip


COMMANDS = (
    phantom,
    ingest,
    parse,
    label,
    pack,
    validate,
    tokenize,
    align,
    locate,
    embed,
    index,
    evaluate,
    report,
    challenge,
)
