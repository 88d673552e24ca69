from pathlib import Path

from hilum.config import PhantomParams
from hilum.schema import LISTING
from hilum.stages.phantom import run
from hilum.tables import read_table


def test_run_writes_tree_listing_and_truth(tmp_path: Path) -> None:
    params = PhantomParams(seed=1, n_subjects=4, image_px=128, dicom_share=0.0)
    paths = tmp_path / "raw" / "tree", tmp_path / "raw" / "listing.parquet", tmp_path / "truth"
    run(*paths, params, workers=1)
    first = read_table(paths[1], LISTING)
    assert sorted(path.name for path in paths[2].iterdir()) == [
        "findings.parquet",
        "region_boxes.parquet",
        "statements.parquet",
    ]
    run(*paths, params, workers=1, first_subject=4)
    second = read_table(paths[1], LISTING)
    reports = [set(listing.loc[listing["kind"] == "report", "path"]) for listing in (first, second)]
    assert len(reports[0]) >= 4 and len(reports[1]) >= 4 and not reports[0] & reports[1]
    assert all((paths[0] / path).is_file() for path in second["path"])
    assert not any((paths[0] / path).exists() for path in reports[0])
