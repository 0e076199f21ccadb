"""Answers in mixed styles, in no document, copied; languages; and what the number and length of rows allow."""

from __future__ import annotations

from dataclasses import replace

from eval.checks import check_task
from eval.task import Document, Kind, Task
from eval.words import about_tokens
from tests.checked_tasks import clean, findings, sentences, task_of

GERMAN = (
    "Wo ist mein Paket geblieben, es sollte doch schon gestern kommen",
    "Ich möchte meine Rechnung gern im nächsten Monat bezahlen",
    "Können Sie mir bitte sagen, wann der Techniker bei mir ist",
    "Die Waschmaschine macht seit heute Morgen ein lautes Geräusch",
    "Leider habe ich mein Kennwort vergessen und komme nicht hinein",
    "Warum wurde mir der Betrag in dieser Woche zweimal abgebucht",
)
ENGLISH = (
    "Where is my parcel, it should have been here yesterday already",
    "I would like to pay my bill next month if that is possible",
    "Could you please tell me when the engineer will be at my house",
    "The washing machine has made a loud noise since this morning",
    "Unfortunately I forgot my login and can no longer get in at all",
    "Why was the amount taken from my account twice this week",
)


def answering(answers: list[str], inputs: list[str] | None = None) -> Task:
    return task_of(list(zip(inputs or sentences(len(answers)), answers, strict=True)), Kind.ANSWERING)


def test_dates_in_several_notations_are_told_unless_they_are_copied() -> None:
    dates = [f"2024-05-{at:02}" if at % 3 else f"{at} May 2024" for at in range(1, 31)]
    found = findings(answering([*dates, *sentences(200)[:90]]))["mixed-dates"]
    assert found.rows == tuple(f"r{at + 1}" for at in range(3, 31, 3))
    assert "'2024-05-01' in 20, '3 May' in 10" in found.what
    copied = [f"{text} {answer}" for text, answer in zip(sentences(30), dates, strict=True)]
    assert "mixed-dates" not in findings(answering(dates, copied))


def test_json_among_text_is_told() -> None:
    found = findings(answering([*(f'{{"a": {at}}}' for at in range(10)), *sentences(100)]))["mixed-json"]
    assert found.rows == tuple(f"r{at}" for at in range(2, 12)) and found.severity == "warning"


def test_full_stops_and_capitals_of_short_answers_are_told_and_names_are_not() -> None:
    ends = findings(answering([f"{text}." if at % 4 == 0 else text for at, text in enumerate(sentences(100))]))
    assert len(ends["mixed-endings"].rows) == 25
    articles = [f"{'The' if at % 4 == 0 else 'the'} {text}" for at, text in enumerate(sentences(100))]
    starts = findings(answering(articles))
    assert len(starts["mixed-capitals"].rows) == 25
    words = [chr(97 + at % 26) * (2 + at // 26) for at in range(100)]
    names = [word.capitalize() if at % 4 == 0 else word for at, word in enumerate(words)]
    assert "mixed-capitals" not in findings(answering(names))


def test_answers_that_no_document_holds_are_told() -> None:
    rows = [(f"How high is tower number {at}?", f"{137 * at + 51} metres") for at in range(1, 101)]
    documents = tuple(Document(question, question, f"{question} {answer}.") for question, answer in rows)
    task = task_of(rows, Kind.ANSWERING)
    assert "answers-nowhere" not in findings(replace(task, documents=documents))
    found = findings(replace(task, documents=documents[10:]))["answers-nowhere"]
    assert found.rows == tuple(f"r{at}" for at in range(2, 12)) and found.severity == "info"
    assert findings(replace(task, documents=documents[50:]))["answers-nowhere"].severity == "warning"


def test_answers_copied_from_the_input_are_told() -> None:
    rows = [(text, text if at < 10 else f"a reply to {text[:9]}") for at, text in enumerate(sentences(100))]
    assert len(findings(task_of(rows, Kind.WRITING))["copied-answers"].rows) == 10
    quoted = [(f"{text} costs {at} coins", f"{at} coins") for at, text in enumerate(sentences(100))]
    assert len(findings(task_of(quoted, Kind.ANSWERING))["answer-in-input"].rows) == 100


def test_languages_are_named_where_they_mix_and_only_there() -> None:
    english = [f"{text}, {word}" for word in sentences(10) for text in ENGLISH]
    german = [f"{text}, bitte {at} mal" for at in range(2) for text in GERMAN]
    found = findings(answering(sentences(72), [*english, *german]))["languages-inputs"]
    assert "2 languages: English 60, German 12" in found.what
    assert found.rows == tuple(f"r{at}" for at in range(62, 74))
    assert "languages-inputs" not in findings(answering(sentences(61), [*english, GERMAN[0]]))
    foreign_words = [f"{text} Straße Kündigung" for text in english]
    assert "languages-inputs" not in findings(answering(sentences(60), foreign_words))


def test_power_counts_given_test_rows_and_groups() -> None:
    task = task_of(clean(400))
    assert (
        "With 100 test rows, the difference between two strategies is known to within about 10 "
        in findings(task)["power"].what
    )
    assert findings(task)["power"].severity == "info"
    given = replace(task, examples=tuple(replace(row, split="test" if at < 25 else None)
                                         for at, row in enumerate(task.examples)))  # fmt: skip
    assert (
        "With 25 test rows, the difference between two strategies is known to within about 20 "
        in findings(given)["power"].what
    )
    assert findings(given)["power"].severity == "warning"
    grouped = replace(task, examples=tuple(replace(row, group=str(at // 4)) for at, row in enumerate(task.examples)))
    assert "about 20 points, because rows of one group count together" in findings(grouped)["power"].what


def test_rows_beyond_the_context_are_told_only_if_it_is_known() -> None:
    task = task_of([*clean(), ("word " * 1_000, "left")])
    assert "longer-than-context" not in {finding.id for finding in check_task(task)}
    found = {finding.id: finding for finding in check_task(task, context_tokens=1_024)}["longer-than-context"]
    assert found.rows == ("r122",) and "1,024 tokens" in found.what


def test_tokens_are_estimated_in_any_script() -> None:
    # As counted by the tokenizer of SmolLM2.
    counted = {
        "The quick brown fox jumps over the lazy dog while the committee discusses next year's budget in detail.": 20,
        "Счёт был оплачен ещё в понедельник, однако вчера мы получили напоминание об оплате.": 62,
        "账单已于周一支付,但我们昨天收到了催款通知。": 40,
        "बिल का भुगतान सोमवार को किया गया था लेकिन कल हमें एक अनुस्मारक मिला": 67,
    }
    assert all(0.7 < about_tokens(text) / count < 1.4 for text, count in counted.items())
