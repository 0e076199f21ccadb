"""Retrieval with fine-tuning: what stands in the prompts that are trained on, and in those that are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eval.conversation import written
from eval.task import Brief, Document, Example, Kind, LearningSplit, Split, Task, Turn, labels_of
from strategies.engine.language_model import Prompt
from strategies.engine.training import TOKENS_A_ROW, cut_pair
from strategies.likeness import likeness_of
from strategies.open_book import TRAINED_WITH_DOCUMENTS, TRAINED_WITHOUT
from strategies.presets import Budget
from strategies.retrieval_finetuning import DISTRACTED_SHARE, RetrievalFinetuning
from strategies.training_settings import VARIANTS
from strategies.workload import foresee
from tests.tiny_model import tiny_transformer

BUDGET = Budget(test_rows=8, dev_rows=6, latency_rows=2, settings=1, training_tokens=600, epochs=1, answer_tokens=6)
TOWNS = """
Ashford Burcot Calder Dunmore Elstow Farley Girton Hadley Ixworth Jarrow Kelso Lavant Marlow Newlyn Otley Penrith Quorn
Ripley Selsey Totnes Upwey Verwood Wexham Yarmouth Zeal
""".split()  # noqa: SIM905
PEOPLE = [
    f"{first} {last}"
    for first in ["Anna", "Boris", "Carla", "Dora", "Edda"]
    for last in ["Abel", "Bode", "Cox", "Dahl", "Ek"]
]
FACTS = list(zip(TOWNS, PEOPLE, strict=True))
DOCUMENTS = tuple(Document(town, town, f"The mayor of {town} is {person}.") for town, person in FACTS)
ROWS = tuple(Example(town, f"Who is the mayor of {town}?", person) for town, person in FACTS)
SPLIT = LearningSplit(ROWS[:20], ROWS[20:])


def fitted(split: LearningSplit, documents: Sequence[Document], kind: Kind, seed: int = 0) -> RetrievalFinetuning:
    labels = labels_of(split.train) if kind is Kind.CLASSIFICATION else ()
    strategy = RetrievalFinetuning(Brief("tiny", kind, "", labels), tiny_transformer, BUDGET, seed)
    strategy.fit(split, documents, lambda progress: None)
    return strategy


def taught(strategy: RetrievalFinetuning, train: Sequence[Example]) -> list[Prompt]:
    return strategy._teach(train, tiny_transformer())


def complaints() -> list[Example]:
    """Rows 0 to 9 are of one customer, 10 and 11 are one but for a sign, and every other row is of its own."""
    things = (
        *("lamp", "kettle", "chair", "bicycle", "umbrella", "mirror", "carpet"),
        *("radio", "window", "trumpet", "blanket", "ladder", "bottle", "camera"),
    )
    rows = [
        Example(f"r{at}", f"the {thing} you sold me broke", ("refund", "repair")[at % 2], "ann" if at < 10 else None)
        for at, thing in enumerate(things)
    ]
    rows[11] = replace(rows[11], input=f"{rows[10].input}!")
    return rows


def test_no_row_is_taught_with_itself_its_group_or_what_says_the_same() -> None:
    train = complaints()
    strategy = fitted(
        LearningSplit(tuple(train), (Example("d", "my parcel is late", "refund"),)), (), Kind.CLASSIFICATION
    )
    by_input = {row.input: row for row in train}
    for row, prompt in zip(train, taught(strategy, train), strict=True):
        _, *turns, asked = prompt
        assert asked.content == row.input
        shown = [by_input[turn.content] for turn in turns[::2]]
        assert 0 < len(shown) <= TRAINED_WITHOUT.examples
        assert row not in shown
        assert all(one.group is None or one.group != row.group for one in shown)
        assert row.id not in ("r10", "r11") or not {"r10", "r11"} & {one.id for one in shown}
    are_alike = likeness_of(train)
    assert are_alike("r3", "r3") and are_alike("r3", "r9") and are_alike("r11", "r10") and not are_alike("r12", "r13")


def test_its_rows_are_not_varied_because_what_is_looked_up_for_them_is_known_by_their_place() -> None:
    strategy = RetrievalFinetuning(
        Brief("tiny", Kind.ANSWERING, ""), tiny_transformer, replace(BUDGET, settings=12, training_tokens=6000)
    )
    strategy.fit(SPLIT, DOCUMENTS, lambda progress: None)
    assert any("learning_rate" in one for one in strategy.choices)
    assert not any(VARIANTS in one for one in strategy.choices)


def test_no_row_is_taught_with_a_conversation_that_goes_on_from_its_answer() -> None:
    rows = complaints()[10:]
    turns = (Turn("user", rows[2].input), Turn("assistant", rows[2].target))
    later = Example("later", written((*turns, Turn("user", "when does the parcel come"))), "refund", turns=turns)
    are_alike = likeness_of([*rows, later])
    assert are_alike("r12", "later") and are_alike("later", "r12") and not are_alike("r13", "later")
    strategy = fitted(
        LearningSplit((*rows, later), (Example("d", "my parcel is late", "refund"),)), (), Kind.CLASSIFICATION
    )
    for row, prompt in zip((*rows, later), taught(strategy, (*rows, later)), strict=True):
        assert row.id != "r12" or later.input not in [turn.content for turn in prompt]


def test_a_share_of_the_rows_is_taught_with_passages_that_do_not_hold_the_answer() -> None:
    strategy = fitted(SPLIT, DOCUMENTS, Kind.ANSWERING)
    inputs = [row.input for row in SPLIT.train]
    found = strategy._book.open(inputs, TRAINED_WITH_DOCUMENTS, tiny_transformer(), strategy.brief)
    prompts = taught(strategy, SPLIT.train)
    distracted = 0
    for row, (_, asked), opened in zip(SPLIT.train, prompts, found, strict=True):
        (passage,) = opened.passages
        assert passage.contains(row.target)
        assert asked.content.endswith(row.input) and asked.content.count("The mayor of") == 1
        assert (row.target in asked.content) == (passage.text in asked.content)
        distracted += row.target not in asked.content
    assert distracted == round(DISTRACTED_SHARE * len(SPLIT.train)) > 0
    assert taught(strategy, SPLIT.train) == prompts
    strategy.seed = 1
    assert taught(strategy, SPLIT.train) != prompts


def test_it_is_asked_as_retrieval_would_ask_and_names_what_it_read(tmp_path: Path) -> None:
    strategy = fitted(SPLIT, DOCUMENTS, Kind.ANSWERING)
    assert (strategy.settings["passages"], strategy.settings["examples"]) == (1, 0)
    inputs = [row.input for row in SPLIT.dev]
    (_, asked), *_ = strategy._ask(inputs, tiny_transformer()).prompts
    ((_, bare),) = strategy._ask([""], tiny_transformer()).prompts
    assert asked.content == f"{DOCUMENTS[20].title}\n{DOCUMENTS[20].text}\n\n{inputs[0]}"
    assert bare.content == ""  # the empty input that labels are held against
    answers = strategy.predict(inputs)
    assert [answer.sources for answer in answers] == [(row.id,) for row in SPLIT.dev]
    strategy.save(tmp_path)
    again = RetrievalFinetuning(strategy.brief, tiny_transformer, BUDGET)
    again.load(tmp_path)
    assert again.predict(inputs) == answers
    assert again.answer_trained(SPLIT.train, [0, 7]) == strategy.answer_trained(SPLIT.train, [0, 7])


def test_a_long_row_loses_what_was_looked_up_and_never_its_question() -> None:
    train = [replace(row, input=f"{row.input} {'word ' * 300}again") for row in complaints()[10:]]
    strategy = fitted(LearningSplit(tuple(train), (Example("d", "late", "refund"),)), (), Kind.CLASSIFICATION)
    assert strategy.notes[-1:] == [f"Rows too long to train on whole: 4. Their last {TOKENS_A_ROW} tokens were used."]
    model = tiny_transformer()
    for row, prompt in zip(train, taught(strategy, train), strict=True):
        assert row.input in model.tokenizer.decode(cut_pair(model.encode(prompt), [7, 8]).prompt)
    assert 2 * TRAINED_WITHOUT.tokens_of_examples <= TOKENS_A_ROW


def test_its_work_is_foreseen_as_training_behind_what_is_looked_up() -> None:
    task = Task("towns", Kind.ANSWERING, "", ROWS, DOCUMENTS)
    split = Split(ROWS[:12], ROWS[12:16], ROWS[16:])
    budget = replace(BUDGET, training_tokens=1_000_000)

    def work(strategy: str) -> tuple[float, float, float]:
        found = foresee(strategy, task.brief, split, task.documents, budget)
        return found.read, found.train, found.embed

    plain, both = work("finetuning"), work("retrieval_finetuning")
    assert plain[2] == 0 and both[2] > len(split.train) + len(DOCUMENTS) + len(split.test)
    assert all(more > less > 0 for more, less in zip(both[:2], plain[:2], strict=True))
