"""What the first page imports ahead is what the others would wait for, and never torch."""

from __future__ import annotations

import subprocess
import sys

from tests.app import ROOT

_PROGRAM = """
import sys
from advisor.pages.early_imports import import_early
import_early().join()
before = set(sys.modules)
from eval.checks import check_task
from tests.tiny_strategies import tiny_task
check_task(tiny_task()[0], None)
print(sorted(name for name in set(sys.modules) - before if name.split(".")[0] in ("sklearn", "scipy", "py3langid")))
print("torch" in sys.modules)
"""


def test_a_data_check_waits_for_no_import() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]
