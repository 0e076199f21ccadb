"""Refusals or say that they do not know, told from those that only sound like it."""

from __future__ import annotations

import pytest

from eval.failures.refusals import WORDS_READ, is_refusal, refuses


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I’m sorry, but I can't help with that.",
        "As an AI language model, I do not have access to your diary.",
        "As a text-based AI, I cannot feel.",
        "I'm just a language model",
        "I don't have the ability to look that up.",
        "Unknown",
        "N/A",
        "It is not known.",
        "I do not have any information about that.",
        "I'm not sure",
        "Sorry, I cannot provide that.",
        "There is no information about it in the text.",
        "The passage doesn't say.",
        "Could you please provide more context?",
        "That cannot be determined.",
        "Nobody knows.",
        "It's impossible to say.",
    ],
)
def test_an_answer_that_refuses_is_seen(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "14 days",
        "We are sorry about the delay. Your parcel arrives on Monday.",
        "The Unknown Soldier",
        "the unknown quantity",
        "You do not know him.",
        "Penguins cannot fly.",
        "We cannot send it before Monday.",
        f"{'Here is what we did. ' * WORDS_READ} I do not know more.",
    ],
)
def test_what_only_sounds_like_it_is_none(text: str) -> None:
    assert not refuses(text)


def test_a_refusal_that_was_expected_a_label_and_json_are_answers() -> None:
    assert is_refusal("I don't know", "14 days")
    assert not is_refusal("It is unknown.", "not known")
    assert not is_refusal("unknown", "refund", ("refund", "unknown"))
    assert not is_refusal('{"note": "I do not know"}', '{"note": "late"}')
