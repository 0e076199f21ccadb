"""A finished comparison as Python values: its report, its figures and answers as data frames, its charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path

import altair as alt
import pandas as pd

from advisor import charts
from advisor.palette import LIGHT, Theme
from advisor.report.compared import finished_run
from advisor.runs.order import BUILD_STRATEGY, load_fitted
from advisor.runs.trying import order_to_answer
from advisor.schema import Candidate, Report
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from advisor.wording import name_of
from eval.task import BadInput
from strategies.contract import Strategy


@dataclass
class Comparison:
    """`report` holds everything that was measured, as docs/report.schema.json describes it; `folder` is where the run
    lies, with report.html."""

    run_id: str
    report: Report
    folder: Path
    _store: Store = field(repr=False)
    _build_strategy: str = field(default=BUILD_STRATEGY, repr=False)
    _loaded: dict[str, Strategy] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def of(store: Store, run_id: str, build_strategy: str = BUILD_STRATEGY) -> Comparison:
        """Raises BadInput if there is no such run, or if it has no report."""
        run = store.run(run_id)
        return Comparison(run.id, finished_run(store, run).report, store.run_folder(run.id), store, build_strategy)

    @property
    def headline(self) -> str:
        return self.report.recommendation.headline

    @property
    def choice(self) -> str | None:
        """The strategy to use, by its name in `scores`; None if nothing is good enough."""
        return self.report.recommendation.choice

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for each strategy and baseline that was measured: `score` and its 95 % interval, `cost_per_1000`
        requests and `setup_cost` in the currency of the priorities, the latencies `p50` and `p95` in seconds, `rows`
        answered, and whether it is a baseline."""
        found = [
            (each, is_baseline)
            for all_of, is_baseline in ((self.report.candidates, False), (self.report.baselines, True))
            for each in all_of
            if isinstance(each, Candidate)
        ]
        rows = [
            {
                "strategy": one.id,
                "score": one.score.mean,
                "low": one.score.low,
                "high": one.score.high,
                "cost_per_1000": one.cost.per_1000,
                "setup_cost": one.cost.one_off,
                "p50": one.latency_seconds.p50 if one.latency_seconds else None,
                "p95": one.latency_seconds.p95 if one.latency_seconds else None,
                "rows": one.score.n,
                "is_baseline": is_baseline,
            }
            for one, is_baseline in found
        ]
        return pd.DataFrame(rows).set_index("strategy")

    @cached_property
    def answers(self) -> pd.DataFrame:
        """A row for each answer to a test row: the `id`, `input` and `expected` answer of that row, the `strategy`, its
        `answer` and `score`, `seconds` where it was timed, and the numbers of tokens read and written."""
        _, split = read_task(self.folder)
        test = {row.id: row for row in split.test}
        names = [one.id for one in self.report.candidates]
        trials = [trial for each in read_trials(self.folder, names) for trial in each]
        rows = [
            {
                "id": one.example_id,
                "input": test[one.example_id].input,
                "expected": test[one.example_id].target,
                "strategy": trial.strategy,
                "answer": one.text,
                "score": one.score,
                "seconds": one.seconds,
                "tokens_in": one.tokens_in,
                "tokens_out": one.tokens_out,
            }
            for trial in trials
            for one in trial.outcomes
        ]
        return pd.DataFrame(rows)

    def charts(self, theme: Theme = LIGHT) -> dict[str, alt.LayerChart]:
        """The report's charts by name, those that there is something to draw for. A notebook shows a chart that stands
        alone on the last line of a cell."""
        found = {
            "score": charts.score_chart(self.report, theme),
            "cost": charts.cost_chart(self.report, theme),
            "volume": charts.volume_chart(self.report, theme),
            "latency": charts.latency_chart(self.report, theme),
            "learning_curve": charts.curve_chart(self.report, theme),
        }
        return {name: chart for name, chart in found.items() if chart is not None}

    def predict(self, strategy: str, inputs: Sequence[str]) -> list[str]:
        """The answers of a fitted strategy, or of a baseline, to new inputs; "" where there is none. It stays
        in memory. Raises BadInput if this run didn't measure it, or if its files are gone."""
        if strategy not in self._loaded:
            if strategy not in self.scores.index:
                raise BadInput(
                    f"Run {self.run_id} didn't measure {strategy!r}; choose {' or '.join(self.scores.index)}."
                )
            run = self._store.run(self.run_id)
            self._loaded[strategy] = load_fitted(order_to_answer(self._store, run, strategy, self._build_strategy))
        return [one.text for one in self._loaded[strategy].predict(list(inputs))]

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the figures."""
        shown = self.scores.rename(index=name_of).drop(columns="is_baseline")
        return f"<p><b>{escape(self.headline)}</b></p>{shown.to_html(float_format='{:.4g}'.format, na_rep='')}"
