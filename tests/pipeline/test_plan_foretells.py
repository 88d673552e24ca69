"""`hilum plan` against what `dvc repro` then does, on the real line: the ten ways in which it can become stale."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from flows.plan import PlannedStage, plan_checkout
from tests.pipeline.conftest import Checkout

LINE = "dvc.yaml"
FIRST, SECOND = "L0001-p10-p14", "L0001-p15-p19"
NEW = "L0002-p10-p19"


@pytest.fixture(scope="module")
def own(line: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which the whole line has run, that no other test sees."""
    checkout = Checkout.__new__(Checkout)
    checkout.folder = tmp_path_factory.mktemp("own") / "line"
    shutil.copytree(line.folder, checkout.folder, symlinks=True)
    checkout.repro()
    return checkout


def nothing(own: Checkout) -> None:
    """The line is as it was."""


def code(own: Checkout) -> None:
    _append(own, "src/hilum/report/pictures.py", "# a remark\n")


def parameter(own: Checkout) -> None:
    own.set_params({"report": {"n_queries": 3}})


def vocabulary(own: Checkout) -> None:
    words = sorted((own.folder / "src/hilum/vocabulary/language").glob("*.yaml"))[0]
    _append(own, str(words.relative_to(own.folder)), "# a remark\n")


def one_partition(own: Checkout) -> None:
    path = own.folder / f"data/partitions/{SECOND}.json"
    record = json.loads(path.read_text())
    study = sorted((own.folder / "data/raw/L0001/tree").rglob("p1[5-9]/p*/s*.txt"))[0].stem
    path.write_text(json.dumps(record | {"withdrawn_studies": [int(study[1:])]}))


def new_landing(own: Checkout) -> None:
    path = own.folder / f"data/partitions/{FIRST}.json"
    record = json.loads(path.read_text()) | {"partition": NEW, "landing": "L0002"}
    record["shards"] = [f"p{number}" for number in range(10, 20)]
    path.with_name(f"{NEW}.json").write_text(json.dumps(record))
    landing = own.folder / "data/landings/L0001.json"
    said = json.loads(landing.read_text()) | {"landing": "L0002", "partitions": [NEW]}
    landing.with_name("L0002.json").write_text(json.dumps(said))
    listed = (own.folder / "data/landings.yaml").read_text().replace("  - L0001\n", "  - L0001\n  - L0002\n")
    (own.folder / "data/landings.yaml").write_text(f"{listed}  {NEW}: {{landing: L0002}}\n")


def deleted_output(own: Checkout) -> None:
    (own.folder / f"data/images/{FIRST}.parquet").unlink()
    shutil.rmtree(own.folder / "data/index")


def deleted_cache(own: Checkout) -> None:
    shutil.rmtree(own.folder / ".dvc/cache")


def edited_lock(own: Checkout) -> None:
    lock = own.lock
    first = lock.index("path: data/evaluation\n", lock.index("\n  report:"))
    place = lock.index("md5: ", lock.index("hash: md5", first) + len("hash: md5")) + len("md5: ")
    (own.folder / "dvc.lock").write_text(lock[:place] + "0" * 8 + lock[place + 8 :])


def frozen(own: Checkout) -> None:
    own.run("dvc", "freeze", "validate")
    parameter(own)
    _append(own, "src/hilum/quality/suites.py", "# a remark\n")


SCENARIOS: dict[Callable[[Checkout], None], tuple[str, set[str]]] = {
    nothing: (LINE, set()),
    code: (LINE, {"validate", "report"}),
    parameter: (LINE, {"report"}),
    vocabulary: (LINE, {f"parse@{FIRST}", f"parse@{SECOND}", "explain"}),
    one_partition: (f"{LINE}:validate", {f"ingest@{SECOND}", f"parse@{SECOND}", f"label@{SECOND}", f"pack@{SECOND}",
                                         "validate"}),
    new_landing: (f"{LINE}:label@{NEW}", {"phantom@L0002", f"ingest@{NEW}", f"parse@{NEW}", f"label@{NEW}"}),
    deleted_output: (LINE, {f"pack@{FIRST}", "index"}),
    edited_lock: (LINE, {"report"}),
    frozen: (LINE, {"report"}),
    deleted_cache: (f"{LINE}:label@{FIRST}", {"phantom@L0001", f"ingest@{FIRST}", f"parse@{FIRST}", f"label@{FIRST}"}),
}  # fmt: skip
"""What is done -> the target, and the stages that then run or are restored. The last leaves nothing to go back to."""


@pytest.mark.slow
@pytest.mark.parametrize("change", SCENARIOS, ids=lambda change: change.__name__)
def test_the_plan_foretells_what_runs(own: Checkout, change: Callable[[Checkout], None]) -> None:
    target, expected = SCENARIOS[change]
    before = _keep(own)
    change(own)
    planned = {stage.stage: stage for stage in plan_checkout(own.folder, target)}
    did = _repro(own, target)
    assert did.keys() == expected
    _compare(planned, did)
    assert not any(stage.stale for stage in plan_checkout(own.folder, target))
    _restore(own, before)


def _compare(planned: dict[str, PlannedStage], did: dict[str, str]) -> None:
    """What is planned for sure happens just so; beyond it, only what was called uncertain."""
    certain = {name: stage.action for name, stage in planned.items() if stage.action in ("run", "restore")}
    uncertain = {name for name, stage in planned.items() if stage.action == "maybe"}
    assert {name: did.get(name) for name in certain} == certain
    assert did.keys() - certain.keys() <= uncertain


def _repro(own: Checkout, target: str) -> dict[str, str]:
    out = own.run("dvc", "repro", target).stdout
    did = dict.fromkeys(re.findall(r"^Running stage '(.+?)'", out, re.MULTILINE), "run")
    return did | dict.fromkeys(re.findall(r"^Stage '(.+?)' is cached", out, re.MULTILINE), "restore")


def _append(own: Checkout, path: str, text: str) -> None:
    with (own.folder / path).open("a", encoding="utf-8") as file:
        file.write(text)


def _keep(own: Checkout) -> dict[str, Any]:
    """Every file that git knows, as it is."""
    names = own.run("git", "ls-files", "-co", "--exclude-standard").stdout.splitlines()
    return {name: (own.folder / name).read_bytes() for name in names}


def _restore(own: Checkout, before: dict[str, Any]) -> None:
    """The files as they were, and the artifacts that belong to them, as far as the cache has them."""
    for name in set(_keep(own)) - set(before):
        (own.folder / name).unlink()
    for name, content in before.items():
        if (own.folder / name).read_bytes() != content:
            (own.folder / name).write_bytes(content)
    if (own.folder / ".dvc/cache/files").is_dir():
        own.run("dvc", "checkout", "--force", "--allow-missing", check=False)
