"""A checkpoint: a folder of weights, configuration and vocabulary that appears whole or not at all.

In: a network and what is known of how it came to be. Out: model.safetensors, config.json, tokenizer.json. No time, host
or commit is in them, so that the same inputs give the same bytes; dvc.lock says which commit made which bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from hilum.model.network import RegionLanguageModel


def write_checkpoint(
    directory: Path, model: RegionLanguageModel, tokenizer_json: str, record: Mapping[str, Any]
) -> None:
    """Write weights, the tokenizer and config.json; a folder of that name is replaced.

    record: what else config.json holds beside the network's shape (`model`).
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        weights = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
        save_file(weights, temporary / "model.safetensors")
        config = {**record, "model": model.config.to_json()}
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (temporary / "tokenizer.json").write_text(tokenizer_json, encoding="utf-8")
        for path in temporary.iterdir():
            path.chmod(0o644)
        temporary.chmod(0o755)
        if directory.exists():
            shutil.rmtree(directory)
        os.replace(temporary, directory)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def digest_files(paths: Iterable[Path]) -> dict[str, str]:
    """sha256 of each file by `<folder>/<name>`, in the order given."""
    digests = {}
    for path in paths:
        with path.open("rb") as handle:
            digests[f"{path.parent.name}/{path.name}"] = hashlib.file_digest(handle, "sha256").hexdigest()
    return digests
