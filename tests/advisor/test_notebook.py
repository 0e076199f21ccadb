"""Comparisons from Python: typed values, data frames and charts of a run that the history has, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import pytest

import advisor
from advisor.notebook.comparison import Comparison
from advisor.plan import Priorities
from advisor.storage.store import Store
from eval.task import BadInput, Kind
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import STEADY, tiny_model

ROOT = Path(__file__).parents[2]
ROWS = [{"message": f"where is parcel number {at}", "label": "no" if at % 3 else "yes"} for at in range(90)]


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("notebook")
    return {"home": folder / "home", "model": tiny_model(folder / "model"), "build_strategy": STEADY}


@pytest.fixture(scope="module")
def found(options: dict[str, Any]) -> Comparison:
    return advisor.compare(ROWS, strategies=("prompting",), priorities=Priorities(monthly_volume=500), **options)


def figures(found: Comparison, name: str) -> dict[str, Any]:
    rows = found.scores.reset_index().to_dict("records")
    return next({str(column): value for column, value in row.items()} for row in rows if row["strategy"] == name)


def test_scores_are_a_row_for_each_strategy_and_baseline(found: Comparison) -> None:
    prompting = figures(found, "prompting")
    assert prompting["low"] < prompting["score"] == pytest.approx(2 / 3, abs=0.1)
    assert not prompting["is_baseline"] and figures(found, "majority_label")["is_baseline"]
    assert (found.scores["p50"] > 0).all() and found.headline == found.report.recommendation.headline
    assert found.report.priorities.monthly_volume == 500


def test_answers_are_a_row_for_each_test_row_and_strategy(found: Comparison) -> None:
    of_prompting = found.answers[found.answers.strategy == "prompting"]
    assert len(of_prompting) == figures(found, "prompting")["rows"] and set(of_prompting.answer) == {"no"}
    assert ((of_prompting.answer == of_prompting.expected) == (of_prompting.score == 1)).all()
    assert of_prompting.input.isin([row["message"] for row in ROWS]).all()


def test_charts_and_the_verdict_show_in_a_notebook(found: Comparison) -> None:
    charts = found.charts()
    assert {"score", "cost", "volume"} <= charts.keys()
    assert all(isinstance(chart, alt.LayerChart) and chart.to_dict() for chart in charts.values())
    assert "learning_curve" not in charts  # nothing to draw in quick
    assert "<table" in found._repr_html_() and "Prompting" in found._repr_html_()


def test_a_run_is_loaded_by_the_beginning_of_its_id_and_compared_again_for_nothing(
    found: Comparison, options: dict[str, Any]
) -> None:
    again = advisor.load(found.run_id[:-4], home=options["home"])
    assert again.report == found.report and again.scores.equals(found.scores)
    frame = advisor.compare(pd.DataFrame(ROWS), strategies=["prompting"], **options)
    assert any(found.run_id in note for one in frame.report.candidates for note in one.notes)


def test_a_fitted_baseline_answers_new_inputs(found: Comparison) -> None:
    assert found.predict("majority_label", ["where is it?", "and mine?"]) == ["no", "no"]
    with pytest.raises(BadInput, match="didn't measure 'guessing'; choose prompting or"):
        found.predict("guessing", ["where?"])


def test_texts_are_documents_and_columns_can_be_named(options: dict[str, Any]) -> None:
    rows = [{"q": f"Which floor is room {at} on?", "a": f"floor {at % 7}", "by": "Ann"} for at in range(60)]
    texts = {f"room {at}": f"Room {at} is on floor {at % 7}." for at in range(60)}
    told: dict[str, Any] = {"input": "q", "target": "a", "kind": "answering", "documents": texts}
    found = advisor.compare(rows, strategies=["prompting"], **told, **options)
    assert (found.report.task.kind, found.report.task.documents) == (Kind.ANSWERING, 60)
    assert Store(options["home"]).run(found.run_id).plan.setup.input == "q"


@pytest.mark.parametrize(
    ("data", "given", "said"),
    [
        ("/nowhere/task.csv", {}, "can't be read"),
        (ROWS, {"target": "answer"}, "There is no column 'answer'"),
        (ROWS, {"preset": "slow"}, "There is no preset 'slow'"),
        (ROWS, {"cluster": "nowhere"}, "isn't the address of a cluster"),
        ([], {}, "is empty"),
    ],
)
def test_what_cannot_be_compared_is_said_in_a_sentence(
    options: dict[str, Any], data: Any, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        advisor.compare(data, **{**options, **given})


def test_a_run_that_has_no_result_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        advisor.load("20260101", home=tmp_path)


def test_the_example_notebook_runs(tmp_path: Path) -> None:
    """Its cells one after the other, with a tiny model, in a process whose main module is no file, as a kernel's."""
    cells = json.loads((ROOT / "examples" / "compare_from_python.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    before, after = code.split("compare(tickets, ")
    code = f"{before}compare(tickets, model={str(save_tiny_model(tmp_path / 'model'))!r}, {after}"
    without_path = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    finished = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(found.headline, len(wrong), tickets.shape)"],
        cwd=ROOT / "examples",
        env={**without_path, "THREEWAYS_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.endswith("(100, 2)\n")
