"""The DAG as the flow reads it, against what `dvc repro` does."""

from __future__ import annotations

from contextlib import closing

from flows.graph import Line
from tests.unit.flows.conftest import Checkout


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
