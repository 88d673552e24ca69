"""What every test may use: the repository's root, and the real data beside it where there is any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for _key, _value in {
    "DVC_NO_ANALYTICS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_OFFLINE": "1",
}.items():
    os.environ.setdefault(_key, _value)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def key_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test signs with, or makes, the key of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HILUM_KEY", str(tmp_path_factory.mktemp("key") / "key.pem"))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; the test is skipped without it."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("no ../shared beside the checkout: this test measures real X-rays and reports")
    return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small archive behind the pages that show cases (tests/unit/browse/material.py); not to be changed."""
    from tests.unit.browse.material import Kept  # late: it opens torch

    return Kept(tmp_path_factory.mktemp("kept"))
