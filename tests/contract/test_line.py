"""One word, six doors: the stage, the params section, the module, the verb; and no dependency forgotten."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from hilum.cli import cli
from hilum.config import Params

PACKAGE = "hilum"
# cli only passes paths and config only checks params.yaml, whose values DVC records itself
NOT_CODE_DEPS = ("hilum.cli", "hilum.config")


FILES = ("dvc.yaml", "data/served/dvc.yaml")  # the line, and what is served
ROOT = Path(__file__).resolve().parents[2]


def stages(root: Path, file: str) -> dict[str, dict]:
    """The stages of a dvc.yaml, foreach bodies unfolded to their template."""
    raw = yaml.safe_load((root / file).read_text())["stages"]
    return {name: body.get("do", body) for name, body in raw.items()}


ALL = [(file, name) for file in FILES for name in sorted(stages(ROOT, file))]


def module_file(root: Path, module: str) -> Path | None:
    base = root / "src" / Path(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def run_time_imports(path: Path) -> set[str]:
    """Modules of this package that a file imports, TYPE_CHECKING blocks left out."""
    found: set[str] = set()

    def visit(nodes: list[ast.stmt]) -> None:
        for node in nodes:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse)
                continue
            for child in ast.walk(node):
                if isinstance(child, ast.Import):
                    found.update(a.name for a in child.names if a.name.split(".")[0] == PACKAGE)
                elif isinstance(child, ast.ImportFrom) and (child.module or "").split(".")[0] == PACKAGE:
                    found.add(child.module or "")
                    found.update(f"{child.module}.{a.name}" for a in child.names)

    visit(ast.parse(path.read_text()).body)
    return found


def closure(root: Path, module: str) -> set[Path]:
    """Every file of this package that importing `module` runs."""
    todo, seen, files = [module], set(), set()
    while todo:
        name = todo.pop()
        if name in seen or name.startswith(NOT_CODE_DEPS):
            continue
        seen.add(name)
        path = module_file(root, name)
        if path is None:
            continue
        if name != PACKAGE:
            files.add(path)
        todo += [".".join(name.split(".")[:-1]), *run_time_imports(path)]
    return files


def test_stage_section_module_and_verb_have_one_name(root: Path) -> None:
    names = {name for _, name in ALL}
    sections = {f.alias or n for n, f in Params.model_fields.items()}
    assert names == sections
    assert names <= {p.stem for p in (root / "src/hilum/stages").glob("*.py")}
    assert names <= set(cli.commands)
    for file, name in ALL:
        body = stages(root, file)[name]
        assert body["cmd"].split()[:2] == ["hilum", name]
        assert body["params"] == [name]
        assert (root / file).parent.joinpath(body.get("wdir", ".")).resolve() == root, f"{name} runs beside the root"


@pytest.mark.parametrize(("file", "name"), ALL, ids=lambda value: str(value))
def test_code_deps_are_the_imports(root: Path, file: str, name: str) -> None:
    listed = [root / d for d in stages(root, file)[name]["deps"] if str(d).startswith("src/")]
    needed = closure(root, f"hilum.stages.{name}") - {root / "src/hilum/stages/__init__.py"}
    missing = sorted(str(p.relative_to(root)) for p in needed if not any(p == d or d in p.parents for d in listed))
    assert not missing, f"stage {name} imports {missing}, which its deps in {file} do not cover"
    idle = sorted(str(d.relative_to(root)) for d in listed if not any(p == d or d in p.parents for p in needed))
    assert not idle, f"stage {name} lists {idle} as deps and imports nothing of it"


def test_every_verb_has_a_help_line_and_an_example() -> None:
    for name, command in cli.commands.items():
        assert command.help and command.help.splitlines()[0].strip(), name
        assert (command.epilog or "").startswith("Example: "), name
        for parameter in command.params:
            assert getattr(parameter, "help", "argument") or parameter.param_type_name == "argument", (
                name,
                parameter.name,
            )


def test_data_paths_stand_in_dvc_yaml_alone(root: Path) -> None:
    for path in sorted((root / "src/hilum/stages").glob("*.py")):
        if path.stem.startswith("audit"):  # an audit reads what a commit recorded, under the names it had there
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.startswith(("data/", "reports/")), (path.name, node.value)


def test_every_stage_of_the_line_enters_the_run_cache(root: Path) -> None:
    """DVC keeps a stage out of it that has an output outside the cache which is neither a metric nor a plot."""
    for name, body in stages(root, "dvc.yaml").items():
        for out in body["outs"]:
            assert isinstance(out, str) or next(iter(out.values())).get("cache", True), (name, out)
