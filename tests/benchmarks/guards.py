"""Whether each guard has a test that fails without it.

In a copy of the checkout, one guard after the other is taken out, and its tests run. With the guard, they pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_COPIED = ("advisor", "eval", "strategies", "tests", "examples", "docs", ".streamlit", ".ci")


@dataclass(frozen=True, slots=True)
class Guard:
    """`text` in `file` is what keeps harm off, `without` is the same without it, and `tests` are given to pytest."""

    name: str
    file: str
    text: str
    without: str
    tests: str


_MODEL_FILES = "tests/strategies/test_model_files.py"
_OWN_ORIGIN = "tests/pages/test_own_origin.py"
_COMMANDS = "tests/advisor/test_command_line.py"

GUARDS = (
    Guard(
        "Python code of a model's folder never runs",
        "strategies/engine/weights.py",
        "trust_remote_code=False, **options",
        "**options",
        "tests/strategies/test_weights.py -k python_code",
    ),
    Guard(
        "weights are safetensors",
        "strategies/engine/weights.py",
        'options["use_safetensors"] = True',
        "pass",
        f"{_MODEL_FILES} -k pickled_weights_are_never_read",
    ),
    Guard(
        "a search model's weights are safetensors",
        "strategies/search/loading.py",
        'model_kwargs={"use_safetensors": True}',
        "model_kwargs={}",
        f"{_MODEL_FILES} -k pickled_weights_are_never_read",
    ),
    Guard(
        "an adapter leads to no other model",
        "strategies/model_files.py",
        "if file.name == _ADAPTER:",
        "if False:",
        f"{_MODEL_FILES} -k adapter",
    ),
    Guard(
        "a config leads nowhere else",
        "strategies/model_files.py",
        "if wanted := next(_asked_elsewhere(file.name, described), None):",
        "if wanted := None:",
        f"{_MODEL_FILES} -k nowhere_else",
    ),
    Guard(
        "of the hub, only data is fetched",
        "strategies/model_files.py",
        "revision=commit, allow_patterns=list(FETCHED)))",
        "revision=commit))",
        f"{_MODEL_FILES} -k only_data_is_fetched",
    ),
    Guard(
        "the hub's commit is pinned",
        "strategies/model_files.py",
        "    if commit is None:\n        seen",
        "    if False:\n        seen",
        f"{_MODEL_FILES} -k only_data_is_fetched",
    ),
    Guard(
        "links among documents aren't followed",
        "advisor/command_line/uploads.py",
        "if file.is_file() and not file.is_symlink()]",
        "if file.is_file()]",
        f"{_COMMANDS} -k links_among_documents",
    ),
    Guard(
        "a terminal obeys nothing in the output",
        "advisor/command_line/terminal.py",
        'return _OBEYED.sub("", text)',
        "return text",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in the JSON of a report",
        "advisor/render/json_file.py",
        "indent=2, allow_nan=False)",
        "indent=2, allow_nan=False, ensure_ascii=False)",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in the JSON of check and decide",
        "advisor/as_json.py",
        "indent=indent, allow_nan=False)",
        "indent=indent, allow_nan=False, ensure_ascii=False)",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "nor in an error",
        "advisor/command_line/terminal.py",
        'sign if sign.isprintable() else " "',
        "sign",
        f"{_COMMANDS} -k codes",
    ),
    Guard(
        "no cell begins with a full-width sign",
        "eval/reading/text_marks.py",
        "=+\\-@＝＋－＠﹢﹣﹦﹫",
        "=+\\-@",
        "tests/eval/test_text_marks.py",
    ),
    Guard(
        "no cell of another locale begins with a sign",
        "eval/reading/text_marks.py",
        '_ENDS = r";|\\t\\r\\n"',
        '_ENDS = r"\\r\\n"',
        "tests/eval/test_text_marks.py",
    ),
    Guard(
        "only the owner enters the home folder",
        "advisor/storage/files.py",
        "home.chmod(0o700)",
        "pass",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "only the owner reads the database",
        "advisor/storage/files.py",
        "file.chmod(0o600)",
        "pass",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "only the owner reads new files",
        "advisor/storage/files.py",
        "_umask.append(os.umask(_OTHERS))",
        "_umask.append(0o022)",
        "tests/advisor/test_store.py",
    ),
    Guard(
        "$ is no mathematics in a report",
        "advisor/render/markdown.py",
        "<>|#~&$])",
        "<>|#~&])",
        "tests/advisor/test_report.py -k markdown",
    ),
    Guard(
        "nor on a page",
        "advisor/pages/marks.py",
        'r"([!-/:-@\\[-`{-~])"',
        'r"([!-#%-/:-@\\[-`{-~])"',
        "tests/pages/test_labels.py",
    ),
    Guard(
        "no other site frames a page",
        "advisor/pages/own_origin.py",
        '[*message.get("headers", ()), *_HEADERS]',
        'list(message.get("headers", ()))',
        f"{_OWN_ORIGIN} -k frames",
    ),
    Guard(
        "no other site opens a session",
        "advisor/pages/own_origin.py",
        'scope["type"] == "websocket" and not is_own(scope)',
        "False",
        f"{_OWN_ORIGIN} -k session",
    ),
    Guard(
        "nobody is asked for this machine's address",
        ".streamlit/config.toml",
        'serverAddress = "127.0.0.1"',
        "",
        f"{_OWN_ORIGIN} -k for_this_machine",
    ),
    Guard(
        "pip checks hashes",
        "Makefile",
        "--no-deps --require-hashes -r hashed.txt",
        "--no-deps -r hashed.txt",
        "tests/test_installing.py -k pip_checks",
    ),
    Guard(
        "versions are audited",
        "tests/audit.py",
        "int(vulnerable > 0)",
        "0",
        "tests/test_installing.py -k audited",
    ),
)


def run(full: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        for name in _COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ROOT.iterdir():
            if path.is_file():
                shutil.copy2(path, copy / path.name)
        return [_tried(copy, guard) for guard in GUARDS]


def _tried(copy: Path, guard: Guard) -> dict[str, Any]:
    """Raises RuntimeError if the guard isn't where it was."""
    path = copy / guard.file
    whole = path.read_text()
    if whole.count(guard.text) != 1:
        raise RuntimeError(f"{guard.name}: {guard.file} contains {whole.count(guard.text)} times {guard.text!r}")
    with_it = _passes(copy, guard.tests)
    path.write_text(whole.replace(guard.text, guard.without))
    without_it = _passes(copy, guard.tests)
    path.write_text(whole)
    return {"guard": guard.name, "with it": with_it, "without it": without_it}


def _passes(copy: Path, tests: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return {0: "passes", 1: "fails"}.get(done.returncode, f"pytest ends with {done.returncode}")
