"""What pip installs is what is in the checkout: every module, the prompts, nothing else."""

from __future__ import annotations

import configparser
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

PACKAGES = ("agent", "memory", "graphs", "trainer")
CHECKOUT = (*PACKAGES, "src", "tests", "examples", "benchmarks", "docs", "deploy")
JUNK = shutil.ignore_patterns("__pycache__", "*.pyc")


def shipped(root: Path) -> set[str]:
    """The files of the import package, by the name they must have in a wheel."""
    own = root / "src" / "ingrained"
    files = {f"ingrained/{path.name}" for path in own.iterdir() if path.is_file()}
    for package in PACKAGES:
        files |= {
            f"ingrained/{path.relative_to(root).as_posix()}"
            for path in (root / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    return files


def wheel_of(root: Path, into: Path) -> zipfile.ZipFile:
    (artifact,) = WheelBuilder(str(root)).build(directory=str(into), versions=["standard"])
    return zipfile.ZipFile(artifact)


def package_files(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is in the repository, so that nobody's edits during a run matter."""
    copy = tmp_path_factory.mktemp("checkout") / "ingrained"
    copy.mkdir()
    for name in CHECKOUT:
        shutil.copytree(root / name, copy / name, symlinks=True, ignore=JUNK)
    for path in root.iterdir():
        if path.is_file():
            shutil.copy2(path, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return wheel_of(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def unpacked_sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    (artifact,) = SdistBuilder(str(checkout)).build(directory=str(folder), versions=["standard"])
    with tarfile.open(artifact) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def test_a_wheel_holds_every_file_of_the_packages_and_no_other(checkout, wheel):
    assert package_files(wheel) == shipped(checkout)


def test_prompts_and_the_type_marker_are_among_them(wheel):
    names = package_files(wheel)
    assert "ingrained/py.typed" in names
    assert any(name.startswith("ingrained/agent/prompts/") for name in names if name[-3:] == ".md")


def test_a_wheel_made_from_the_sdist_is_the_same(unpacked_sdist, wheel, tmp_path):
    assert package_files(wheel_of(unpacked_sdist, tmp_path)) == package_files(wheel)


@pytest.mark.parametrize(
    "name", ["LICENSE", "README.md", "CHANGELOG.md", "Makefile", "langgraph.json", "tests"]
)
def test_the_sdist_can_be_read_and_tested(unpacked_sdist, name):
    assert (unpacked_sdist / name).exists()


def test_a_checkout_without_symbolic_links_gives_the_same_wheel(checkout, wheel, tmp_path):
    """`core.symlinks=false` leaves a text file with the target where a link should be."""
    copy = tmp_path / "checkout"
    shutil.copytree(checkout, copy, symlinks=True)
    for package in PACKAGES:
        link = copy / "src" / "ingrained" / package
        target = str(link.readlink())
        link.unlink()
        link.write_text(target, encoding="utf-8")
    built = package_files(wheel_of(copy, tmp_path))
    assert built == package_files(wheel)


def test_the_wheel_carries_the_licence_and_the_command(wheel):
    (licence,) = (name for name in wheel.namelist() if name.endswith("/licenses/LICENSE"))
    assert "Apache License" in wheel.read(licence).decode()
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    parsed = configparser.ConfigParser()
    parsed.read_string(wheel.read(entry_points).decode())
    assert parsed["console_scripts"]["ingrained"] == "ingrained.agent.cli:main"


def test_the_links_are_relative_and_lead_to_the_four_folders(root):
    links = {
        path.name: path.readlink()
        for path in (root / "src/ingrained").iterdir()
        if path.is_symlink()
    }
    assert links == {package: Path("../..") / package for package in PACKAGES}
