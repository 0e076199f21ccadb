"""The direction of imports, and that no page ever loads torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "eval": {"eval"},
    "strategies": {"strategies", "eval"},
    "advisor": {"advisor", "strategies", "eval"},
}
ROOMS = set(MAY_IMPORT)
# Within the advisor each room may import those before it, and the modules that stand beside the rooms.
ADVISOR_ROOMS = [
    "storage",
    "decision",
    "advice",
    "charts",
    "report",
    "sections",
    "render",
    "runs",
    "serving",
    "command_line",
    "notebook",
    "pages",
]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_rooms(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_imports_run_one_way(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    wrong = {
        str(path.relative_to(ROOT)): sorted(imported_rooms(path) & ROOMS - MAY_IMPORT[room])
        for path in files
        if imported_rooms(path) & ROOMS - MAY_IMPORT[room]
    }
    assert not wrong


@pytest.mark.parametrize(
    ("room", "may_import"),
    [
        ("engine", ("strategies.engine.", "strategies.model_files.")),
        ("search", ("strategies.search.", "strategies.model_files.")),
        ("served", ("strategies.served.", "strategies.engine.language_model.")),
    ],
)
def test_the_rooms_under_strategies_know_no_strategy(room: str, may_import: tuple[str, ...]) -> None:
    files = list((ROOT / "strategies" / room).glob("*.py"))
    assert files
    beside = {name for path in files for name in imported(path) if name.startswith("strategies.")}
    assert not [name for name in beside if not name.startswith(may_import)]


def test_the_rooms_of_the_advisor_import_one_way() -> None:
    folder = ROOT / "advisor"
    assert sorted(path.name for path in folder.iterdir() if (path / "__init__.py").exists()) == sorted(ADVISOR_ROOMS)
    wrong = []
    for path in folder.rglob("*.py"):
        room = path.parent.name
        later = ADVISOR_ROOMS if room == "advisor" else ADVISOR_ROOMS[ADVISOR_ROOMS.index(room) + 1 :]
        found = {name.split(".")[1] for name in imported(path) if name.startswith("advisor.")} & set(later)
        if found and path not in (folder / "__init__.py", folder / "__main__.py"):  # the ways in
            wrong.append(f"{path.relative_to(ROOT)} imports {', '.join(sorted(found))}")
    assert not wrong


@pytest.mark.parametrize("room", ["eval", "strategies"])
def test_only_the_advisor_knows_streamlit(room: str) -> None:
    assert not [path for path in (ROOT / room).rglob("*.py") if "streamlit" in imported_rooms(path)]


def test_the_advisor_reads_uploads_in_a_child_alone() -> None:
    paths = [*(ROOT / "advisor").rglob("*.py"), ROOT / "streamlit_app.py"]
    assert not [
        path
        for path in paths
        if imported(path) & {"eval.reading.table.read_table", "eval.reading.documents.read_documents"}
    ]


def test_the_parents_of_a_run_never_load_torch() -> None:
    paths = [path.relative_to(ROOT) for path in (ROOT / "advisor").rglob("*.py")]
    modules = [
        ".".join(path.with_suffix("").parts)
        for path in paths
        if path.stem not in ("__init__", "__main__") and "pages" not in path.parts
    ]
    modules += [f"strategies.served.{path.stem}" for path in (ROOT / "strategies" / "served").glob("*.py")]
    program = f"import sys\nfor name in {modules}: __import__(name)\nsys.exit('torch' in sys.modules)"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
