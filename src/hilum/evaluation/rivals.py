"""What controls compare instead of regions: cut-out boxes, boxes elsewhere, findings guessed from the whole image.

In: packed pictures with their region boxes, a model, the whole images' vectors and the weak labels of the train split.
Out: unit vectors. Known to be imperfect: a crop is encoded at `crop_px`, smaller than what the encoder was trained on
(larger ones cost by the square); the classifier has seen the gallery's train images, which helps it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd

from hilum.evaluation.pixels import PackedImages, RegionThumbnails, packed_edges
from hilum.evaluation.relevance import build_presence
from hilum.evaluation.similarities import ByRegion, Rivals

if TYPE_CHECKING:
    from hilum.config import EvaluateParams

BATCH = 256  # crops encoded at once
RIDGE = 1.0  # of the classifier, in units of one image's squared length


class Encoder(Protocol):
    """What the controls need of a model (hilum.model.inference.LoadedModel)."""

    def encode_images(self, pixels: np.ndarray, boxes: np.ndarray | None = None, batch_size: int = 64) -> Any:
        """An object with `whole` (n, size) and `regions` (n, regions, size) unit vectors."""


class Crops:
    """Each region's box as an image of its own. The last region's vectors are kept: its queries come in blocks."""

    def __init__(self, thumbnails: RegionThumbnails, model: Encoder, n_images: int, side: int) -> None:
        self._thumbnails, self._model, self._n_images, self._side = thumbnails, model, n_images, side
        self._last: tuple[str, np.ndarray] | None = None

    def __call__(self, region: str) -> np.ndarray:
        """(n_images, size) float32; zeros for an image without a box."""
        if self._last is None or self._last[0] != region:
            self._last = region, self._encode(region)
        return self._last[1]

    def _encode(self, region: str) -> np.ndarray:
        out: np.ndarray | None = None
        for positions, pictures in self._thumbnails.cut(region, self._side):
            pixels = np.floor(np.clip(pictures, 0, 255) + 0.5).astype(np.uint8)
            found = self._model.encode_images(pixels, None, BATCH).whole
            out = np.zeros((self._n_images, found.shape[1]), np.float32) if out is None else out
            out[positions] = found
        return np.zeros((self._n_images, 1), np.float32) if out is None else out


def move_boxes(boxes: pd.DataFrame, random: np.random.Generator) -> np.ndarray:
    """(n, 4) left, top, right, bottom in packed pixels: each box somewhere else in its image, of the same size.

    boxes: as `RegionThumbnails.boxes`. A place is drawn evenly from all where the box lies within the image; it may
    overlap where the box was. A box larger than its image is laid on its edge.
    """
    edges = packed_edges(boxes)
    sizes = edges[:, 2:] - edges[:, :2]
    scale = boxes["scale"].to_numpy(np.float64)[:, None]
    image = boxes[["columns_px", "rows_px"]].to_numpy(np.float64) * scale
    start = boxes[["offset_x_px", "offset_y_px"]].to_numpy(np.float64)
    corner = start + random.random(sizes.shape) * np.maximum(image - sizes, 0)
    return np.hstack([corner, corner + sizes])


def encode_moved(
    thumbnails: RegionThumbnails,
    packed: PackedImages,
    rows: pd.DataFrame,
    model: Encoder,
    regions: Sequence[str],
    seed: int,
) -> ByRegion:
    """The regions of the test images, each from a random box of its size. regions: the model's, in its order.

    rows: INDEX_ROWS. Every image's boxes are drawn from a stream of its own, so that one more changes no other's.
    """
    asking = np.flatnonzero(rows["split"].to_numpy() == "test")
    vectors: dict[str, np.ndarray] = {}
    if not len(asking):
        return lambda region: np.zeros((len(rows), 1), np.float32)
    by_image = dict(tuple(thumbnails.boxes[thumbnails.boxes["position"].isin(asking)].groupby("position")))
    found = []
    for start in range(0, len(asking), 64):
        part = asking[start : start + 64]
        pixels = np.stack([packed.read(str(rows["dicom_id"].iloc[i])) for i in part])
        places = np.tile(np.array([0.0, 0.0, 1.0, 1.0]), (len(part), len(regions), 1))
        for n, i in enumerate(part):
            boxes = by_image.get(i)
            if boxes is None:
                continue
            boxes = boxes[boxes["region"].isin(regions)].sort_values("region")
            stream = np.random.Generator(np.random.PCG64([seed, crc32(rows["dicom_id"].iloc[i].encode())]))
            at = [regions.index(region) for region in boxes["region"]]
            places[n, at] = move_boxes(boxes, stream) / pixels.shape[-1]
        found.append(model.encode_images(pixels, places.astype(np.float32)).regions)
    encoded = np.concatenate(found)
    for number, region in enumerate(regions):
        vectors[region] = np.zeros((len(rows), encoded.shape[2]), np.float32)
        vectors[region][asking] = encoded[:, number]
    return vectors.__getitem__


def predict_findings(whole: np.ndarray, rows: pd.DataFrame, labels: pd.DataFrame, ridge: float = RIDGE) -> np.ndarray:
    """(n_images, n_findings) unit vectors: what a linear classifier on the whole image says of each finding.

    Least squares, taught on the train split by the weak labels: 1 where a finding is present somewhere, 0 where it is
    not; each finding by its own spread, so that a rare one counts as much. whole: (n_images, size); labels:
    REGION_LABELS. One column of zeros without a label to teach.
    """
    said = labels[labels["label"] == "present"].assign(region="anywhere")[["study_id", "region", "finding"]]
    has = build_presence(rows["study_id"], said.drop_duplicates(), ("anywhere",), {}).present[:, 0]
    taught = rows["split"].to_numpy() == "train"
    if not taught.any() or not has[taught].any():
        return np.zeros((len(rows), 1))
    x = np.column_stack([whole.astype(np.float64), np.ones(len(rows))])
    penalty = np.diag([ridge] * (x.shape[1] - 1) + [1e-9])
    weights = np.linalg.solve(x[taught].T @ x[taught] + penalty, x[taught].T @ has[taught].astype(np.float64))
    guessed = x @ weights
    spread = guessed[taught].std(axis=0)
    standard = (guessed - guessed[taught].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)


def collect_rivals(
    thumbnails: RegionThumbnails,
    packed: PackedImages,
    rows: pd.DataFrame,
    model: Encoder,
    regions: Sequence[str],
    predicted: np.ndarray,
    params: EvaluateParams,
) -> Rivals:
    """All of them; without crops if `crop_px` is 0."""
    return Rivals(
        crops=Crops(thumbnails, model, len(rows), params.crop_px) if params.crop_px else None,
        moved=encode_moved(thumbnails, packed, rows, model, regions, params.seed),
        predicted=predicted,
    )
