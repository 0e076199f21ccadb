"""Planted faults are found, in a sample of the product and in a public dataset with the real encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from advisor.plan import Setup
from eval.checks import check_task
from eval.mapping.columns import guess_columns
from eval.reading.table import read_table
from eval.task import Task
from strategies.search.embedder import load_embedder
from tests.benchmarks.planted_faults import SEED, TOLD_BY, measure, plant
from tests.benchmarks.shared_tasks import NoSharedData, shared_task

TICKETS = Path(__file__).parents[2] / "examples" / "support_tickets.csv"


def tickets() -> Task:
    table = read_table(TICKETS.name, TICKETS.read_bytes())
    return Setup.of(guess_columns(table, [])).build(table, "tickets", []).task


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_leaks_conflicts_and_secrets_are_all_found(seed: int) -> None:
    faulty = plant(tickets(), seed)
    found = {finding.id: frozenset(finding.rows) for finding in check_task(faulty.task)}
    clean = {row.id for row in faulty.task.examples}.difference(faulty.copied_from, *faulty.planted.values())
    for fault in ("leaks", "conflicts", "secrets"):
        flagged = frozenset[str]().union(*(found.get(finding, ()) for finding in TOLD_BY[fault]))
        assert faulty.planted[fault] <= flagged, fault
        assert not flagged & clean, fault


@pytest.mark.slow
@pytest.mark.shared_data
def test_most_wrong_labels_are_found_and_few_clean_rows_flagged() -> None:
    try:
        task, _ = shared_task("clinc_banking15")
    except NoSharedData as absent:
        pytest.skip(str(absent))
    rows = measure("clinc_banking15", task, SEED, load_embedder().embed)
    wrong = next(row for row in rows if row["fault"] == "wrong labels")
    assert wrong["found"] >= 0.6 * wrong["planted"]
    assert float(wrong["precision"]) >= 0.6
