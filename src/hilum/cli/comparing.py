"""The verb that compares what can be trained: objectives and ablations over seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hilum.cli.command import PATH, core_count, verb

if TYPE_CHECKING:
    from flows.comparison import Variant

EVALUATION = Path("data/evaluation")
SAID = (("mix", "located_at_10"), ("phrase", "pointing_game"))


@verb("compare", "hilum compare --variants maple,global --seeds 3")
@click.option("--variants", "names", default="", help="Rows of flows/variants.yaml, with commas [default: all].")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Trainings of each variant.")
@click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
@click.option("--out", type=PATH, default=Path("reports/comparison.json"), show_default=True, help="Out: the table.")
def compare(names: str, seeds: int, jobs: int | None, out: Path) -> None:
    """Train objectives and ablations over seeds, and write one table with intervals.

    The table is written anew after each training. What has been trained before is not trained again.
    """
    from flows.comparison import read_variants, train_variants
    from hilum.config import read_landings, read_params, section_threads
    from hilum.errors import UsageError
    from hilum.stages.compare import Comparison

    params, collection = read_params(), read_landings().collection
    variants = read_variants(names=[name.strip() for name in names.split(",") if name.strip()])
    if collection != "phantom" and any(variant.truth for variant in variants):
        raise UsageError(f"only the phantom has a truth, and this is {collection}; name other --variants.")
    numbers = range(params.align.seed, params.align.seed + seeds)
    words = {variant.name: variant.words for variant in variants}
    comparison = Comparison(collection, words, numbers, params.evaluate)

    def take(variant: Variant, seed: int, folder: Path) -> None:
        comparison.add(variant.name, seed, folder / EVALUATION)
        comparison.write(out)

    train_variants(Path.cwd(), variants, numbers, jobs or core_count(), section_threads(params), take)
    for row in comparison.rows():
        if (row["score"], row["metric"]) in SAID:
            click.echo(f"{row['variant']}: {row['metric']} {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})")


COMMANDS = (compare,)
