"""The archive as a page in the browser: what `hilum browse` runs. No DVC stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.browse.app import build_app
from hilum.browse.cases import Archive
from hilum.browse.desk import Desk
from hilum.browse.maps import Maps
from hilum.browse.serving import serve
from hilum.errors import BadDataError
from hilum.retrieval.index import open_index
from hilum.stages.search import open_model

if TYPE_CHECKING:
    from hilum.config import EvaluateParams


def run(
    data: Path,
    partitions: Sequence[str],
    index: Path,
    model: Path,
    params: EvaluateParams,
    collection: str,
    alpha: float,
    port: int,
    tell: Callable[[str], None],
) -> None:
    """Serve until the process is told to end. tell: called with the address. Raises BadDataError without an image.

    Raises BadDataError too if the checkpoint is not the one that made the index.
    """
    opened = open_index(index)
    if not len(opened.rows):
        raise BadDataError(f"{index} holds no image. Land studies with frontal images and run `dvc repro`.")
    desk = Desk(opened, Archive(data, partitions), alpha, collection)
    serve(build_app(desk, Maps(open_model(opened, model), params.smoothing_patches)), port, tell)
