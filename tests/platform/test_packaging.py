"""A plain install brings everything along, and what is locked carries hashes and no addresses."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("privacy", "incentives", "programs", "admin", "platform")


def test_the_listed_packages_are_the_folders_with_code() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    folders = set()
    for top in TOP:
        for path in (ROOT / top).rglob("*.py"):
            package = ".".join(path.parent.relative_to(ROOT).parts)
            if not re.fullmatch(r"platform\.migrations\.\w+(\.versions)?", package):  # data: Alembic reads the files
                folders.add("vitaal" + package.removeprefix("platform") if top == "platform" else package)
    assert sorted(folders | {"programs.ready"}) == sorted(listed)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_locked_versions_carry_hashes_and_no_addresses(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line.strip() and not line.startswith("#")]
    assert len(requirements) > 20
    for line in requirements:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==[0-9][^ ]* ", line), line
        assert "--hash=sha256:" in line, line
    assert "://" not in "".join(lines)


def test_the_licence_is_declared_by_its_spdx_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "EUPL-1.2"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, since building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *TOP, "pyproject.toml", "README.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        source, target = ROOT / name, folder / "source" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "-w", str(folder), str(folder / "source")], check=True, capture_output=True)
    (built,) = folder.glob("vitaal-*.whl")
    return built


def test_the_wheel_brings_templates_styles_translations_migrations_and_programmes(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = set()
    for folder in ("templates", "static", "translations", "migrations"):
        for path in (ROOT / "platform" / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc":
                wanted.add(f"vitaal/{path.relative_to(ROOT / 'platform').as_posix()}")
    wanted |= {f"programs/ready/{path.name}" for path in (ROOT / "programs" / "ready").glob("*.yaml")}
    for kind in ("templates/", "static/", "migrations/members/versions/", "migrations/employers/versions/"):
        assert [name for name in wanted if name.startswith(f"vitaal/{kind}")], kind
    assert [name for name in wanted if name.startswith("programs/ready/")]
    assert wanted - packed == set()


def test_the_wheel_brings_neither_tests_nor_a_package_named_platform(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {*TOP, "vitaal"} - {"platform"}


def test_a_plain_install_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True, capture_output=True)
    # -S keeps the editable install of this checkout out; the dependencies come by their folder, after the target.
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(target), dependencies])}
    script = (
        "import vitaal.cli, programs.documents as d, sys; assert d.ready(); print(vitaal.cli.__file__);"
        "sys.argv = ['vitaal', 'db', 'upgrade', '--dir', 'stores']; vitaal.cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(target))
    assert (tmp_path / "stores" / "members.sqlite").is_file()
