"""A finished run is judged by a model: every pair once, in both orders, whatever interrupts it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from advisor.command_line.commands import main
from advisor.runs.judging import judge_run
from advisor.storage.ballots import read_ballots
from advisor.storage.clicks import write_clicks
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import read_trials
from eval.blind.pairs import Choice, Click, pairs_of_trials
from eval.judging.ruling import Ruling, Side
from eval.task import BadInput
from strategies.engine.language_model import Prompt, Written
from tests.eval.test_judging import says
from tests.tiny_model import save_tiny_model

SAMPLE = Path(__file__).parents[2] / "examples" / "sample_report.zip"
REPLIES = {Side.FIRST: "A", Side.SECOND: "**B**", Side.TIE: "Answer: tie"}


class PlantedJudge:
    """Knows which text is better by its score, and errs as planted. Ends after `patience` calls."""

    context_tokens = 100_000

    def __init__(self, scores: dict[str, float], patience: int = 1_000) -> None:
        self.notes: list[str] = []
        self.scores, self.patience = scores, patience
        self.asked: list[str] = []
        self._random = Random(1)

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return [len(prompt[-1].content) for prompt in prompts]

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[Written]:
        self.patience -= 1
        if self.patience < 0:
            raise ConnectionError("the judge went away")
        return [Written(REPLIES[self._reply(prompt[-1].content)], 1, 1) for prompt in prompts]

    def _reply(self, text: str) -> Side:
        self.asked.append(text)
        first, _, second = text.partition("Answer A:\n")[2].partition("\n\nAnswer B:\n")
        second = second.rpartition("\n\nWhich answer is better")[0]
        gap = self.scores[first] - self.scores[second]
        return says(self._random, Ruling.LEFT if gap > 0 else Ruling.RIGHT if gap < 0 else Ruling.TIE, Ruling.LEFT)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the sample's run, which answers questions."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THREEWAYS_HOME", str(folder))
        assert main(["unpack", str(SAMPLE)]) == 0
    return folder


@pytest.fixture
def store(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    return Store()


def test_a_judge_is_asked_each_pair_in_both_orders_and_never_again(store: Store) -> None:
    (run,) = store.runs()
    folder = store.run_folder(run.id)
    trials, _ = read_trials(folder, [step.strategy for step in store.steps(run.id)])
    scores = {outcome.text: outcome.score for trial in trials for outcome in trial.outcomes}
    pairs = pairs_of_trials(trials, read_task(folder)[1].test, run.plan.seed)
    report = store.report(run.id)
    assert report is not None
    choice = report.recommendation.choice
    wanted = {pair.key for pair in pairs if choice in pair.writers}
    write_clicks(
        folder,
        [
            Click(
                pair.input, pair.left.text, pair.right.text, _choice(pair.left.score - pair.right.score), "2026", run.id
            )
            for pair in [pair for pair in pairs if pair.key in wanted][:30]
        ],
    )

    impatient = PlantedJudge(scores, patience=3)
    with pytest.raises(ConnectionError):
        judge_run(store, run.id, "Judge-7B", lambda: impatient, lambda done, total: None)
    kept = len(read_ballots(folder))
    assert kept == len(impatient.asked) // 2 > 0
    told: list[tuple[int, int]] = []
    patient = PlantedJudge(scores)
    report = judge_run(store, run.id, "Judge-7B", lambda: patient, lambda done, total: told.append((done, total)))
    assert {ballot.key for ballot in read_ballots(folder)} == wanted
    assert len(patient.asked) == 2 * (len(wanted) - kept) == 2 * told[-1][0] and told[-1][0] == told[-1][1]
    (judge,) = report.judges
    assert judge.pairs == len(wanted) and judge.unread == 0
    assert judge.agreement and judge.agreement.pairs == 30 and judge.agreement.kappa
    assert judge.agreement.low <= judge.agreement.kappa <= judge.agreement.high
    assert all(one.low is not None and one.low <= (one.corrected or 0) for one in judge.against)

    def never() -> PlantedJudge:
        raise AssertionError("nothing is left to judge")

    assert judge_run(store, run.id, "Judge-7B", never, lambda done, total: None).judges == report.judges


def _choice(gap: float) -> Choice:
    return Choice.LEFT if gap > 0 else Choice.RIGHT if gap < 0 else Choice.BOTH


class RefusedOnce(PlantedJudge):
    """Behind a server that refuses the first request."""

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[Written]:
        is_first, written = not self.asked, super().write(prompts, max_tokens)
        return [Written("", 0, 0, error="The server refused it."), *written[1:]] if is_first else written


def test_a_pair_whose_request_failed_is_asked_again_and_the_reason_is_told(store: Store) -> None:
    (run,) = store.runs()
    folder = store.run_folder(run.id)
    trials, _ = read_trials(folder, [step.strategy for step in store.steps(run.id)])
    scores = {outcome.text: outcome.score for trial in trials for outcome in trial.outcomes}
    refused, again = RefusedOnce(scores), PlantedJudge(scores)
    heard: list[tuple[int, int]] = []
    with pytest.raises(BadInput, match=r"no answer on 1 of \d+ pairs\. The server refused it\. Judge the run again"):
        judge_run(store, run.id, "Judge-7B", lambda: refused, lambda *_: None)
    report = store.report(run.id)
    assert report is not None and report.judges[0].pairs == len(read_ballots(folder)) > 1
    judge_run(store, run.id, "Judge-7B", lambda: again, lambda done, total: heard.append((done, total)))
    assert len(again.asked) == 2 and heard[-1] == (1, 1)


def test_a_model_that_nobody_has_checked_settles_nothing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run,) = store.runs()
    assert main(["judge", run.id[:2], "--model", str(save_tiny_model(tmp_path / "model"))]) == 0
    said = capsys.readouterr().out
    assert "compared the answers." in said and "accounted for" not in said


def test_an_unknown_run_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path))
    assert main(["judge", "20", "--model", "embedded"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
