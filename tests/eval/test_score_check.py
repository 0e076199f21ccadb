"""Whether a score is blind is measured on answers that were made wrong in known ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.scoring import MetricName, Scorer
from eval.scoring.check import ScoreCheck, check_score
from eval.scoring.collection import Collection
from eval.scoring.corruptions import REFUSAL, Corrupter, Corruption
from eval.scoring.own_metric import own_metric
from eval.task import Document, Example, Kind, Metric

PEOPLE = ("Mira Voss", "Jan Kell", "Ada Thorn", "Emil Norby", "Ines Holm", "Kofi Lind", "Noor Sand", "Rosa Elm")


def firm(at: int) -> tuple[str, str, int]:
    return f"Firm{chr(65 + at)}", PEOPLE[at % len(PEOPLE)], 1950 + 3 * at


def row_of(at: int) -> Example:
    name, founder, year = firm(at)
    told = f"{name} was founded by {founder}, who started it on {at + 1} May {year}. It employs {70 + at}."
    return Example(str(at), f"Who founded {name}, and when?", told)


ROWS = tuple(map(row_of, range(20)))
DOCUMENTS = tuple(Document(row.id, firm(at)[0], row.target) for at, row in enumerate(ROWS))


def corrupted(row: Example) -> dict[Corruption, str]:
    return dict(Corrupter(ROWS, Collection(ROWS, DOCUMENTS, ROWS)).corruptions(row, seed=0))


def test_each_corruption_spoils_one_thing_and_other_words_spoil_nothing() -> None:
    row = ROWS[3]
    made = corrupted(row)
    assert set(made) == set(Corruption)
    assert made == corrupted(row)  # the same for the same seed
    assert "4 May 1959" in made[Corruption.OTHER_WORDS] and "73" in made[Corruption.OTHER_WORDS]
    assert "73" not in made[Corruption.CHANGED_NUMBER] and "Emil Norby" in made[Corruption.CHANGED_NUMBER]
    assert "4 May 1959" not in made[Corruption.CHANGED_DATE] and "Emil Norby" not in made[Corruption.CHANGED_NAME]
    assert not any(fact in made[Corruption.WITHOUT_FACT] for fact in ("73", "1959", "Norby"))
    assert made[Corruption.OTHER_ANSWER] in {other.target for other in ROWS} - {row.target}
    assert made[Corruption.QUESTION] == row.input and made[Corruption.REFUSAL] == REFUSAL


def test_a_changed_number_keeps_its_unit() -> None:
    limits = ("15 metres per second", "21 metres per second", "60 crowns", "35 crowns", "three days", "3 hours")
    rows = [Example(str(at), f"What is limit {at}?", limit) for at, limit in enumerate(limits)]
    corrupter = Corrupter(rows, Collection(rows, (), rows))
    made = [dict(corrupter.corruptions(row, seed=0)).get(Corruption.CHANGED_NUMBER) for row in rows]
    assert made[:2] == ["21 metres per second", "15 metres per second"]
    assert all(str(text).endswith("crowns") for text in made[2:4])
    assert made[4:] == [None, "7 hours"]  # no other number of days to take


def test_a_letter_keeps_its_order_in_other_words() -> None:
    letter = Example("x", "The tap drips.", "Dear guest, thank you for your message. We come at 10. Yours, the house.")
    collection = Collection(ROWS, DOCUMENTS, ROWS)
    kept = dict(Corrupter(ROWS, collection, keeps_order=True).corruptions(letter, seed=0))[Corruption.OTHER_WORDS]
    assert kept.startswith("Dear guest") and kept.endswith("house.")
    moved = dict(Corrupter(ROWS, collection).corruptions(letter, seed=0))[Corruption.OTHER_WORDS]
    assert not moved.startswith("Dear guest")


def test_what_stands_all_over_the_task_is_no_fact_to_change() -> None:
    rows = [Example(str(at), f"Is room {at} safe?", f"COVID-19 was found in {70 + at} rooms.") for at in range(60)]
    corrupter = Corrupter(rows, Collection(rows, (), rows))
    assert [str(fact.kind) for fact in corrupter.told(rows[3])] == ["number"]


def test_what_an_answer_does_not_state_is_not_changed() -> None:
    assert {Corruption.CHANGED_DATE, Corruption.CHANGED_NUMBER} & set(
        corrupted(Example("x", "Why?", "Nobody knows"))
    ) == set()


def checked(metric: Metric | None) -> ScoreCheck:
    check = check_score(Scorer(Kind.WRITING, metric, ROWS, DOCUMENTS, ROWS), ROWS, DOCUMENTS, seed=0)
    assert check is not None
    return check


def test_facts_tell_right_from_wrong_where_wording_does_not() -> None:
    facts, form = checked(None), checked(Metric(MetricName.FORM))
    assert facts.right > 0.95 and facts.blind_to == ()
    assert all(facts.of(each).mean < 0.75 for each in Corruption if each is not Corruption.OTHER_WORDS)
    assert facts.of(Corruption.OTHER_ANSWER).right_is_higher == 1
    assert {Corruption.CHANGED_NUMBER, Corruption.CHANGED_DATE} <= set(form.blind_to)


def test_a_persons_own_metric_is_held_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def length(output, expected, input):\n    return min(1.0, len(output) / 200)\n")
    assert Corruption.OTHER_ANSWER in checked(own_metric(f"{file}:length")).blind_to


@pytest.mark.parametrize("kind", [Kind.CLASSIFICATION, Kind.EXTRACTION])
def test_labels_and_fields_are_not_checked(kind: Kind) -> None:
    rows = tuple(Example(str(at), "input", '{"a": 1}') for at in range(20))
    assert check_score(Scorer(kind, None, rows), rows, (), 0) is None


def test_of_a_few_rows_nothing_is_said() -> None:
    assert check_score(Scorer(Kind.WRITING, None, ROWS[:3]), ROWS[:3], (), 0) is None
