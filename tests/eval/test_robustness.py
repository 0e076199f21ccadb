"""What variants of an input change and what they never touch; asking in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import ClassVar

import pytest

from eval.measuring.robustness import VARIANTS, misspelt, polite, reworded, variants_of, words_of
from eval.measuring.runner import ask_in_variants, spread
from eval.outcomes import Prediction
from eval.scoring import Scorer
from eval.task import Example, Kind

QUESTIONS = [
    "How do I reset my password? I can't log in.",
    "I'm still waiting for my new card, order AB-1234, what is wrong?",
    "Please send 12 mugs to ann@shop.example before the 3rd of May",
    "My telephone has been broken since Tuesday and nobody answers",
]


def examples(target: str = "yes") -> list[Example]:
    return [Example(f"r{at}", question, target) for at, question in enumerate(QUESTIONS)]


def test_the_same_seed_gives_the_same_variants_and_another_gives_others() -> None:
    assert variants_of(examples(), Kind.CLASSIFICATION, 0) == variants_of(examples(), Kind.CLASSIFICATION, 0)
    assert variants_of(examples(), Kind.CLASSIFICATION, 0) != variants_of(examples(), Kind.CLASSIFICATION, 1)


def test_a_variant_changes_the_input_alone_and_every_row_it_has() -> None:
    for varied in variants_of(examples(), Kind.CLASSIFICATION, 0).values():
        by_id = {example.id: example for example in examples()}
        assert varied
        assert all(one.input != by_id[one.id].input and one.target == "yes" for one in varied)


def test_digits_codes_and_addresses_are_left_alone() -> None:
    for seed in range(30):
        for question in QUESTIONS:
            for vary in VARIANTS.values():
                changed = vary(question, Random(seed), ())
                assert re.findall(r"\d+", changed) == re.findall(r"\d+", question)
            spoilt = misspelt(question, Random(seed))
            assert all(kept in spoilt for kept in ("AB-1234", "ann@shop.example", "3rd") if kept in question)


def test_a_typo_stands_in_about_one_word_of_six_never_at_its_beginning() -> None:
    question = "people often write words that look nearly right although they certainly never were"
    for seed in range(30):
        words = misspelt(question, Random(seed)).split()
        changed = [(a, b) for a, b in zip(question.split(), words, strict=True) if a != b]
        assert len(changed) == 2
        assert all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in changed)


@pytest.mark.parametrize("text", ["hi", "a b c", "42 17", "", "ok so"])
def test_nothing_is_misspelt_where_there_are_only_a_few_letters(text: str) -> None:
    assert misspelt(text, Random(0)) == text


def test_what_an_answer_copies_is_never_touched() -> None:
    kept = words_of('{"item": "mug", "name": "Telephone"}')
    for seed in range(30):
        assert "mugs" in misspelt(QUESTIONS[2], Random(seed), kept)
        assert "telephone" in reworded(QUESTIONS[3], Random(seed), kept)
    assert "phone has" in reworded(QUESTIONS[3], Random(0))
    misspelt_rows = variants_of(examples('{"item": "mugs please send before"}'), Kind.EXTRACTION, 0)["typos"]
    assert "r2" not in {example.id for example in misspelt_rows}


def test_other_words_keep_the_meaning_and_the_capitals() -> None:
    assert reworded(QUESTIONS[0], Random(0)) == "What do I do to reset my password? I cannot log in."
    assert reworded("THE FILM ISN'T GOOD", Random(0)) == "THE MOVIE IS NOT GOOD"
    assert reworded("Could you help my kids?", Random(0)) == "Can you help my children?"


def test_politeness_stands_around_the_input() -> None:
    seen = {polite(QUESTIONS[0], Random(seed)) for seed in range(30)}
    assert all(QUESTIONS[0] in one for one in seen)
    assert {one.startswith("How") for one in seen} == {True, False}


def test_english_words_are_put_into_english_inputs_alone() -> None:
    german = "Ich kann mich nicht anmelden, mein Passwort ist falsch"
    assert polite(german, Random(0)) == german == reworded(german, Random(0))


SCORER = Scorer(Kind.CLASSIFICATION, None, ())


class Parrot:
    """Says back what it is asked."""

    name: ClassVar[str] = "parrot"

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [Prediction(text, 1, 1) for text in inputs]


def test_rows_spread_evenly_are_asked_in_each_variant_that_changes_them() -> None:
    rows = [Example(f"r{at}", "HI" if at % 2 else f"where is it {at}", "HI") for at in range(20)]
    told: list[tuple[str, int, int]] = []
    found = ask_in_variants(Parrot(), rows, SCORER, 0, 5, lambda *each: told.append(each))
    assert spread(20, 5) == [0, 4, 8, 12, 16] and spread(3, 5) == [0, 1, 2]
    assert {outcome.example_id for outcome in found["polite"]} == {"r0", "r4", "r8", "r12", "r16"}
    assert "lower_case" not in found
    assert {outcome.text for outcome in found["capitals"]} == {f"WHERE IS IT {at}" for at in (0, 4, 8, 12, 16)}
    assert told[-1][1] == told[-1][2] == sum(map(len, found.values()))
    assert ask_in_variants(Parrot(), rows[1:2], SCORER, 0, 5, lambda *each: None)["lower_case"][0].score == 0
