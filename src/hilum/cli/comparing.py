"""The verb that compares what can be trained: objectives and ablations over seeds."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hilum.cli.command import PATH, core_count, verb

EVALUATION = Path("data/evaluation")


@verb("compare", "hilum compare --variant rra_vl --variant global --seeds 3")
@click.option("--variant", "names", multiple=True, help="A row of flows/variants.yaml [default: all].")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Trainings of each.")
@click.option("--jobs", type=click.IntRange(1), help="Stages at a time [default: one a core].")
@click.option("--out", type=PATH, default=Path("reports/comparison.json"), show_default=True, help="Out: the table.")
def compare(names: tuple[str, ...], seeds: int, jobs: int | None, out: Path) -> None:
    """Train objectives and ablations over seeds, and write one table with intervals; what was trained is not again."""
    from flows.comparison import read_variants, train_variants
    from hilum.config import read_params, section_threads
    from hilum.stages.compare import describe, read_outcome

    params = read_params()
    numbers = range(params.align.seed, params.align.seed + seeds)
    outcomes = train_variants(
        Path.cwd(),
        read_variants(names=names),
        numbers,
        jobs or core_count(),
        section_threads(params),
        lambda folder: read_outcome(folder / EVALUATION),
    )
    rows = describe(outcomes, params.evaluate.n_bootstrap, params.evaluate.seed)
    out.write_text(json.dumps({"seeds": list(numbers), "rows": rows}, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        if row["metric"] in ("located_at_10", "pointing_game") and row["score"] in ("mix", "phrase"):
            click.echo(f"{row['variant']}: {row['metric']} {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f})")


COMMANDS = (compare,)
