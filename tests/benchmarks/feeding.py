"""Is the model the limit, and not the loader? And does memory know how many images lie packed?

usage: python tests/benchmarks/feeding.py [--data FOLDER] [--rounds N] [--batches N] [--parts speed memory]

speed   the trainer (batches cut from memory-mapped pixels, augmented, contrasted, progress kept) beside a bare loop
        over the same model, objective and optimizer on batches that were made beforehand; in turns, in one process.
        Images a second of the trainer over the loop's; the middle one of the rounds counts
memory  the same number of steps over 2,000 and over 100,000 packed images, each in a process of its own: peak of what
        it holds for itself (anonymous pages), which the kernel's cache of the file is no part of

The data folder is one that `dvc repro tokenize` has filled; the packed images of `memory` are its own, repeated,
and share its reports: what reports say grows with reports.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from material import figure, run_children

from hilum.config import read_params
from hilum.model.batch import Batch
from hilum.model.inference import grid_size
from hilum.model.network import RegionLanguageModel
from hilum.model.objectives import Objective, make_objective
from hilum.model.tokens import read_tokenizer
from hilum.training.batches import make_batch, make_phrases
from hilum.training.examples import Examples, build_examples, findings_in_use, read_training_tables
from hilum.training.fresh import choose_configuration
from hilum.training.progress import Keeper
from hilum.training.sampler import draw_batches
from hilum.training.seed import epoch_generator, make_repeatable
from hilum.training.trainer import Settings, parameter_groups, train, train_step

ROOT = Path(__file__).resolve().parents[2]
SIZES = (2_000, 100_000)
PARAMS = read_params(ROOT / "params.yaml")
BATCH = PARAMS.locate.batch_size


@dataclass(frozen=True)
class Material:
    """A model of the default shape, its objective of phase two, and what it trains on."""

    model: RegionLanguageModel
    objective: Objective
    examples: Examples
    nothing: Examples
    grid: int

    @classmethod
    def read(cls, data: Path) -> Material:
        """Open the data folder; nothing of the pixels is read yet."""
        make_repeatable(PARAMS.locate.seed, PARAMS.locate.threads)
        tables = read_training_tables(data, sorted(path.stem for path in (data / "pixels").glob("*.npy")))
        words, _ = read_tokenizer(data / "tokenizer")
        align = PARAMS.align
        config = choose_configuration("small", "small", words, align.embedding_size, align.max_tokens)
        findings = findings_in_use(tables)
        examples = build_examples(tables, "train", words, align.max_tokens, findings)
        nothing = build_examples(
            replace(tables, images=tables.images.iloc[:0]), "train", words, align.max_tokens, findings
        )
        model = RegionLanguageModel(config)
        objective = make_objective(align.objective, "locate", make_phrases(words, findings, align.max_tokens))
        return cls(model, objective, examples, nothing, grid_size(model, examples.pixels[0].shape[1]))

    def part(self, n: int) -> Examples:
        """The first n examples."""
        kept = self.examples
        return replace(kept, partition=kept.partition[:n], row=kept.row[:n], boxes=kept.boxes[:n],
                       subjects=kept.subjects[:n], study=kept.study[:n])  # fmt: skip


def compare_speed(data: Path, rounds: int, n_batches: int) -> None:
    """Both loops over the same images in turns."""
    material = Material.read(data)
    n = min(len(material.examples), n_batches * BATCH)
    examples, model = material.part(n), material.model
    settings = Settings("locate", 1, 1, BATCH, 1e-4, 0.0, "validate_region_ap")
    generator = epoch_generator(1, 1)
    batches = [
        make_batch(examples, rows, model.config, material.grid, generator)
        for rows in draw_batches(examples, BATCH, settings.sampler, generator)
    ]
    ratios = []
    for number in range(rounds):
        loops = [partial(feed, material, examples, settings), partial(bare, material, batches)]
        seconds = [timed(loop) for loop in (loops if number % 2 else loops[::-1])]
        whole, alone = seconds if number % 2 else seconds[::-1]
        ratios.append(alone / whole)
        print(f"      round {number + 1}: trainer {n / whole:.1f} images/s, bare loop {n / alone:.1f}", flush=True)
    middle = statistics.median(ratios)
    figure("the trainer beside a bare loop", f"{middle:.3f} of its images a second, {n} images", middle >= 0.95, "0.95")


def feed(material: Material, examples: Examples, settings: Settings) -> None:
    """An epoch of the trainer, without the validation that ends it: it has no images to look at."""
    with tempfile.TemporaryDirectory() as folder:
        keeper = Keeper(Path(folder) / "model", {"benchmark": "feeding"}, material.model)
        train(material.model, material.objective, examples, material.nothing, settings, material.grid, keeper)


def bare(material: Material, batches: list[Batch]) -> None:
    """Steps on batches that lie in memory."""
    model = material.model
    model.train()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.0), lr=1e-4)
    for batch in batches:
        train_step(model, material.objective, optimizer, batch, "locate")


def timed(loop: Callable[[], None]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    loop()
    return time.perf_counter() - began


def compare_memory(data: Path, n_batches: int) -> None:
    """A child for each size."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for size in SIZES:
            words = [sys.executable, __file__, "--data", str(data), "--batches", str(n_batches)]
            words += ["--steps-over", str(size), "--scratch", folder]
            peaks.append(float(run_children([words])[0].output.split()[-1]))
        ratio = peaks[1] / peaks[0]
        said = f"{peaks[0]:.0f} MiB over {SIZES[0]:,}, {peaks[1]:.0f} MiB over {SIZES[1]:,} packed images: {ratio:.2f}"
        figure("peak memory of its own", said, ratio <= 1.1, "1.1")


