"""Where what is served lies: the promoted model, its embeddings and index, and the DAG that makes them."""

from __future__ import annotations

from pathlib import Path

SERVED = "data/served"
SERVED_LINE = f"{SERVED}/dvc.yaml"
CHAMPION = f"{SERVED}/champion"
EVIDENCE = "reports/challenge.json"
"""What the stage `challenge` found, and its verdict; reports/challenge.md says it in words."""


def has_champion(root: Path) -> bool:
    """Whether a model is promoted in this checkout."""
    return (root / f"{CHAMPION}.dvc").is_file()
