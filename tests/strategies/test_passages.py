"""Documents cut into passages."""

from __future__ import annotations

from eval.task import Document
from strategies.search.passages import MOST_WORDS_A_PASSAGE, WORDS_A_PASSAGE, Passage, cut_passages, words_a_passage


def texts(text: str) -> list[str]:
    return [passage.text for passage in cut_passages([Document("d", "Title", text)])]


def sentences(count: int, words: int) -> list[str]:
    return [" ".join([f"Word{at}"] + ["and"] * (words - 2) + ["end."]) for at in range(count)]


def test_a_passage_is_whole_sentences_and_begins_with_the_last_one_of_the_passage_before() -> None:
    told = sentences(5, WORDS_A_PASSAGE // 3)
    assert texts(" ".join(told)) == [" ".join(told[:3]), " ".join(told[2:])]


def test_a_long_sentence_stays_whole() -> None:
    short, long, after = "Stamp in.", *sentences(2, WORDS_A_PASSAGE + 5)
    assert texts(f"{short} {long} {after}") == [short, long, after]


def test_numbers_and_names_do_not_end_a_sentence_and_lines_do() -> None:
    lines = ["- the fee is 3.10 crowns a day and then some, to be paid at pier no.4 on the same day"] * 3
    assert texts("\n".join(lines)) == ["\n".join(lines[:1])] * 3


def test_text_without_sentences_is_cut_and_no_word_is_lost() -> None:
    words = [f"w{at}" for at in range(500)]
    cut = texts(" ".join(words))
    assert [word for text in cut for word in text.split()] == words
    assert all(len(text.split()) <= 2 * WORDS_A_PASSAGE for text in cut)
    assert len(texts("字" * 500)) > 5 and "".join(texts("字" * 500)) == "字" * 500


def test_nothing_is_made_of_nothing() -> None:
    assert texts(" \n ") == []


def test_an_answer_is_found_in_any_case_and_spacing() -> None:
    passage = Passage("d", "", "Goods are taken back within\n14  Days of delivery.")
    assert passage.contains("within 14 days")
    assert passage.contains("Delivery")
    assert not passage.contains("14 weeks") and not passage.contains("live")
    assert Passage("d", "", "可在十四天内退货。").contains("十四天")


def test_a_passage_is_as_long_as_usual_answers_within_bounds() -> None:
    assert words_a_passage(["yes", "no"]) == words_a_passage([]) == WORDS_A_PASSAGE
    assert words_a_passage(["word " * 70] * 3 + ["word " * 400]) == 70
    assert words_a_passage(["word " * 400] * 3) == MOST_WORDS_A_PASSAGE
    answer = " ".join(sentences(4, 20))
    assert any(passage.contains(answer) for passage in cut_passages([Document("d", "", answer)], 80))
