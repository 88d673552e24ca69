"""The plan against what `dvc repro` then does, in every way a line can become stale."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from flows.bundle import bundle
from flows.graph import Line
from flows.plan import PlannedStage, describe_plan, plan_checkout, plan_line
from tests.unit.flows.conftest import Checkout
from tests.unit.flows.toy import SERVED, ServedCheckout


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


def deleted_output_and_run_cache(checkout: Checkout) -> None:
    deleted_output(checkout)
    shutil.rmtree(checkout.folder / ".dvc/cache/runs")


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
    deleted_output_and_run_cache: {"count@a"},
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


CHAMPION, LISTING = "data/served/champion", "data/raw/L0001/listing.txt"
IMAGES = {"images@L0001-a", "images@L0001-b"}
EMBED = {f"{SERVED}:embed@L0001-a", f"{SERVED}:embed@L0001-b"}
INDEX = {f"{SERVED}:index"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> ServedCheckout:
    """A small line with a second dvc.yaml, whose champion is the line's model."""
    checkout = ServedCheckout(tmp_path_factory.mktemp("template"))
    bundle(checkout.folder)
    checkout.commit("served")
    return checkout


@pytest.fixture
def served(template: ServedCheckout, tmp_path: Path) -> ServedCheckout:
    return ServedCheckout.copy(template, tmp_path / "checkout")


def unchanged(served: ServedCheckout) -> None:
    """What is served is up to date, and so is what it needs of the line."""


def embedding_code(served: ServedCheckout) -> None:
    served.write("src/embed.py", served.read("src/embed.py") + "out.write_bytes(out.read_bytes() * 2)\n")


def vocabulary(served: ServedCheckout) -> None:
    served.write("src/hilum/vocabulary/concepts/findings.yaml", "- effusion\n- oedema\n")


def one_served_partition(served: ServedCheckout) -> None:
    served.write("parts/L0001-b.txt", "more")


def new_landing(served: ServedCheckout) -> None:
    served.write("data/landings.yaml", served.read("data/landings.yaml") + "  L0002-a: {landing: L0002}\n")
    served.listing("L0002")


def another_champion(served: ServedCheckout) -> None:
    served.write(f"{CHAMPION}/model/model.safetensors", "another")
    served.dvc("add", "-q", CHAMPION)


def edited_champion(served: ServedCheckout) -> None:
    served.write(f"{CHAMPION}/model/model.safetensors", "by hand")


def deleted_index(served: ServedCheckout) -> None:
    shutil.rmtree(served.folder / "data/served/index")


def edited_served_lock(served: ServedCheckout) -> None:
    lock = served.read("data/served/dvc.lock")
    served.write("data/served/dvc.lock", lock[: lock.index("  index:")])


def frozen_index(served: ServedCheckout) -> None:
    served.dvc("freeze", f"{SERVED}:index")
    another_champion(served)


SERVED_RUNS: dict[Callable[[ServedCheckout], None], set[str]] = {
    unchanged: set(),
    embedding_code: EMBED | INDEX,
    vocabulary: IMAGES | {"validate"} | EMBED | INDEX,
    one_served_partition: {"images@L0001-b", "validate", f"{SERVED}:embed@L0001-b"} | INDEX,
    new_landing: {"images@L0002-a", "validate", f"{SERVED}:embed@L0002-a"} | INDEX,
    another_champion: EMBED | INDEX,
    edited_champion: EMBED | INDEX,
    deleted_index: INDEX,
    edited_served_lock: INDEX,
    frozen_index: EMBED,
}


@pytest.mark.parametrize("change", SERVED_RUNS, ids=lambda change: change.__name__)
def test_stages_of_the_second_file_are_foretold_with_all_that_they_need(
    served: ServedCheckout, change: Callable[[ServedCheckout], None]
) -> None:
    change(served)
    planned = {stage.stage: stage for stage in plan_checkout(served.folder, SERVED)}
    assert {name for name, stage in planned.items() if stage.stale} == SERVED_RUNS[change]
    did = served.repro_served()
    assert set(did) == SERVED_RUNS[change]
    for name, how in did.items():
        assert planned[name].action in {how, "maybe"}, (name, planned[name])
    assert not any(stage.stale for stage in plan_checkout(served.folder, SERVED))


def test_a_tracked_file_that_is_gone_is_planned_and_brought_back(served: ServedCheckout) -> None:
    (served.folder / LISTING).unlink()
    shutil.rmtree(served.folder / CHAMPION)
    with closing(Line(served.folder, SERVED)) as line:
        plan = plan_line(line, {})
        stale = {stage.stage: (stage.action, stage.where) for stage in plan if stage.stale}
        assert stale == {f"{LISTING}.dvc": ("restore", "cache"), f"{CHAMPION}.dvc": ("restore", "cache")}
        assert list(describe_plan(plan, everything=False))[-1].startswith(
            "plan: 0 to run, 2 to restore from the cache,"
        )
        embed = next(stage for stage in plan if stage.stage in EMBED)
        assert f"{CHAMPION}.dvc" not in embed.upstream and line.is_stale(f"{CHAMPION}.dvc")
        assert line.bring() == [f"{LISTING}.dvc", f"{CHAMPION}.dvc"]
        assert not line.is_stale(f"{CHAMPION}.dvc")
    assert not any(stage.stale for stage in plan_checkout(served.folder, SERVED))
    assert served.repro_served() == {}


def test_a_tracked_file_that_nothing_holds_cannot_be_restored(served: ServedCheckout) -> None:
    (served.folder / LISTING).unlink()
    shutil.rmtree(served.folder / ".dvc/cache/files")
    planned = {stage.stage: stage for stage in plan_checkout(served.folder)}
    assert planned[f"{LISTING}.dvc"].row()["reason"] == f"output {LISTING} deleted"
    assert planned[f"{LISTING}.dvc"].action == "run", "DVC will say that it is missing"
    assert "missing data 'source'" in served.dvc_fails("repro")
