"""Configuration: strict, frozen, and helpful about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from hilum.config import read_landings, read_params
from hilum.errors import UsageError


def test_the_repository_s_own_files_are_read(root: Path) -> None:
    params, landings = read_params(root / "params.yaml"), read_landings(root / "data/landings.yaml")
    assert params.align.threads >= 1 and landings.collection == "phantom"
    assert all((root / f"data/partitions/{name}.json").is_file() for name in landings.partitions)
    assert all((root / f"data/landings/{row.landing}.json").is_file() for row in landings.partitions.values())


def changed(root: Path, tmp_path: Path, section: str, **keys: object) -> Path:
    raw = yaml.safe_load((root / "params.yaml").read_text())
    for key, value in keys.items():
        raw[section].pop(key, None)
        if value is not None:
            raw[section][key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.mark.parametrize(
    "section, keys, message",
    [
        ("phantom", {"sede": 1}, "phantom.sede: Extra inputs"),
        ("phantom", {"seed": None}, "phantom.seed: Field required"),
        ("align", {"objective": "clip"}, "align.objective: Input should be 'global', 'local', 'rra_vl' or 'maple'"),
        ("evaluate", {"n_bootstrap": 0}, "evaluate.n_bootstrap"),
        (
            "pack",
            {"region_sources": ["lungs", "atlas"]},
            "region_sources.0: Input should be 'imagenome', 'chexmask' or",
        ),
        ("pack", {"region_sources": ["chexmask"]}, r"\['chexmask'\] must name each source once and end with atlas"),
        ("pack", {"region_sources": ["atlas", "chexmask"]}, "end with atlas, which alone has a box for every region"),
        ("pack", {"region_sources": ["atlas", "atlas"]}, "name each source once"),
        ("pack", {"region_sources": []}, "end with atlas"),
    ],
)
def test_wrong_keys_are_named(root: Path, tmp_path: Path, section: str, keys: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_params(changed(root, tmp_path, section, **keys))


def test_a_model_is_frozen(root: Path) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        read_params(root / "params.yaml").phantom.seed = 3  # type: ignore[misc]


def test_outside_a_checkout_the_message_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="root of a hilum checkout"):
        read_params(tmp_path / "params.yaml")
