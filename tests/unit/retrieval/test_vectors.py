"""Image vectors: every image and region once, of one checkpoint, of unit length, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hilum.errors import BadDataError
from hilum.retrieval.vectors import read_image_vectors, read_reports
from hilum.vocabulary import REGIONS


def read(embedded: Any, data: Path) -> Any:
    return read_image_vectors(*embedded.tables(embedded.write(data)), embedded.partitions, REGIONS)


def test_rows_are_images_by_dicom_id_and_vectors_follow_them(embedded: Any, tmp_path: Path) -> None:
    found = read(embedded, tmp_path)
    assert list(found.rows["dicom_id"]) == sorted(found.rows["dicom_id"])
    assert list(found.rows["row"]) == list(range(24))
    np.testing.assert_array_equal(found.whole, embedded.vectors[0])
    np.testing.assert_array_equal(found.by_region, embedded.vectors[1:])
    assert found.model_id == "0123456789abcdef"


def test_the_cut_into_partitions_changes_nothing(make_embedded: Callable[..., Any], tmp_path: Path) -> None:
    one, three = (read(make_embedded(partitions=n), tmp_path / str(n)) for n in (1, 3))
    pd.testing.assert_frame_equal(one.rows, three.rows)
    np.testing.assert_array_equal(one.by_region, three.by_region)


def test_a_partition_without_images_is_fine(embedded: Any, tmp_path: Path) -> None:
    last = embedded.partitions[-1]
    kept = embedded.images[last].iloc[:0], embedded.embeddings[last].iloc[:0]
    embedded.images[last], embedded.embeddings[last] = kept
    assert len(read(embedded, tmp_path).rows) == 12


def test_a_missing_partition_is_refused(embedded: Any, tmp_path: Path) -> None:
    embedded.write(tmp_path)
    (tmp_path / "embeddings" / f"{embedded.partitions[1]}.parquet").unlink()
    with pytest.raises(BadDataError, match=r"missing partitions \['L0001-p11'\]"):
        read_image_vectors(*embedded.tables(tmp_path), embedded.partitions, REGIONS)


def test_reports_speak_of_some_regions(embedded: Any, tmp_path: Path) -> None:
    name = embedded.partitions[1]
    found = read_reports(embedded.write(tmp_path) / f"embeddings/{name}.parquet", REGIONS)
    assert list(found.rows["study_id"]) == [50000000 + s for s in range(1, 12, 2)]
    assert list(found.rows["subject_id"]) == [10000000 + s // 2 for s in range(1, 12, 2)]
    for row, study in enumerate(range(1, 12, 2)):
        spoken = [slot for slot in range(30) if embedded.speaks(study, slot)]
        assert list(found.rows["regions"].iloc[row]) == [REGIONS[slot - 1] for slot in spoken if slot]
        for slot in range(30):
            expected = embedded.texts[slot, study] if slot in spoken else np.zeros(8)
            np.testing.assert_array_equal(found.vectors[slot, row], expected)
            assert found.present[slot, row] == (slot in spoken)


def test_a_report_without_a_whole_is_refused(embedded: Any, tmp_path: Path) -> None:
    frame = embedded.embeddings[embedded.partitions[0]]
    whole = frame.index[(frame["modality"] == "text") & frame["region"].isna()]
    embedded.embeddings[embedded.partitions[0]] = frame.drop(index=whole[0])
    path = embedded.write(tmp_path) / f"embeddings/{embedded.partitions[0]}.parquet"
    with pytest.raises(BadDataError, match="1 of the 6 that 6 texts need are missing"):
        read_reports(path, REGIONS)


def spoil_drop(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(index=frame.index[3])


def spoil_stranger(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[frame["dicom_id"] == frame["dicom_id"].iloc[0], "dicom_id"] = "-".join(["ffffffff"] * 5)
    return frame


def spoil_region(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[(frame["region"] == "carina") & (frame["modality"] == "image"), "region"] = "left ear"
    return frame


def spoil_length(frame: pd.DataFrame) -> pd.DataFrame:
    frame["embedding"] = [v * 2 if i == 4 else v for i, v in enumerate(frame["embedding"])]
    return frame


def spoil_nan(frame: pd.DataFrame) -> pd.DataFrame:
    frame["embedding"] = [v * np.nan if i == 4 else v for i, v in enumerate(frame["embedding"])]
    return frame


def spoil_model(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(model_id="ffffffffffffffff")


def spoil_dimension(frame: pd.DataFrame) -> pd.DataFrame:
    frame["embedding"] = [v[:4] / np.linalg.norm(v[:4]) for v in frame["embedding"]]
    return frame


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_drop, "1 of the 720 that 24 images need are missing"),
        (spoil_stranger, "30 image vectors are of images that are not listed"),
        (spoil_region, "12 are of unknown regions"),
        (spoil_length, "1 image vectors are not of unit length"),
        (spoil_nan, "1 image vectors are not of unit length"),
        (spoil_model, r"model_ids \['0123456789abcdef', 'ffffffffffffffff'\]"),
        (spoil_dimension, r"dimensions \[4, 8\]"),
    ],
)
def test_what_does_not_match_is_refused(spoil: Callable, message: str, embedded: Any, tmp_path: Path) -> None:
    name = embedded.partitions[0]
    embedded.embeddings[name] = spoil(embedded.embeddings[name].copy())
    with pytest.raises(BadDataError, match=message):
        read(embedded, tmp_path)


def test_an_image_in_two_partitions_is_refused(embedded: Any, tmp_path: Path) -> None:
    first, second = embedded.partitions
    embedded.images[second] = pd.concat([embedded.images[second], embedded.images[first].iloc[:1]])
    with pytest.raises(BadDataError, match="1 dicom_ids are in more than one partition"):
        read(embedded, tmp_path)


def test_no_image_at_all_is_refused(embedded: Any, tmp_path: Path) -> None:
    for name in embedded.partitions:
        embedded.embeddings[name] = embedded.embeddings[name].iloc[:0]
        embedded.images[name] = embedded.images[name].iloc[:0]
    with pytest.raises(BadDataError, match="no image of any partition has a vector"):
        read(embedded, tmp_path)
