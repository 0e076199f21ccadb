"""The list of guards, as long as nobody runs it."""

from __future__ import annotations

import pytest

from tests.benchmarks.guards import GUARDS, ROOT, Guard


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_each_guard_is_where_its_benchmark_looks_for_it(guard: Guard) -> None:
    assert (ROOT / guard.file).read_text().count(guard.text) == 1
    assert all((ROOT / word.partition("::")[0]).exists() for word in guard.tests.split() if word.startswith("tests/"))
