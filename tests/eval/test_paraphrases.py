"""Listed values in words that no training answer uses, found with a sentence encoder that is handed in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.scoring import MetricName, Scorer
from eval.scoring.listed import Given
from eval.scoring.paraphrases import Paraphrases
from eval.scoring.phrases import learn_phrases
from eval.scoring.reading import read
from eval.task import Example, Kind, Metric
from tests.eval.test_scoring_given import ROW, ROWS

# What the words of a small language mean: paying little (or much), children (or adults), drinks, coffee.
WORDS = {
    **dict.fromkeys(("little", "cheap", "bargain", "modest"), (1, 0, 0, 0)),
    **dict.fromkeys(("expensive", "high", "fortune", "steep"), (-1, 0, 0, 0)),
    **dict.fromkeys(("kids", "children", "toddlers", "family", "friendly"), (0, 1, 0, 0)),
    **dict.fromkeys(("adults", "grown"), (0, -1, 0, 0)),
    **dict.fromkeys(("pub", "wine", "bar", "tavern"), (0, 0, 1, 0)),
    **dict.fromkeys(("coffee", "espresso"), (0, 0, 0, 1)),
}
NOTHING = (0, 0, 0, 0)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """The mean meaning of the words of each text; a last direction is for words that mean nothing here."""
    sums = np.array(
        [
            np.sum([(*WORDS.get(word, NOTHING), word not in WORDS) for word in text.lower().split()], 0)
            for text in texts
        ],
        np.float32,
    )
    return sums / np.float32(np.linalg.norm(sums, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), ROWS, (), (*ROWS, ROW), encode)


@pytest.mark.parametrize(
    ("price", "recall"),
    [
        ("The bill is a bargain.", 1.0),
        ("Modest bill.", 1.0),
        ("The bill is a fortune.", 0.8),  # nearer to the other price
        ("Toddlers run about.", 0.8),  # nearer to another label
        ("Zebras juggle.", 0.8),  # near nothing
        ("It is an expensive place, but a bargain.", 0.8),  # contradicted in known words
        ("", 0.8),
    ],
)
def test_new_words_say_a_value_if_they_are_nearest_to_it(scorer: Scorer, price: str, recall: float) -> None:
    text = f"The Old Oak is a pub. {price} It is for adults only. It has 5 out of 5 stars."
    parts = scorer.score(text, ROW).parts
    assert parts["recall"] == pytest.approx(recall)
    without = Scorer(Kind.WRITING, scorer.metric, ROWS, (), (*ROWS, ROW))
    assert without.score(text, ROW).parts["recall"] == pytest.approx(0.8)


def test_a_name_in_such_a_phrase_is_no_invention(scorer: Scorer) -> None:
    text = "The Old Oak is a pub with a {} bill. It is for adults only. It has 5 out of 5 stars."
    assert scorer.score(text.format("Bargain"), ROW).parts["invented"] == 0
    assert scorer.score(text.format("Zanzibar"), ROW).parts["invented"] == 1


def test_too_few_training_answers_tell_nothing() -> None:
    def telling(one: Given, answer: str, input: str) -> frozenset[str]:
        return read(one.value).stems

    assert Paraphrases.learn(ROWS, telling, read, encode)
    assert Paraphrases.learn(ROWS[:4], telling, read, encode) is None


def test_the_encoder_is_not_called_where_inputs_list_nothing() -> None:
    def fail(texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError(texts)

    rows = [Example(str(at), f"What does ticket {at} cost?", f"It costs {at + 3} euros.") for at in range(30)]
    assert Scorer(Kind.ANSWERING, None, rows, (), rows, fail).score("It costs 3 euros.", rows[0]).value == 1


def test_phrases_are_what_answers_say_for_one_value_of_a_label_and_not_for_the_others() -> None:
    told = {"low": "has no high prices", "high": "has steep prices"}
    rows = [
        Example(str(at), f"name: N{at} | price: {price}", f"This place, we hear, {told[price]}.")
        for at, price in enumerate(("low", "high") * 6)
    ]
    stems = {"low": {"high", "price", "place"}, "high": {"steep", "price", "place"}}
    phrases = learn_phrases(rows, lambda one, answer, input: frozenset(stems.get(one.value, ())))
    assert phrases == {
        "name": {("", "name"): ("name",)},
        "price": {("", "low"): ("no high prices", "low"), ("", "high"): ("steep prices", "high")},
    }
