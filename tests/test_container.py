"""The container, as far as a machine without Docker can tell: its lint, its rules, and its steps run one by one."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from advisor.pages.way_in import REFUSAL
from advisor.storage.passwords import set_password
from tests.app import free_port

ROOT = Path(__file__).parents[1]
_HADOLINT = Path(sys.executable).with_name("hadolint")
_WORKDIR = "/opt/threeways"
_USER = 10001
_SECONDS = 1_800  # a download of torch


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a Dockerfile from one FROM to the next. `instructions` are names with what follows them."""

    base: str
    name: str
    instructions: tuple[tuple[str, str], ...]

    def all(self, wanted: str) -> list[str]:
        return [rest for name, rest in self.instructions if name == wanted]


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    found: dict[str, Stage] = {}
    for line in lines:
        name, _, rest = line.partition(" ")
        if name == "FROM":
            base, _, stage = re.fullmatch(r"(\S+)( AS (\S+))?", rest).groups()  # type: ignore[union-attr]
            found[stage] = Stage(base, stage, ())
        else:
            last = found[[*found][-1]]
            found[last.name] = Stage(last.base, last.name, (*last.instructions, (name, " ".join(rest.split()))))
    return found


def whole(stage: Stage) -> list[tuple[str, str]]:
    """What a stage does, with all that it is built upon."""
    before = stages().get(stage.base)
    return [*(whole(before) if before else []), *stage.instructions]


