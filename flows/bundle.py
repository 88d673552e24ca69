"""The bundle of a model: all that a search with it needs, in data/served.

In: a checkout whose line is up to date. Out: data/served/champion (model, tokenizer, vocabulary, settings), and the
embeddings and index, as the stages of data/served/dvc.yaml make them; `data/served/champion.dvc` and
`data/served/dvc.lock` name their digests. Git commits nothing here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from flows.checkout import FOLDER
from flows.dvc_command import run_dvc
from flows.served import CHAMPION, SERVED, SERVED_LINE
from hilum.config import read_landings
from hilum.errors import BadDataError

BUNDLE = (f"{CHAMPION}.dvc", f"{SERVED}/dvc.lock")
"""What git holds of a bundle: the paths to commit."""


def bundle(root: Path) -> dict[str, Any]:
    """Write data/served for the model that the line has made, and return its settings. Nothing is committed to git.

    The line embeds and indexes with the same commands over the same bytes as data/served/dvc.yaml; so its files are
    taken, and DVC is told that the stages are done.
    Raises BadDataError if model, index and metrics do not belong together.
    """
    settings = read_settings(root)
    served, new = root / SERVED, root / FOLDER / "champion"
    shutil.rmtree(new, ignore_errors=True)
    _copy(root / "data/locate", new / "model")
    _copy(root / "data/tokenizer", new / "tokenizer")
    words = root / "src/hilum/vocabulary"
    for path in sorted(words.rglob("*.yaml")):
        _copy(path, new / "vocabulary" / path.relative_to(words))
    (new / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    for old in ("champion", "embeddings", "index"):
        shutil.rmtree(served / old, ignore_errors=True)
    new.replace(served / "champion")
    for name in settings["partitions"]:
        _copy(root / f"data/embeddings/{name}.parquet", served / f"embeddings/{name}.parquet")
    _copy(root / "data/index", served / "index")
    run_dvc(root, "add", "--quiet", CHAMPION)
    stages = [*(f"embed@{name}" for name in settings["partitions"]), "index"]
    run_dvc(root, "commit", "--quiet", "--force", *(f"{SERVED_LINE}:{stage}" for stage in stages))
    return settings


def read_settings(root: Path) -> dict[str, Any]:
    """What a search with the line's model must know, and what that model was trained on."""
    metrics, model_id = read_json(root / "reports/metrics.json"), read_json(root / "data/index/index.json")["model_id"]
    weights = hashlib.sha256((root / "data/locate/model.safetensors").read_bytes()).hexdigest()
    if not weights.startswith(model_id):
        raise BadDataError(
            f"data/index was made by checkpoint {model_id}, data/locate holds {weights[:16]}. Run `hilum run`."
        )
    landings = read_landings(root / "data/landings.yaml")
    return {
        "alpha": metrics["retrieval"]["alpha"],
        "model_id": model_id,
        "objective": metrics["objective"],
        "collection": landings.collection,
        "partitions": list(landings.partitions),
        "landings": sorted({row.landing for row in landings.partitions.values()}),
    }


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that a stage has written. Raises BadDataError if there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise BadDataError(f"{path} cannot be read ({type(error).__name__}). Run `hilum run`.") from None


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, as files that may be written whatever DVC has made of the source."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
    else:
        shutil.copyfile(source, target)
