"""What `make install` installs: exact versions, with the hashes of their files wherever pip can check them."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

ROOT = Path(__file__).parents[1]
# torch's build depends on the machine, and so does what comes with it.
UNHASHED = re.compile(r"torch|triton|setuptools|(nvidia|cuda)-.*|threeways|pip")
HASHED = re.compile(r"^(\S+)==(\S+)(?: ;[^\\\n]*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def hashed(file: str) -> dict[NormalizedName, str]:
    """The versions by name. Every line belongs to a version with at least one hash."""
    text = (ROOT / file).read_text()
    assert not HASHED.sub("", text).strip()
    return {canonicalize_name(name): version for name, version, _ in HASHED.findall(text)}


def needed_by(requirement: Requirement, found: set[NormalizedName]) -> None:
    """The names of all that it needs on this machine, with itself."""
    name = canonicalize_name(requirement.name)
    if UNHASHED.fullmatch(name):
        return
    try:
        further = [Requirement(each) for each in requires(requirement.name) or ()]
    except PackageNotFoundError:
        pytest.skip(f"{requirement.name} isn't installed here")
    found.add(name)
    for each in further:
        wanted = {"extra": ""}, *({"extra": extra} for extra in requirement.extras)
        if any(each.marker is None or each.marker.evaluate(environment) for environment in wanted):
            is_known = canonicalize_name(each.name) in found and not each.extras
            if not is_known:
                needed_by(each, found)


@pytest.mark.parametrize(
    ("files", "extra"),
    [
        (["hashed.txt"], None),
        (["hashed-dev.txt"], "dev"),
        (["hashed.txt", "hashed-team.txt"], "team"),
        (["hashed.txt", "hashed-cluster.txt"], "cluster"),
    ],
)
def test_all_that_can_have_a_hash_has_one_of_the_version_that_was_tested(files: list[str], extra: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed: set[NormalizedName] = set()
    for each in [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else [])]:
        needed_by(Requirement(each), needed)
    versions = {name: version for file in files for name, version in hashed(file).items()}
    assert needed <= set(versions) and len(needed) > 80
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in tested.items()}
    assert {name: pinned[name] for name in versions if name in pinned} == {
        name: version for name, version in versions.items() if name in pinned
    }
    assert needed <= set(pinned)


@pytest.mark.parametrize(
    ("target", "file"),
    [
        (".venv/installed", "hashed.txt"),
        (".venv/installed-dev", "hashed-dev.txt"),
        (".venv/installed-team", "hashed-team.txt"),
        (".venv/installed-cluster", "hashed-cluster.txt"),
        (".venv/installed", "models.txt"),
    ],
)
def test_pip_checks_the_hashes(target: str, file: str) -> None:
    """Before it installs what has none."""
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", target], cwd=ROOT, capture_output=True, text=True, check=True
    )
    steps = [line for line in told.stdout.splitlines() if " -m pip install " in line]
    (checked,) = [at for at, line in enumerate(steps) if f"--no-deps --require-hashes -r {file}" in line]
    is_first = file in ("hashed.txt", "hashed-dev.txt")
    loose = next(at for at, line in enumerate(steps) if line.endswith(" -e ." if "dev" not in file else " -e '.[dev]'"))
    assert checked < loose or not is_first


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], 0, "1 of 1 versions audited, 0 vulnerable."),
        (
            [
                {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"], "aliases": []}]},
                {"name": "b", "skip_reason": "Dependency not found"},
            ],
            1,
            "a 1 is vulnerable (CVE-1, fixed in 2).",
        ),
        ([{"name": "b", "skip_reason": "Dependency not found"}], 0, "were not audited"),
        (None, 0, "were not audited"),
    ],
)
def test_versions_are_audited_where_the_database_can_be_reached(
    tmp_path: Path, packages: list[dict[str, object]] | None, code: int, said: str
) -> None:
    """A program that answers as pip-audit does with a database, and without one."""
    program = tmp_path / "pip-audit"
    told = json.dumps({"dependencies": packages, "fixes": []}) if packages is not None else ""
    program.write_text(f"#!{sys.executable}\nprint({told!r})\nraise SystemExit({code if packages else 1})\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        [sys.executable, "tests/audit.py", str(program), "hashed.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code and said in done.stdout