def test_the_linter_finds_nothing() -> None:
    if not _HADOLINT.exists():
        pytest.skip("hadolint isn't installed here")
    done = subprocess.run(
        [str(_HADOLINT), "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == "" and done.returncode == 0


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_an_image_runs_without_root_and_says_how_it_is(name: str) -> None:
    done = whole(stages()[name])
    users = [rest for each, rest in done if each == "USER"]
    assert users == [f"{_USER}:{_USER}"]
    (health,) = [rest for each, rest in done if each == "HEALTHCHECK"]
    assert "/_stcore/health" in health
    (command,) = [json.loads(rest) for each, rest in done if each == "CMD"]
    assert command[:3] == ["streamlit", "run", "streamlit_app.py"] and "0.0.0.0" in command
    assert [*stages()][-1] == "cpu"  # what is built where nobody says which


def test_each_base_has_a_version() -> None:
    own = set(stages())
    bases = [stage.base for stage in stages().values() if stage.base not in own]
    assert bases and all(re.fullmatch(r"[a-z]+:\d+\.\d+-[a-z-]+", base) for base in bases) and len(set(bases)) == 1
    python = stages()["packages"].base.removeprefix("python:").partition("-")[0]
    assert f'target-version = "py{python.replace(".", "")}"' in (ROOT / "pyproject.toml").read_text()


def test_what_is_copied_exists_and_holds_no_secret() -> None:
    copied = [
        source
        for stage in stages().values()
        for rest in stage.all("COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    tracked = set(
        subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    )
    new = {"hashed-team.txt"}  # before it is committed
    for source in copied:
        assert source in tracked | new or any(file.startswith(f"{source}/") for file in tracked), source
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in allowed and set(copied) == {line[1:] for line in allowed if line.startswith("!")}
    assert not any("secrets" in source or "passwords" in source or source in (".", ".streamlit") for source in copied)


def test_all_that_has_a_hash_is_checked_before_what_has_none() -> None:
    for name in ("cpu-packages", "cuda-packages"):
        steps = [step for each, rest in whole(stages()[name]) if each == "RUN" for step in rest.split("&&")]
        installs = [step for step in steps if "pip install" in step]
        checked = ["--require-hashes" in step for step in installs]
        assert checked == sorted(checked, reverse=True) and sum(checked) == 3
        assert all("-c constraints.txt" in step for step in installs if "--require-hashes" not in step)


def test_nothing_names_a_registry() -> None:
    for file in ("Dockerfile", "compose.yaml", ".dockerignore"):
        assert not re.search(r"https?://(?!127\.0\.0\.1|localhost)|\.(org|com|io)\b", (ROOT / file).read_text())


@pytest.mark.parametrize("name", ["threeways", "threeways-cuda"])
def test_compose_asks_for_a_log_in_and_keeps_what_people_made(name: str) -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    service = composed["services"][name]
    assert service["build"]["target"] in stages() and service["image"].endswith(service["build"]["target"])
    assert service["volumes"] == ["data:/data"] and "data" in composed["volumes"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"] and "privileged" not in service and "user" not in service
    text = (ROOT / "compose.yaml").read_text()
    assert "python -m advisor password NAME" in text and "secrets.toml" in text


# The steps, in a folder that stands for the image. They install everything into a clean environment.


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """Where the steps of the cpu image were run, readable for everyone, as an image is."""
    folder = Path(tempfile.mkdtemp(prefix="threeways-image-"))
    folder.chmod(0o755)
    work = folder / "opt"
    before = os.umask(0o022)  # a store that another test opened keeps files private
    try:
        for name in ("cpu-packages", "app"):
            for instruction, rest in whole(stages()[name]):
                _carry_out(work, instruction, rest)
        os.umask(before)
        yield folder
    finally:
        os.umask(before)
        shutil.rmtree(folder, ignore_errors=True)


def _python() -> tuple[Path, bool]:
    """A Python to install with, and whether the user of the image can run it here: root's own one they can't."""
    program = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for path in (Path("/usr/bin/python3"), Path("/usr/local/bin/python3")) if os.getuid() == 0 else ():
        if path.exists() and not subprocess.run([path, "-c", program], check=False, user=_USER, cwd="/").returncode:
            return path, True
    return Path(sys.executable).resolve(), False


def _carry_out(work: Path, instruction: str, rest: str) -> None:
    work.mkdir(exist_ok=True)
    if instruction == "COPY":
        *sources, target = rest.split()
        for source in sources:
            into = work / target if len(sources) == 1 and target != "./" else work / source
            into.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, into, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / source, into)
    elif instruction == "RUN" and "useradd" not in rest:  # this machine keeps its users
        program = rest.replace("python -m venv", f"{_python()[0]} -m venv")
        subprocess.run(["bash", "-euc", program], cwd=work, env=os.environ | {"TORCH_INDEX": ""}, check=True)


def _in_image(image: Path, home: Path, *command: str) -> subprocess.Popen[str]:
    """A command of the image, as its user where that is possible."""
    (environment,) = stages()["app"].all("ENV")
    given = dict(one.split("=", 1) for one in shlex.split(environment))
    bin_ = image / "opt" / ".venv" / "bin"
    given["PATH"] = given["PATH"].replace(f"{_WORKDIR}/.venv/bin", str(bin_)).replace("$PATH", os.environ["PATH"])
    given |= {"THREEWAYS_HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "HOME": str(home)}
    _, as_user = _python()
    return subprocess.Popen(
        [str(bin_ / command[0]), *command[1:]],
        cwd=image / "opt",
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        user=_USER if as_user else None,
        group=_USER if as_user else None,
        extra_groups=[] if as_user else None,
    )


@pytest.fixture
def home(image: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir=image))
    if _python()[1]:
        os.chown(folder, _USER, _USER)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_the_image_starts_only_when_people_can_log_in_and_is_healthy_then(image: Path, home: Path) -> None:
    (command,) = [json.loads(rest) for rest in stages()["app"].all("CMD")]
    port = free_port()
    command += ["--server.port", str(port)]
    with _in_image(image, home, *command) as server:
        said, _ = server.communicate(timeout=300)
    assert server.returncode == 1 and REFUSAL in said
    set_password(home / "passwords", "anna", "correct horse battery")
    if _python()[1]:
        for file in (home / "passwords", home / "passwords.lock"):
            os.chown(file, _USER, _USER)
    health = json.loads(stages()["app"].all("HEALTHCHECK")[0].partition("CMD ")[2])
    health = [part.replace(":8501", f":{port}") for part in health]
    with _in_image(image, home, *command) as server:
        try:
            deadline = time.monotonic() + 300
            while not _answers(port) and time.monotonic() < deadline:
                assert server.poll() is None
                time.sleep(0.2)
            with _in_image(image, home, *health) as asked:
                said, _ = asked.communicate(timeout=60)
            assert asked.returncode == 0, said
        finally:
            server.terminate()
            server.wait(60)
    with _in_image(image, home, *health) as asked:
        asked.communicate(timeout=60)
    assert asked.returncode != 0


@pytest.mark.slow
def test_the_image_has_all_that_the_command_line_and_log_in_need(image: Path, home: Path) -> None:
    with _in_image(image, home, "python", "-m", "advisor", "check", "examples/support_tickets.csv") as checked:
        said, _ = checked.communicate(timeout=600)
    assert checked.returncode in (0, 3), said
    with _in_image(image, home, "python", "-c", "import authlib.integrations.starlette_client, argon2, torch") as done:
        said, _ = done.communicate(timeout=600)
    assert done.returncode == 0, said


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
