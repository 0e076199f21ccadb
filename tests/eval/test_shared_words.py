"""Which words of a text are marked because they are also in the question."""

from __future__ import annotations

import time

import pytest

from eval.shared_words import MOST_CHARACTERS, excerpt, shared_words


def marked(asked: str, text: str) -> list[str]:
    return [text[start:end] for start, end in shared_words(asked, text)]


@pytest.mark.parametrize(
    ("asked", "text", "expected"),
    [
        ("How long is the break?", "The BREAKS of the night shift are long.", ["BREAKS", "long"]),
        ("Is the break paid", "Breakfast is paid for.", ["paid"]),  # whole words only
        ("the customer's refunds", "A customer is refunded, isn't it?", ["customer", "refunded"]),
        ("Is it not in the van, please?", "No, it is not in the van.", ["van"]),
        ("within 14 days", "14.5 days, 140 days, or 14 of them", ["days", "days", "14"]),
        ("at 14:30 or 3.5 kg", "At 14:30, 5 kg (14 in all)", ["14:30", "kg"]),
        ("Muller aus Zurich", "Frau Müller wohnt in Zürich.", ["Müller", "Zürich"]),
        ("Wann ist die Ruckgabe?", "Die Rückgaben sind bis Montag, und die Ware ist heil.", ["Rückgaben"]),
        ("¿Cuánto tarda la devolucion?", "Las devoluciones tardan 14 días.", ["devoluciones", "tardan"]),
        ("l'heure du départ", "Elle n'a pas dit l’heure des départs.", ["heure", "départs"]),
        ("Где мои книги?", "Все книги и журналы на полке, где ёлка.", ["книги"]),
        ("αδεια ανά έτος", "Η άδεια είναι δύο εβδομάδες", ["άδεια"]),
        ("متى تفتح المكتبة", "المكتبة تُفتح صباحا", ["المكتبة", "تُفتح"]),
        ("휴가 신청", "연차 휴가 규정", ["휴가"]),
        ("退货需要几天", "退货需要14天", []),  # no spaces, no words
        ("14天 iPhone", "iPhoneを14", ["iPhone", "14"]),
        ("a b c", "A plan B", []),
        ("", "anything", []),
        ("anything", "", []),
        ("<b>bold</b> & more", "a <b>bold</b> text", ["bold"]),
    ],
)
def test_content_words_of_the_question_are_found_in_the_text(asked: str, text: str, expected: list[str]) -> None:
    assert marked(asked, text) == expected


def test_a_very_long_text_is_read_in_a_moment_and_up_to_a_limit() -> None:
    asked, text = "breaks " * 15_000, "the break of day " * 60_000
    started = time.perf_counter()
    found = shared_words(asked, text)
    start, end = excerpt(text, found, 600)
    shared_words("a1:1.1", "1.1" * 100_000 + ":.")
    assert time.perf_counter() - started < 5
    assert len(found) == MOST_CHARACTERS // len("the break of day ")
    assert start == 0 and text[end] == " " and 590 < end <= 600


def test_the_excerpt_is_the_part_with_the_most_different_words() -> None:
    text = "Night work is rare. " + "Nothing here. " * 100 + "A break at night is an hour long. " + "More text. " * 100
    shared = shared_words("How long is the break at night?", text)
    start, end = excerpt(text, shared, 200)
    assert end - start <= 200 and "A break at night is an hour long." in text[start:end]
    assert start and text[start - 1] == " "
    assert text[end] == " "
    assert excerpt(text, (), 200) == (0, 195) and text[195] == " "
    assert excerpt("x" * 500, (), 200) == (0, 200)
    assert excerpt("short", shared_words("short", "short"), 200) == (0, 5)
    long = "x" * 500
    assert excerpt(f"{'a ' * 400}{long}", shared_words(long, f"{'a ' * 400}{long}"), 200)[1] <= 1300
