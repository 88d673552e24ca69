"""The DAG as the flow reads it, against what `dvc repro` does."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from flows.graph import Line
from hilum.errors import BadDataError
from tests.unit.flows.conftest import Checkout
from tests.unit.flows.toy import SERVED, ServedCheckout


def test_stages_come_after_what_they_need_and_stale_ones_are_known(checkout: Checkout) -> None:
    with closing(Line(checkout.folder)) as line:
        assert line.stages() == ["raw", "count@a", "count@b", "words", "upper"]
        assert line.upstream("words") == ["count@a", "count@b"]
        assert line.upstream("raw") == []
        assert all(line.is_stale(name) for name in line.stages())
        checkout.repro()
        assert not any(line.is_stale(name) for name in line.stages())
        checkout.write("source.txt", "two\n")
        assert [line.is_stale(name) for name in line.stages()] == [True, False, False, False, False]


@pytest.mark.parametrize("target", ["words", "dvc.yaml:words"])
def test_a_target_may_be_one_stage_of_the_line(checkout: Checkout, target: str) -> None:
    with closing(Line(checkout.folder, target)) as line:
        assert line.stages() == ["raw", "count@a", "count@b", "words"]
    with pytest.raises(BadDataError, match="no-such"):
        Line(checkout.folder, "no-such")


def test_a_second_file_brings_what_it_needs_of_the_line(tmp_path: Path) -> None:
    served = ServedCheckout(tmp_path / "checkout")
    shutil.copytree(served.folder / "data/locate", served.folder / "data/served/champion/model")
    served.dvc("add", "-q", "data/served/champion")
    served.repro_served()
    with closing(Line(served.folder, SERVED)) as line:
        first, *others = line.stages()
        assert [first, *others] == [
            "images@L0001-a", "images@L0001-b", "validate", f"{SERVED}:embed@L0001-a", f"{SERVED}:embed@L0001-b",
            f"{SERVED}:index",
        ]  # fmt: skip
        assert line.upstream(f"{SERVED}:embed@L0001-a") == [first]
        assert line.upstream(f"{SERVED}:index") == ["validate", f"{SERVED}:embed@L0001-a", f"{SERVED}:embed@L0001-b"]
        assert line.outs(f"{SERVED}:index") == ["data/served/index"]
        assert not any(line.is_stale(name) for name in line.stages())
        lock = served.read("data/served/dvc.lock")
        start, index = lock.index("  embed@L0001-a:"), lock.index("  index:")
        mixed = lock[:start] + lock[index:] + lock[start:index]
        served.write("data/served/dvc.lock", mixed)
        line.order_locks(done=True)
        assert served.read("data/served/dvc.lock") == lock
        served.write("data/served/dvc.lock", mixed)
        line.note_order()
        line.order_locks(done=True)
        assert served.read("data/served/dvc.lock") == mixed, "what was there before the run stays where it was"
    with closing(Line(served.folder, f"{SERVED}:embed@L0001-b")) as one:
        assert one.stages() == ["images@L0001-b", f"{SERVED}:embed@L0001-b"]
