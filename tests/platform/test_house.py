"""How the house is laid out: what a name imports, and what only the roof may know."""

import ast
import importlib.util
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from vitaal.registry import EMPLOYERS_TABLES, MEMBERS_TABLES

ROOT = Path(__file__).parents[2]
FLOORS = ("privacy", "incentives", "programs", "admin")
ROOF = "platform"


def _modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def _imports(path: Path) -> set[str]:
    """Names of everything that a module imports, also inside functions; relative ones start with a dot."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    return found


def test_pythons_own_platform_module_is_found_from_the_root() -> None:
    script = "import platform; print(platform.python_implementation(), platform.__file__)"
    for command in (["-c", script], ["-m", "pytest", "--version"]):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True)
        if command[0] == "-c":
            name, file = done.stdout.split(maxsplit=1)
            assert name == sys.implementation.name.replace("cpython", "CPython")
            assert not Path(file.strip()).is_relative_to(ROOT / ROOF)


def test_the_roof_is_no_package_of_its_own_name() -> None:
    assert not (ROOT / ROOF / "__init__.py").exists()
    assert importlib.util.find_spec("vitaal") is not None


@pytest.mark.parametrize("outside", ["flask", "werkzeug", "click", "apscheduler", "pydantic_settings", "vitaal"])
def test_only_the_roof_knows(outside: str) -> None:
    guilty = [path for path in _modules(*FLOORS) if outside in {name.split(".")[0] for name in _imports(path)}]
    assert guilty == []


def test_only_the_roof_reads_the_environment_or_a_clock() -> None:
    guilty = []
    for path in _modules(*FLOORS):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                if called in {"os.environ", "os.getenv", "datetime.now", "datetime.utcnow", "date.today", "time.time"}:
                    guilty.append((path.relative_to(ROOT), node.lineno, called))
    assert guilty == []


def test_stripe_is_known_in_billing_alone() -> None:
    guilty = [path for path in _modules(*FLOORS, ROOF) if {"stripe"} & {name.split(".")[0] for name in _imports(path)}]
    assert [path.relative_to(ROOT).as_posix() for path in guilty] in ([], ["admin/billing.py"])


def test_inside_the_roof_imports_are_relative() -> None:
    guilty = [path for path in _modules(ROOF) if any(name.split(".")[0] == "vitaal" for name in _imports(path))]
    migrations = ROOT / ROOF / "migrations"
    assert [path for path in guilty if not path.is_relative_to(migrations)] == []


def test_a_package_of_the_engine_does_nothing_when_it_is_imported() -> None:
    packages = [path for path in _modules(*FLOORS) if path.name == "__init__.py"]
    busy = [path for path in packages if len(ast.parse(path.read_text("utf-8")).body) > 1]
    assert busy == [ROOT / "privacy" / "store" / "__init__.py"], "the one package that is itself a door"


def test_every_module_states_its_promise() -> None:
    silent = [
        path
        for path in _modules(*FLOORS, ROOF)
        if "versions" not in path.parts and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_every_module_with_tables_is_loaded_with_the_registered_ones() -> None:
    declaring = set()
    for path in _modules(*FLOORS):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "__tablename__" for target in node.targets
            ):
                declaring.add(".".join(path.relative_to(ROOT).with_suffix("").parts))
    script = "import sys; from vitaal.registry import load_tables; load_tables(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert declaring - set(done.stdout.split()) == set()
    assert {*MEMBERS_TABLES, *EMPLOYERS_TABLES} - declaring == set()


def _contracts() -> list[dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]


def test_the_import_contracts_keep_the_floors_and_faces_apart() -> None:
    """`make check` runs them; here it is only held that nobody drops one."""
    layers = [contract["layers"] for contract in _contracts() if contract["type"] == "layers"]
    assert layers == [["admin", "programs", "incentives", "privacy"]]
    forbidden = {
        (source, target)
        for contract in _contracts()
        if contract["type"] == "forbidden"
        for source in contract["source_modules"]  # type: ignore[attr-defined]
        for target in contract["forbidden_modules"]  # type: ignore[attr-defined]
    }
    assert ("vitaal.faces.employers", "privacy.store.members") in forbidden
    assert ("vitaal.faces.members", "privacy.store.employers") in forbidden
    for floor in FLOORS:
        for outside in ("vitaal.**", "flask", "click", "apscheduler"):
            assert (floor, outside) in forbidden, (floor, outside)


_LOADED = """
import sys, vitaal.faces.{face}
from importlib import import_module
from pathlib import Path
import pkgutil
package = sys.modules["vitaal.faces.{face}"]
for found in pkgutil.iter_modules(package.__path__):
    import_module(f"vitaal.faces.{face}.{{found.name}}")
print("privacy.store.{other}" in sys.modules)
"""


@pytest.mark.parametrize(("face", "other"), [("employers", "members"), ("members", "employers")])
def test_a_face_that_is_loaded_has_not_loaded_the_other_store(face: str, other: str) -> None:
    script = _LOADED.format(face=face, other=other)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