def steps_over(data: Path, size: int, scratch: Path, n_batches: int) -> float:
    """Some steps over a pack of that size; peak MiB of anonymous memory."""
    material = Material.read(data)
    few = material.examples
    pack = scratch / f"{size}.npy"
    if not pack.exists():
        side = few.pixels[0].shape[1]
        target = np.lib.format.open_memmap(pack, "w+", np.uint8, (size, side, side))
        for start in range(0, size, 1000):
            target[start : start + 1000] = few.pixels[0][np.arange(start, min(start + 1000, size)) % len(few.pixels[0])]
        target.flush()
    source = np.arange(size) % len(few)
    many = replace(
        few, pixels=(np.load(pack, mmap_mode="r"),), partition=np.zeros(size, np.int64), row=np.arange(size),
        boxes=few.boxes[source], subjects=np.arange(size), study=few.study[source],
    )  # fmt: skip
    peak, over = [0.0], threading.Event()
    watch = threading.Thread(target=watch_memory, args=(peak, over), daemon=True)
    watch.start()
    model, generator = material.model, epoch_generator(1, 1)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.0), lr=1e-4)
    model.train()
    for rows in draw_batches(many, BATCH, "grouped", generator)[:n_batches]:
        batch = make_batch(many, rows, model.config, material.grid, generator)
        train_step(model, material.objective, optimizer, batch, "locate")
    over.set()
    watch.join()
    return peak[0]


def watch_memory(peak: list[float], over: threading.Event) -> None:
    """Note the most anonymous memory of this process, until it is over."""
    status = Path("/proc/self/status")
    while not over.wait(0.02):
        line = next(row for row in status.read_text().splitlines() if row.startswith("RssAnon"))
        peak[0] = max(peak[0], int(line.split()[1]) / 1024)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=12)
    parser.add_argument("--parts", nargs="+", choices=("speed", "memory"), default=["speed", "memory"])
    parser.add_argument("--steps-over", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.steps_over:
        print(steps_over(given.data, given.steps_over, given.scratch, given.batches))
        return
    if "speed" in given.parts:
        compare_speed(given.data, given.rounds, given.batches)
    if "memory" in given.parts:
        compare_memory(given.data, given.batches)


if __name__ == "__main__":
    main()
