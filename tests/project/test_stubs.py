"""The stubs of other packages name only what those packages have."""

import ast
import importlib
from pathlib import Path

import pytest

STUBS = Path(__file__).parents[2] / "stubs"
FILES = sorted(STUBS.rglob("*.pyi"))


def names_of(body: list[ast.stmt]) -> dict[str, list[str]]:
    """The public names that statements define, each with its public members if it is a class."""
    found: dict[str, list[str]] = {}
    for statement in body:
        match statement:
            case ast.ClassDef(name=name, decorator_list=[ast.Name(id="type_check_only")]):
                pass
            case ast.ClassDef(name=name):
                found[name] = list(names_of(statement.body))
            case ast.FunctionDef(name=name):
                found[name] = []
            case ast.AnnAssign(target=ast.Name(id=name), value=None):
                found[name] = []
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = []
    return {name: members for name, members in found.items() if not name.startswith("_")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(STUBS)))
def test_every_name_exists(path: Path) -> None:
    parts = path.relative_to(STUBS).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    missing = []
    for name, members in names_of(ast.parse(path.read_text(encoding="utf-8")).body).items():
        if not hasattr(module, name):
            missing.append(name)
            continue
        thing = getattr(module, name)
        missing += [f"{name}.{member}" for member in members if not hasattr(thing, member)]
    assert not missing, f"{module.__name__} has no {', '.join(missing)}"
