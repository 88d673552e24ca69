"""Learning curves as a csv that DVC can plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hilum.tables import write_text

FIRST = ("epoch", "phase")


def write_curves(path: Path, phase: str, curves: Sequence[dict[str, float]]) -> None:
    """One row an epoch: epoch, phase, each loss, the validation figures; six decimals. Only a header without epochs."""
    names = [name for name in (curves[0] if curves else {}) if name != "epoch"]
    lines = [",".join([*FIRST, *names])]
    for row in curves:
        values = ["" if row[name] != row[name] else f"{row[name]:.6f}" for name in names]
        lines.append(",".join([str(int(row["epoch"])), phase, *values]))
    write_text(path, "\n".join(lines) + "\n")
