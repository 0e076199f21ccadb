"""What must hold of every strategy there is, whatever the kind of task: one suite over the registry."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.mapping.kinds import labels_for
from eval.mapping.label_sets import labels_in
from eval.measuring.phases import LOOKING_UP, READING, WRITING, listening
from eval.task import LABELLED, Brief, Document, Example, Kind, LearningSplit
from strategies.contract import Adapted, LooksUp, Progress, Strategy
from strategies.declaration import BASELINE_MARK, Declaration, Words
from strategies.engine.language_model import Prompt, RowsDone, Written
from strategies.engine.transformer import Transformer
from strategies.presets import Budget
from strategies.prompting import Prompting, PromptingWithExamples
from strategies.registry import BASELINES, DECLARATIONS, LOCAL, STRATEGIES, class_at, declared_at
from strategies.retrieval import Retrieval
from strategies.search import vector_index
from tests.tiny_model import tiny_transformer

BUDGET = Budget(test_rows=10, dev_rows=6, latency_rows=2, settings=3, training_tokens=3000, epochs=2, answer_tokens=10)
TARGETS = {
    Kind.CLASSIFICATION: ("refund", "delivery", "account"),
    Kind.MULTI_LABEL: ("refund; urgent", "delivery", "none"),
    Kind.NUMBER: ("1", "4", "2"),
    Kind.EXTRACTION: ('{"item": "tea"}', '{"item": "mug", "count": 2}', "{}"),
    Kind.ANSWERING: ("14 days", "the third floor", "Maria"),
    Kind.WRITING: ("Thank you for writing.", "We have sent a new lamp.", "The repair is free."),
}
DOCUMENTS = (
    Document("returns", "Returns", "Goods can be sent back within 14 days. The desk is on the third floor."),
    Document("people", "People", "Maria answers the telephone. The lamp workshop is closed on Mondays."),
)


def split(kind: Kind) -> LearningSplit:
    rows = [
        Example(
            f"r{at}",
            f"{('my money', 'the parcel', 'a password')[at % 3]} number {at}",
            TARGETS[kind][at % 3],
            rejected=TARGETS[kind][(at + 1) % 3],
        )
        for at in range(30)
    ]
    return LearningSplit(tuple(rows[:24]), tuple(rows[24:]))


def build(name: str, kind: Kind, seed: int = 0) -> Strategy:
    labels = labels_for(kind, split(kind).train)
    return class_at(STRATEGIES[name])(Brief("tiny", kind, "", labels), tiny_transformer, BUDGET, seed)


def contradictions(name: str, strategy_class: Any) -> list[str]:
    """Where a declaration says other things than its class does, or leaves out what people read: a sentence each."""
    declared, words = strategy_class.declaration, strategy_class.declaration.words
    trains, looks_up = declared.trains, declared.looks_up
    wrong = {
        f"is named {strategy_class.name!r}, but registered as {name!r}": strategy_class.name != name,
        f"declares trains={trains!r}, but only a class that trains has `answer_trained`": (
            bool(trains) != hasattr(strategy_class, "answer_trained")
        ),
        f"declares trains={trains!r}, but only a class with an adapter has `take_apart`": (
            (trains == "adapter") != issubclass(strategy_class, Adapted)
        ),
        f"declares looks_up={looks_up!r}, but only a class that looks things up has `refresh`": (
            bool(looks_up) != issubclass(strategy_class, LooksUp)
        ),
        "declares that it trains, but also learns_from_rows=False": trains and not declared.learns_from_rows,
        "declares no kind of task that it can answer": not declared.kinds,
        "declares no name": not words.name,
        "declares no explanation that ends in a full stop": not words.explanation.endswith("."),
    }
    if name not in BASELINES:
        used = {other.mark.shape for one, other in DECLARATIONS.items() if one != name}
        wrong |= {
            "declares no analogy": not words.analogy,
            f"declares the shape {declared.mark.shape!r}, but another strategy has it": declared.mark.shape in used,
        }
    return [f"{strategy_class.__name__} {said}." for said, is_wrong in wrong.items() if is_wrong]


@pytest.mark.parametrize("name", [*STRATEGIES, *BASELINES])
def test_a_declaration_says_what_its_class_does(name: str) -> None:
    assert not contradictions(name, class_at((STRATEGIES | BASELINES)[name]))


class Undeclared(Prompting):
    """Inherits what another strategy declares."""


class Misdeclared(Prompting):
    name = "hearsay"
    declaration = Declaration(words=Words("", "", ""), trains="adapter", learns_from_rows=False, kinds=())


def test_a_class_that_declares_nothing_of_its_own_is_told_so() -> None:
    with pytest.raises(TypeError, match="Undeclared does not declare itself: give the class a `declaration`"):
        declared_at(f"{__name__}:Undeclared")


def test_every_contradiction_of_a_declaration_is_a_sentence() -> None:
    assert Misdeclared.declaration.mark == BASELINE_MARK
    assert contradictions("rumour", Misdeclared) == [
        "Misdeclared is named 'hearsay', but registered as 'rumour'.",
        "Misdeclared declares trains='adapter', but only a class that trains has `answer_trained`.",
        "Misdeclared declares trains='adapter', but only a class with an adapter has `take_apart`.",
        "Misdeclared declares that it trains, but also learns_from_rows=False.",
        "Misdeclared declares no kind of task that it can answer.",
        "Misdeclared declares no name.",
        "Misdeclared declares no explanation that ends in a full stop.",
        "Misdeclared declares no analogy.",
        "Misdeclared declares the shape 'cross', but another strategy has it.",
    ]


def ignore(progress: Progress) -> None:
    assert 0 <= progress.done <= progress.total


@pytest.fixture(scope="module", params=[(name, kind) for name in LOCAL for kind in Kind], ids=str)
def fitted(request: pytest.FixtureRequest) -> tuple[str, Kind, Strategy]:
    name, kind = request.param
    strategy = build(name, kind)
    strategy.fit(split(kind), DOCUMENTS if kind is Kind.ANSWERING else (), ignore)
    return name, kind, strategy


@pytest.mark.parametrize("kind", [Kind.CLASSIFICATION, Kind.WRITING])
def test_the_same_examples_are_shown_when_a_row_comes(kind: Kind, tmp_path: Path) -> None:
    before = split(kind)

    def shown(train: Sequence[Example]) -> list[str]:
        strategy: Any = build("prompting_examples", kind)
        strategy.budget = BUDGET.for_fewer(1.0, {"examples": 8, "draw": 0})
        strategy.fit(replace(before, train=tuple(train)), (), ignore)
        strategy.save(tmp_path)
        return [text for _, text, _ in json.loads((tmp_path / "prompting.json").read_text())["shown"]]

    first = shown(before.train)
    assert len(first) == 8 and first == shown(before.train[::-1])
    new = Example("r0", "a new question", before.train[0].target)
    assert len({*first} & {*shown((new, *before.train))}) >= 7


def test_settings_that_are_settled_are_kept(fitted: tuple[str, Kind, Strategy]) -> None:
    name, kind, strategy = fitted
    again: Any = build(name, kind)
    again.budget = BUDGET.for_fewer(0.5, strategy.settings)
    half = split(kind)
    again.fit(replace(half, train=half.train[::2]), DOCUMENTS if kind is Kind.ANSWERING else (), ignore)
    kept = {"instruction", "examples", "examples taken", "draw", "passages", "learning_rate"} & strategy.settings.keys()
    assert {setting: again.settings[setting] for setting in kept - {"examples"}} == {
        setting: strategy.settings[setting] for setting in kept - {"examples"}
    }
    rates = {choice["learning_rate"] for choice in again.choices if "learning_rate" in choice}
    assert len(rates) == ("learning_rate" in kept)


INPUTS = ["my money is gone", "a parcel, opened", "what is a password", "", "my money is gone"]


def test_answers_every_input_in_order(fitted: tuple[str, Kind, Strategy]) -> None:
    _, kind, strategy = fitted
    predictions = strategy.predict(INPUTS)
    assert len(predictions) == len(INPUTS)
    assert predictions[0].text == predictions[-1].text
    assert all(prediction.tokens_in > 0 and prediction.error is None for prediction in predictions)
    texts = {prediction.text for prediction in predictions}
    if kind is Kind.CLASSIFICATION:
        assert texts <= set(TARGETS[kind])
    elif kind is Kind.MULTI_LABEL:
        assert {label for text in texts for label in labels_in(text)} <= {"refund", "urgent", "delivery"}
        assert all(texts)  # no label is an answer, too
    elif kind is Kind.NUMBER:
        assert all(1 <= float(text) <= 4 for text in texts)
    else:
        assert all(prediction.tokens_out <= BUDGET.answer_tokens for prediction in predictions)


def test_an_input_longer_than_the_model_can_hold_is_an_error_of_its_own(fitted: tuple[str, Kind, Strategy]) -> None:
    _, _, strategy = fitted
    short, long = strategy.predict(["my money is gone", "money " * 4000])
    assert short.error is None
    assert long.text == "" and long.error is not None and "tokens" in long.error


def test_states_its_settings_and_effort(fitted: tuple[str, Kind, Strategy]) -> None:
    name, _, strategy = fitted
    assert strategy.name == name
    assert strategy.settings and strategy.choices
    json.dumps([strategy.settings, strategy.choices], allow_nan=False)
    measured = {
        "tokens",
        "dev_loss",
        "dev_score",
        "rows",
        "pairs_preferred",
    }  # looks at one training differ in these alone
    on_dev = [choice for choice in strategy.choices if "found" not in choice]  # a search is chosen on training rows
    tried = {json.dumps({key: choice[key] for key in choice if key not in measured}) for choice in on_dev}
    assert strategy.effort.settings_tried == len(tried - {"{}"} if len(tried) > 1 else tried)
    spare = 8 if name in ("prompting", "prompting_examples") else 0  # a third of the training rows
    assert 6 <= strategy.effort.dev_rows <= 6 + spare
    assert strategy.effort.seconds > 0


def test_answers_the_same_after_saving_and_loading(fitted: tuple[str, Kind, Strategy], tmp_path: Path) -> None:
    name, kind, strategy = fitted
    strategy.save(tmp_path)
    again = build(name, kind)
    again.load(tmp_path)
    assert again.predict(INPUTS) == strategy.predict(INPUTS)


def test_the_same_seed_gives_the_same_answers(fitted: tuple[str, Kind, Strategy]) -> None:
    name, kind, strategy = fitted
    again = build(name, kind)
    again.fit(split(kind), DOCUMENTS if kind is Kind.ANSWERING else (), ignore)
    assert again.settings == strategy.settings
    assert again.predict(INPUTS) == strategy.predict(INPUTS)


def test_tells_what_the_time_of_an_answer_goes_to(fitted: tuple[str, Kind, Strategy]) -> None:
    name, kind, strategy = fitted
    strategy.predict(INPUTS[:1])
    looks_up = {LOOKING_UP} if DECLARATIONS[name].looks_up else set()
    shares = []
    for _ in range(5):  # of a few milliseconds, another process may take most
        with listening() as spent:
            began = time.perf_counter()
            strategy.predict(INPUTS[1:2])
            whole = time.perf_counter() - began
        assert set(spent) == looks_up | {READING} | (set() if kind in LABELLED else {WRITING})
        shares.append(sum(spent.values()) / whole)
    assert max(shares) > 0.5 and all(share <= 1 for share in shares)


def test_retrieval_names_documents_and_rows_it_read() -> None:
    strategy = build("retrieval", Kind.ANSWERING)
    strategy.fit(split(Kind.ANSWERING), DOCUMENTS, ignore)
    strategy.settings |= {"passages": 1, "examples": 1}
    sources = strategy.predict(["Who answers the telephone?"])[0].sources
    assert sources[0] == "people"
    assert sources[1].removeprefix("train:") in {example.id for example in split(Kind.ANSWERING).train}


def test_retrieval_notes_that_a_search_is_approximate_and_how_much_it_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, approximate = build("retrieval", Kind.WRITING), build("retrieval", Kind.WRITING)
    exact.fit(split(Kind.WRITING), (), ignore)
    assert not exact.notes
    monkeypatch.setattr(vector_index, "EXACT_UP_TO", 20)
    approximate.fit(split(Kind.WRITING), (), ignore)
    assert approximate.notes == [
        "The 24 solved examples are searched approximately. This finds 100.0 % of the nearest ones, measured against "
        "an exact search."
    ]
    assert approximate.predict(INPUTS) == exact.predict(INPUTS)  # all rows were candidates


class Overheard(Transformer):
    """The tiny model, keeping what it was asked."""

    def __init__(self) -> None:
        self.__dict__ |= tiny_transformer().__dict__
        self.prompts: list[Prompt] = []

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        self.prompts = list(prompts)
        return super().write(prompts, max_tokens, rows_done)


def test_beside_a_passage_a_solved_example_is_shown_with_the_passage_its_answer_stands_in() -> None:
    model = Overheard()
    strategy = Retrieval(Brief("tiny", Kind.ANSWERING, "", ()), lambda: model, BUDGET)
    strategy.fit(split(Kind.ANSWERING), DOCUMENTS, ignore)

    strategy.settings |= {"passages": 1, "examples": 2}
    strategy.predict(["Who answers the telephone?"])
    _, *turns, asked = model.prompts[0]
    assert (
        asked.content
        == "People\nMaria answers the telephone. The lamp workshop is closed on Mondays.\n\nWho answers the telephone?"
    )
    shown = list(zip(turns[::2], turns[1::2], strict=True))
    assert len(shown) == 2
    assert all(answer.content in question.content for question, answer in shown)

    strategy.settings |= {"passages": 0}
    strategy.predict(["Who answers the telephone?"])
    inputs = {example.input for example in split(Kind.ANSWERING).train}
    assert {turn.content for turn in model.prompts[0][1::2]} <= inputs | {"Who answers the telephone?"}


def test_solved_examples_stand_bare_where_no_document_holds_their_answer() -> None:
    model = Overheard()
    strategy = Retrieval(Brief("tiny", Kind.ANSWERING, "", ()), lambda: model, BUDGET)
    strategy.fit(split(Kind.ANSWERING), [Document("sea", "Sea", "Ships sail at noon.")], ignore)
    strategy.settings |= {"passages": 1, "examples": 2}
    strategy.predict(["Who answers the telephone?"])
    _, *turns, asked = model.prompts[0]
    assert len(turns) == 4 and "Ships" in asked.content
    assert {turn.content for turn in turns[::2]} <= {example.input for example in split(Kind.ANSWERING).train}


def test_prompting_shows_no_example_and_the_other_always_some() -> None:
    model = Overheard()
    for strategy_class, least in ((Prompting, 0), (PromptingWithExamples, 4)):
        strategy = strategy_class(Brief("tiny", Kind.WRITING, "", ()), lambda: model, BUDGET)
        strategy.fit(split(Kind.WRITING), (), ignore)
        tried = [choice.get("examples", 0) for choice in strategy.choices]
        assert 2 <= len(tried) <= 2 * BUDGET.settings
        assert min(tried) >= least and (least or not any(tried))
        strategy.predict(["my money is gone"])
        assert len(model.prompts[0]) == 2 + 2 * strategy.settings.get("examples", 0)


def test_prompting_fitted_by_an_earlier_version_shows_the_examples_it_chose(tmp_path: Path) -> None:
    """There was one prompting then, that took whichever was better on dev."""
    (tmp_path / "prompting.json").write_text(
        json.dumps(
            {
                "settings": {"examples": 1, "draw": 0, "answer_tokens": 6},
                "instruction": "Reply.",
                "shown": [["r1", "the parcel", "We have sent a new lamp."]],
                "answerer": {"answer_tokens": 6, "normalisation": "sum", "baseline": []},
            }
        )
    )
    model = Overheard()
    strategy = Prompting(Brief("tiny", Kind.WRITING, "", ()), lambda: model, BUDGET)
    strategy.load(tmp_path)
    strategy.predict(["my money"])
    said = [turn.content for turn in model.prompts[0]]
    assert said == ["Reply.", "the parcel", "We have sent a new lamp.", "my money"]
