"""Words are counted in every script, and used wherever a length is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.checks import check_task
from eval.checks.size import LONG_WORDS
from eval.failures import evidence
from eval.mapping.build import BuiltTask, build_task
from eval.mapping.columns import guess_columns
from eval.reading.table import read_table
from eval.task import Document, Example, Kind, Task
from eval.words import bare_words, count_words, usual_length, words_of
from strategies.drafting import write_instruction
from strategies.search.passages import WORDS_A_SENTENCE, cut_passages, words_a_passage

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
THAI = "ขออภัยในความไม่สะดวก"
CHINESE = "您好，非常抱歉给您带来不便。"


def case(name: str) -> BuiltTask:
    table = read_table(name, (CASES / name).read_bytes())
    return build_task(table, guess_columns(table), kind=None, name=name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It's a well-known 3.5 % rule.", ["It's", "a", "well-known", "3.5", "%", "rule."]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),
        ("서울은 한국의 수도", ["서울은", "한국의", "수도"]),
        ("北京市。", ["北", "京", "市"]),
        ("第0台kettle没有", ["第", "0", "台", "kettle", "没", "有"]),
        ("コーヒー、です", ["コ", "ー", "ヒ", "ー", "で", "す"]),
        ("ไม่มี", ["ไ", "ม่", "มี"]),
        ("", []),
    ],
)
def test_words_stand_between_spaces_or_are_letters_of_a_script_without_them(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_two_letters_without_spaces_count_as_a_word() -> None:
    assert count_words("one two three") == 3
    assert count_words("北京市") == 2
    assert count_words(CHINESE) == 6
    assert count_words("第0台kettle没有") == 2 + 2
    assert 5 <= count_words(THAI) <= 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I don't know what e-mail costs: 3.5 €.", 7),
        ("See https://example.com/a?b=1 – now", 3),
        ("Great 👍", 1),
        ("👍", 1),
        ("ראש־הממשלה דיבר", 2),
        ("ذهب الولد إلى المدرسة صباحا", 5),
        ("می‌خواهم به خانه بروم", 4),
        ("मैं कल दिल्ली जाऊँगा।", 4),
        ("나는 학생입니다", 2),
        ("ሰላም፡ለዓለም", 2),
        ("วันนี้อากาศดีมาก", 4),
        ("ຂ້ອຍຢາກກິນເຂົ້າ", 4),
        ("ខ្ញុំស្រឡាញ់អ្នក", 3),
        ("我爱北京天安门", 4),
        ("今日はとても暑いです", 5),
    ],
)
def test_words_are_counted_as_a_speaker_would(text: str, words: int) -> None:
    assert count_words(text) == words


def test_evidence_has_whole_words_where_a_script_has_spaces() -> None:
    assert evidence.words_of("שלום עולם") == ["שלום", "עולם"]
    assert evidence.words_of("ذهب الولد") == ["ذهب", "الولد"]
    assert evidence.words_of("北京") == ["北", "京"]


def test_the_usual_length_is_told_in_what_the_script_has() -> None:
    assert usual_length(["one two", "one", "one two three"]) == (2, "word")
    assert usual_length([CHINESE, CHINESE, "an answer in English"]) == (len(CHINESE), "character")
    assert usual_length(["2019年", "about two words", "and three more"]) == (3, "word")


@pytest.mark.parametrize("name", ["chinese_written_replies.jsonl", "thai_replies.csv"])
def test_replies_in_scripts_without_spaces_are_written_text(name: str) -> None:
    built = case(name)
    assert built.task.kind is Kind.WRITING
    assert built.kind_guess.reason.endswith(" characters.")
    told = write_instruction(Kind.WRITING, (), [example.target for example in built.task.examples])
    assert told.endswith(" characters.") and 60 < int(told.split()[-2]) < 100


def test_labels_in_chinese_are_labels_and_short_answers_are_facts() -> None:
    assert case("chinese_classification.csv").task.kind is Kind.CLASSIFICATION
    told = write_instruction(Kind.ANSWERING, (), ["北京市", "上海市"])
    assert told == "Answer the question in about 3 characters. Write only the answer."
    assert write_instruction(Kind.ANSWERING, (), ["Paris"]).startswith("Answer the question in about 1 word.")


def test_a_long_input_in_chinese_is_long() -> None:
    def found(letters: int) -> list[str]:
        rows = [Example(f"r{at}", f"{at} {'字' * letters}", f"answer {at}") for at in range(30)]
        return [one.what for one in check_task(Task("t", Kind.WRITING, "", tuple(rows))) if one.id == "long-inputs"]

    assert found(2 * LONG_WORDS - 10) == []
    (what,) = found(2 * LONG_WORDS + 10)
    assert what.endswith("more than 1,500 words, or 3,000 letters in a script without spaces.")


def test_a_label_in_the_input_is_found_in_any_script() -> None:
    rows = [Example(f"r{at}", f"请处理{label}问题{at}", label) for at, label in enumerate(["物流", "账单"] * 15)]
    task = Task("t", Kind.CLASSIFICATION, "", tuple(rows), labels=("物流", "账单"))
    assert "label-in-input" in {finding.id for finding in check_task(task)}
    assert bare_words("Refund_request, PLEASE!") == "refund request please"


def test_passages_of_scripts_without_spaces_fit_the_embedder() -> None:
    text = THAI * 40
    cut = [passage.text for passage in cut_passages([Document("d", "", text)])]
    assert "".join(cut) == text
    assert max(len(words_of(one)) for one in cut) <= WORDS_A_SENTENCE
    assert words_a_passage(["字" * 70] * 3) == 70
