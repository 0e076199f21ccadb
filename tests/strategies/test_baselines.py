"""Baselines: what each answers, and what holds of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info, threadpool_limits

from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.mapping.kinds import labels_for
from eval.mapping.label_sets import as_answer, labels_in
from eval.reading.table import read_table
from eval.splitting.split import split_task
from eval.task import Brief, Document, Example, Kind, LearningSplit
from strategies.contract import Progress, Strategy
from strategies.linear_baselines import EmbeddingLinear
from strategies.presets import PRESETS
from strategies.registry import BASELINES, DECLARATIONS, baselines_for, build_strategy, class_at
from strategies.search.embedder import load_embedder

CHINESE = Path(__file__).parents[1] / "fixtures" / "cases" / "chinese_classification.csv"
MESSAGES = {
    "refund": ("I want my money back", "please refund the broken lamp", "when do I get the refund", "money back now"),
    "delivery": ("where is my parcel", "the parcel has not arrived", "track my delivery", "parcel still on its way"),
    "account": ("I forgot my password", "reset the password please", "cannot log in to my account", "change my login"),
}
DOCUMENTS = (
    Document("returns", "Returns", "Goods can be sent back within 14 days. The desk is on the third floor."),
    Document("people", "People", "Maria answers the telephone. The lamp workshop is closed on Mondays."),
)
EXTRA = {"refund": 2, "delivery": 0, "account": 0}  # copies, so that one label is the commonest


def rows() -> list[Example]:
    texts = [(text, label) for label, each in MESSAGES.items() for text in (*each, *each[: EXTRA[label]])]
    return [Example(f"r{at}", text, label) for at, (text, label) in enumerate(texts)]


def fitted(name: str, kind: Kind = Kind.CLASSIFICATION, train: Sequence[Example] | None = None) -> Strategy:
    train = train or rows()
    brief = Brief("tiny", kind, "", labels_for(kind, train))
    baseline = build_strategy(name, brief, "no model is loaded", PRESETS["quick"], seed=0)
    told: list[Progress] = []
    baseline.fit(LearningSplit(tuple(train), tuple(train[::3])), DOCUMENTS, told.append)
    assert told and all(0 <= progress.done <= progress.total for progress in told)
    return baseline


def answers(baseline: Strategy, *inputs: str) -> list[str]:
    return [prediction.text for prediction in baseline.predict(inputs)]


def test_each_kind_of_task_has_its_baselines() -> None:
    assert baselines_for(Kind.CLASSIFICATION, has_documents=True) == [
        "majority_label", "nearest_example", "tfidf_linear", "char_linear", "embedding_linear", "tuned_encoder",
    ]  # fmt: skip
    assert baselines_for(Kind.MULTI_LABEL, has_documents=False) == [
        "commonest_labels", "nearest_example", "tfidf_linear", "char_linear", "embedding_linear",
    ]  # fmt: skip
    assert baselines_for(Kind.NUMBER, has_documents=False) == [
        "median_number", "nearest_example", "tfidf_regression", "char_regression", "embedding_regression",
    ]  # fmt: skip
    assert baselines_for(Kind.EXTRACTION, has_documents=False) == ["nearest_example"]
    assert baselines_for(Kind.ANSWERING, has_documents=True) == ["nearest_example", "best_sentence"]
    assert baselines_for(Kind.WRITING, has_documents=False) == ["nearest_example"]


def test_the_commonest_label_is_always_given() -> None:
    assert answers(fitted("majority_label"), "where is it?", "") == ["refund", "refund"]


def test_the_nearest_example_gives_its_answer_and_is_named() -> None:
    baseline = fitted("nearest_example")
    (prediction,) = baseline.predict(["has the parcel arrived?"])
    assert (prediction.text, prediction.sources) == ("delivery", ("train:r7",))


def test_a_linear_model_is_fitted_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    class Watched(LogisticRegression):  # type: ignore[misc]
        def fit(self, *given: Any) -> Any:
            threads.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
            return super().fit(*given)

    monkeypatch.setattr(EmbeddingLinear, "classifier", lambda self, strength: Watched(C=strength))
    with threadpool_limits(2, user_api="blas"):
        fitted("embedding_linear")
    assert threads and set(threads) == {1}


@pytest.mark.parametrize("name", ["tfidf_linear", "char_linear", "embedding_linear", "tuned_encoder"])
def test_a_linear_classifier_learns_the_labels(name: str) -> None:
    baseline = fitted(name)
    assert answers(baseline, "the password again", "my parcel?", "money back") == ["account", "delivery", "refund"]
    assert len(baseline.choices) == 3 and baseline.settings["strength"] in (0.1, 1.0, 10.0, 100.0)


MOODS = {"awful": 1, "bad": 2, "fine": 3, "good": 4, "great": 5}


def rated() -> list[Example]:
    texts = [(f"the {thing} was {mood}", rating) for mood, rating in MOODS.items() for thing in ("room", "food", "bed")]
    return [Example(f"r{at}", text, str(rating)) for at, (text, rating) in enumerate(texts)]


@pytest.mark.parametrize("name", baselines_for(Kind.CLASSIFICATION, has_documents=False))
def test_rows_without_words_or_with_one_label_are_learned_too(name: str) -> None:
    one_label = fitted(name, train=[Example(f"r{at}", f"text {at}", "refund") for at in range(12)])
    assert answers(one_label, "anything", "") == ["refund", "refund"]
    wordless = fitted(name, train=[Example(f"r{at}", ("", "!!")[at % 2], ("a", "b")[at % 2]) for at in range(12)])
    assert set(answers(wordless, "", "anything")) <= {"a", "b"}


@pytest.mark.parametrize("name", baselines_for(Kind.MULTI_LABEL, has_documents=False))
def test_rows_with_the_same_labels_are_learned_too(name: str) -> None:
    same = [Example(f"r{at}", f"text {at}", "new; urgent") for at in range(12)]
    assert [set(labels_in(one)) for one in answers(fitted(name, Kind.MULTI_LABEL, same), "x")] == [{"new", "urgent"}]


def test_the_median_is_always_given() -> None:
    assert answers(fitted("median_number", Kind.NUMBER, rated()), "the view was great", "") == ["3", "3"]


@pytest.mark.parametrize("name", ["tfidf_regression", "char_regression", "embedding_regression"])
def test_a_regression_learns_the_order_of_ratings(name: str) -> None:
    baseline = fitted(name, Kind.NUMBER, rated())
    low, middle, high = map(float, answers(baseline, "the view was awful", "the view was fine", "the view was great"))
    assert 1 <= low < middle < high <= 5


def tagged() -> list[Example]:
    """Messages about one thing or two."""
    pairs = [(one, other) for one in MESSAGES for other in MESSAGES if one <= other]
    return [
        Example(f"r{at}{number}", f"{MESSAGES[one][number]}, {MESSAGES[other][-1 - number]}", as_answer({one, other}))
        for at, (one, other) in enumerate(pairs)
        for number in range(4)
    ]


def test_as_many_of_the_commonest_labels_are_given_as_score_best() -> None:
    assert answers(fitted("commonest_labels", Kind.MULTI_LABEL, tagged()), "?") == ["account; delivery; refund"]
    mostly_one = [Example(f"r{at}", f"text {at}", "delivery" if at % 5 == 4 else "refund") for at in range(20)]
    assert answers(fitted("commonest_labels", Kind.MULTI_LABEL, mostly_one), "?") == ["refund"]


@pytest.mark.parametrize("name", ["tfidf_linear", "char_linear", "embedding_linear"])
def test_a_classifier_finds_several_labels(name: str) -> None:
    baseline = fitted(name, Kind.MULTI_LABEL, tagged())
    (both,) = answers(baseline, "where is my parcel? please refund the money")
    assert {"delivery", "refund"} == set(labels_in(both))


def test_characters_tell_labels_apart_where_words_have_no_spaces() -> None:
    table = read_table(CHINESE.name, CHINESE.read_bytes())
    task = build_task(table, guess_columns(table), kind=Kind.CLASSIFICATION, name="chinese").task
    split = split_task(task, seed=0)

    def right(name: str) -> float:
        baseline = build_strategy(name, task.brief, "no model is loaded", PRESETS["standard"], seed=0)
        baseline.fit(split.without_test, (), lambda progress: None)
        given = answers(baseline, *(row.input for row in split.test))
        return fmean(text == row.target for text, row in zip(given, split.test, strict=True))

    assert right("char_linear") >= 0.95 > 0.8 >= right("tfidf_linear")


def test_characters_read_through_endings_and_typos() -> None:
    baseline = fitted("char_linear")
    assert answers(baseline, "pasword resetting", "parcels delivred", "refunded?") == ["account", "delivery", "refund"]


def test_the_best_sentence_is_the_one_that_answers() -> None:
    baseline = fitted("best_sentence", Kind.ANSWERING)
    (prediction,) = baseline.predict(["Who picks up the phone?"])
    assert (prediction.text, prediction.sources) == ("Maria answers the telephone.", ("people",))


@pytest.mark.parametrize("name", list(BASELINES))
def test_it_states_its_effort_reads_no_token_and_answers_the_same_once_loaded(name: str, tmp_path: Path) -> None:
    kind = DECLARATIONS[name].kinds[0]
    baseline = fitted(name, kind, rated() if kind is Kind.NUMBER else None)
    assert baseline.effort.settings_tried == len(baseline.choices) > 0 and baseline.effort.dev_rows >= 5
    json.dumps([baseline.settings, baseline.choices], allow_nan=False)
    asked = ["money", "", "a parcel of lamps"]
    predictions = baseline.predict(asked)
    assert all((each.tokens_in, each.tokens_out, each.error) == (0, 0, None) for each in predictions)
    baseline.save(tmp_path)
    again = build_strategy(name, Brief("tiny", kind, ""), "no model is loaded", PRESETS["quick"], seed=0)
    again.load(tmp_path)
    assert again.predict(asked) == predictions


@pytest.mark.parametrize("name", ["nearest_example", "embedding_linear", "best_sentence"])
def test_what_was_embedded_is_saved_and_not_embedded_again(name: str, tmp_path: Path) -> None:
    class Counting:
        texts = 0

        def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
            self.texts += len(texts)
            return load_embedder().embed(texts)

    kind, counting = DECLARATIONS[name].kinds[0], Counting()
    baseline = fitted(name, kind)
    baseline.save(tmp_path)
    again = class_at(BASELINES[name])(Brief("tiny", kind, ""), PRESETS["quick"].budget(kind), 0, lambda: counting)
    again.load(tmp_path)
    assert counting.texts == 0 and again.predict(["a parcel"]) == baseline.predict(["a parcel"])
    (tmp_path / "copy").mkdir()
    again.save(tmp_path / "copy")
    (saved,) = (tmp_path / "copy").glob("*.npy")
    for file in tmp_path.glob("*.npy"):  # as an earlier version saved it
        file.unlink()
    again = class_at(BASELINES[name])(Brief("tiny", kind, ""), PRESETS["quick"].budget(kind), 0, lambda: counting)
    again.load(tmp_path)
    assert counting.texts == 1 + len(np.load(saved)) and again.predict(["a parcel"]) == baseline.predict(["a parcel"])
