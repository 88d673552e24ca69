"""The plan against what `dvc repro` then does, in every way a line can become stale."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing

import pytest

from flows.graph import Line
from flows.plan import PlannedStage, plan_line
from tests.unit.flows.conftest import Checkout


def plan(checkout: Checkout) -> dict[str, PlannedStage]:
    with closing(Line(checkout.folder)) as line:
        return {p.stage: p for p in plan_line(line, {"raw": 2.5})}


def nothing(checkout: Checkout) -> None:
    """The line is as it was."""


def code(checkout: Checkout) -> None:
    checkout.write("src/join.py", (checkout.folder / "src/join.py").read_text().replace('"".join', '"-".join'))


def parameter(checkout: Checkout) -> None:
    checkout.write("params.yaml", "count: {times: 3, other: [1, 2]}\n")


def source(checkout: Checkout) -> None:
    checkout.write("source.txt", "two\n")


def one_partition(checkout: Checkout) -> None:
    checkout.write("parts/b.txt", "bb")


def new_partition(checkout: Checkout) -> None:
    checkout.write("partitions.yaml", "partitions: {a: {}, b: {}, c: {}}\n")


def back_again(checkout: Checkout) -> None:
    source(checkout)
    checkout.repro()
    checkout.write("source.txt", "one\n")


def deleted_output(checkout: Checkout) -> None:
    (checkout.folder / "data/counts/a.txt").unlink()


def edited_output(checkout: Checkout) -> None:
    (checkout.folder / "data/words.txt").unlink()
    checkout.write("data/words.txt", "by hand")


def deleted_cache(checkout: Checkout) -> None:
    shutil.rmtree(checkout.folder / ".dvc/cache")


def deleted_output_and_cache(checkout: Checkout) -> None:
    deleted_output(checkout)
    deleted_cache(checkout)


def edited_lock(checkout: Checkout) -> None:
    lines = checkout.lock.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if "  words:" in line)
    md5 = next(n for n in range(first, len(lines)) if "md5:" in lines[n] and "hash" not in lines[n])
    lines[md5] = lines[md5].replace("md5: ", "md5: 0")[:-2] + "\n"
    checkout.write("dvc.lock", "".join(lines))


def command(checkout: Checkout) -> None:
    path = checkout.folder / "dvc.yaml"
    path.write_text(path.read_text().replace("tr a-z A-Z", "tr a-y A-Y"))


def frozen(checkout: Checkout) -> None:
    checkout.dvc("freeze", "words")
    source(checkout)


RUNS: dict[Callable[[Checkout], None], set[str]] = {
    nothing: set(),
    code: {"words", "upper"},
    parameter: {"count@a", "count@b", "words", "upper"},
    source: {"raw", "count@a", "count@b", "words", "upper"},
    one_partition: {"count@b", "words", "upper"},
    new_partition: {"count@c", "words", "upper"},
    back_again: {"raw", "count@a", "count@b", "words", "upper"},
    deleted_output: {"count@a"},
    edited_output: {"words"},
    deleted_cache: {"raw", "count@a", "count@b", "words"},
    deleted_output_and_cache: {"raw", "count@a", "count@b", "words"},
    edited_lock: {"words"},
    command: {"upper"},
    frozen: {"raw", "count@a", "count@b"},
}


@pytest.mark.parametrize("change", RUNS, ids=lambda change: change.__name__)
def test_the_plan_names_the_stages_that_then_run(checkout: Checkout, change: Callable[[Checkout], None]) -> None:
    checkout.repro()
    change(checkout)
    planned = plan(checkout)
    assert {name for name, stage in planned.items() if stage.stale} == RUNS[change]
    did = checkout.repro()
    assert set(did) == RUNS[change]
    for name, how in did.items():
        assert planned[name].action in {how, "maybe"}, (name, planned[name])
    assert not any(stage.stale for stage in plan(checkout).values())


def test_a_reason_says_what_changed_and_how(checkout: Checkout) -> None:
    first = plan(checkout)
    assert first["raw"].row()["reason"] == "new stage that has never run here"
    assert first["raw"].seconds == 2.5
    assert first["words"].action == "run"
    checkout.repro()
    parameter(checkout)
    changed = plan(checkout)
    assert changed["count@a"].row()["reason"] == "parameter count.times 1 -> 3"
    assert changed["words"].row()["reason"] == "upstream data/counts may change"
    assert (changed["count@a"].action, changed["words"].action) == ("run", "maybe")
    assert changed["words"].upstream == ("count@a", "count@b")


def test_what_the_run_cache_holds_is_followed_to_the_end_of_the_line(checkout: Checkout) -> None:
    checkout.repro()
    back_again(checkout)
    assert [p.action for p in plan(checkout).values()] == ["restore"] * 4 + ["run"]  # the last is not cached


def test_a_change_that_changes_no_byte_stops_at_its_stage(checkout: Checkout) -> None:
    checkout.repro()
    checkout.write("src/count.py", (checkout.folder / "src/count.py").read_text() + "\n# a remark\n")
    planned = plan(checkout)
    assert [p.action for p in planned.values()] == ["keep", "run", "run", "maybe", "maybe"]
    assert set(checkout.repro()) == {"count@a", "count@b"}
