"""Scores of single answers: what a person who knows the right answer would say, worked out by hand."""

from __future__ import annotations

import itertools
import json

import pytest
from sacrebleu.metrics.chrf import CHRF

from eval.scoring import MetricName, Scorer, is_right, metric_for
from eval.task import BadInput, Document, Example, Kind, Metric
from tests.scored import score


def answered(text: str, target: str, question: str = "") -> float:
    return score(Kind.ANSWERING, text, target, question).value


@pytest.mark.parametrize(("text", "value"), [(" refund\n", 1), ("Refund", 0), ("refunds", 0), ("", 0)])
def test_a_label_is_exact_or_wrong(text: str, value: float) -> None:
    assert score(Kind.CLASSIFICATION, text, "refund").value == value


def test_a_label_is_the_same_composed_or_not() -> None:
    assert score(Kind.CLASSIFICATION, "cafe\u0301", "caf\u00e9").value == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "Tea", "n": 2}', 1),
        ('{"n": 2.0, "a": " tea "}', 1),  # order, capitals, spaces, 2 and 2.0 do not count
        ('{"a": "tea"}', 2 / 3),  # one of two fields missing: precision 1, recall 1/2
        ('{"a": "tea", "n": 3}', 1 / 2),
        ('{"a": "tea", "n": "2"}', 1 / 2),  # a text is not a number
        ('{"a": "tea", "n": true}', 1 / 2),
        ('{"a": "tea", "n": 2, "x": 1}', 4 / 5),  # an invented field costs
        ('{"a": "tea", "n": 2, "x": null, "y": []}', 1),  # an empty one does not
        ("{}", 0),
        ("[]", 0),
        ("tea", 0),
        ('{"a": NaN}', 0),
        ("[" * 100_000, 0),
    ],
)
def test_fields_are_matched_by_value(text: str, value: float) -> None:
    assert score(Kind.EXTRACTION, text, '{"a": "tea", "n": 2}').value == pytest.approx(value)


@pytest.mark.parametrize(
    ("given", "expected", "is_same"),
    [
        ("1,500 EUR", "€1500", True),
        ("3 May 2024", "2024-05-03", True),
        ("15", "1.5", False),
        ("C", "C++", False),
        ("a = b", "a b", False),
        ("cafe\u0301", "Caf\u00e9", True),
        ("Tue, Aug 7th, 2018", "Tue, Aug 7 2018", True),
        ("August 7, 2018", "Tuesday 7 August 2018", True),
        ("Mon, Aug 7 2018", "Tue, Aug 7 2018", False),
        ("on Thursday Aug 30", "Thursday, Aug 30", True),
        ("on Thursday", "Thu", True),
        ("Thursday", "Friday", False),
        ("at 7 in the morning", "7 a.m.", True),
        ("at 2", "2", False),
        ("on hold", "hold", False),
        ("Fri, 30 February 2018", "30 February 2018", False),
        ("10:30 am", "10:30am.", True),
        ("21:00", "9 pm", True),
        ("9", "9 pm", False),
        ("City", "Sun City", False),
    ],
)
def test_a_field_that_is_one_number_date_or_time_is_compared_by_its_value(
    given: str, expected: str, is_same: bool
) -> None:
    scored = score(Kind.EXTRACTION, json.dumps({"x": {"y": given}}), json.dumps({"x": {"y": expected}}))
    assert scored.parts["exact"] == is_same


def test_an_answer_that_is_not_json_is_marked_invalid() -> None:
    assert score(Kind.EXTRACTION, "tea", "{}").parts == {"valid": 0, "exact": 0}
    assert score(Kind.EXTRACTION, "{}", "{}").parts == {"valid": 1, "exact": 1}


def test_items_of_a_list_are_matched_whole_and_in_any_order() -> None:
    expected = json.dumps({"items": [{"name": "tea", "n": 2}, {"name": "mug", "n": 1}]})
    turned = json.dumps({"items": [{"name": "mug", "n": 1}, {"name": "tea", "n": 2}]})
    swapped = json.dumps({"items": [{"name": "tea", "n": 1}, {"name": "mug", "n": 2}]})
    assert score(Kind.EXTRACTION, turned, expected).parts["exact"] == 1
    assert score(Kind.EXTRACTION, swapped, expected).value == pytest.approx(1 / 2)
    assert score(Kind.EXTRACTION, '{"t": ["x", "x", "y"]}', '{"t": ["x", "y", "y"]}').value == pytest.approx(2 / 3)


def test_an_expected_answer_that_is_not_json_is_bad_input() -> None:
    with pytest.raises(BadInput, match="not JSON"):
        score(Kind.EXTRACTION, "{}", "tea")


# Each line says the same in several notations; no two lines say the same.
NUMBERS = [
    ["1.5", "1,5", "1½", "1 1/2", "3/2"],
    ["15", "15.0", "fifteen"],
    ["-1.5", "−1.5", "minus 1.5"],
    ["1/2", "0.5", "½"],
    ["12", "twelve", "a dozen"],
    ["35%", "35 per cent", "35 percent", "35.0 %"],
    ["3.5%", "3.50 percent"],
    ["$5 million", "5,000,000 dollars", "US$5m", "USD 5 000 000", "five million dollars"],
    ["$10 million", "$10M", "10 million dollars"],
    ["€5 million", "5 million euros"],
    ["-5", "minus five"],
    ["1,500", "1500", "1 500", "1.5k", "1.5 thousand", "fifteen hundred"],
    ["1e5", "100,000", "100k"],
    ["90 minutes", "1.5 hours", "1.5 h"],
    ["5 kg", "5000 g", "5 kilograms"],
    ["5 g", "five grams"],
    ["21", "twenty-one"],
    ["2008", "2008"],
    ["C++"],
    ["C#"],
    ["C"],
    ["👍"],
    ["👎"],
    ["1.2.3"],
    ["007"],
    ["7"],
    ["18:30", "6:30 pm", "6.30 p.m.", "18h30", "half past six p.m."],
    ["19:00", "7:00 o'clock PM", "7 o'clock p.m.", "seven pm"],
    ["noon", "12:00", "12 pm", "twelve o'clock pm"],
    ["3 May 2024", "May 3, 2024", "2024-05-03", "3rd of May 2024", "03.05.2024", "2024年5月3日"],
    ["3 May 2023", "2023-05-03"],
    ["4 May 2024", "May 4th, 2024"],
    ["caf\u00e9", "cafe\u0301"],
]


@pytest.mark.parametrize("notations", NUMBERS, ids=lambda notations: notations[0])
def test_the_same_value_in_another_notation_is_right(notations: list[str]) -> None:
    for text, target in itertools.product(notations, repeat=2):
        assert answered(text, target) == 1, (text, target)


def test_other_values_never_score_1() -> None:
    lines = [(line, text) for line, notations in enumerate(NUMBERS) for text in notations]
    for (line, text), (other, target) in itertools.product(lines, repeat=2):
        assert line == other or answered(text, target) < 1, (text, target)


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        ("15", "1.5", 0),
        ("-5", "5", 0),
        ("35%", "3.5%", 0),
        ("C", "C++", 0),
        ("12", "1/2", 0),
        ("1.0", "1", 1),
        ("北京市", "北京", 1),
        ("on the third floor", "the third floor", 1),
        ("floor third", "the third floor", 1),
        ("$10 million", "$5 million", 0),
        ("3 May 2023", "3 May 2024", 0),
        ("twelve a.m.", "midnight", 1),
        ("12 o'clock am", "noon", 0),
        ("11:10 Uhr", "10:00", 0),
        ("um sechs am Abend", "6 am", 0),
        ("", "the third floor", 0),
        ("A", "a", 1),
        ("B", "A", 0),
    ],
)
def test_what_a_person_would_say_of_a_short_answer(text: str, target: str, value: float) -> None:
    assert answered(text, target) == value


def test_a_number_without_its_unit_is_nearly_right_unless_the_question_names_it() -> None:
    assert 0.5 <= answered("5", "5 kg") < 1
    assert answered("5", "5 kg", "How many kilograms may a bag weigh?") == 1
    assert answered("5 g", "5 kg") == 0


def test_another_floor_is_wrong_though_it_shares_a_word() -> None:
    assert answered("the second floor", "the third floor") < 0.5


LISTED = "Yes, Halden Robotics is listed on NASDAQ."
WHETHER = "Is Halden Robotics listed on a stock exchange?"


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("Halden Robotics is listed on NASDAQ, as listed by the company's official website.", 1, 1),
        ("NASDAQ", 1, 1),
        ("Yes.", 0.4, 0.8),
        ("No.", 0, 0),
        ("No, it is listed on NASDAQ.", 0.1, 0.6),
        ("It is not listed.", 0, 0),
        ("Halden Robotics is listed on a stock exchange.", 0.4, 0.8),  # which says yes
        ("I cannot answer that.", 0, 0),
    ],
)
def test_an_answer_in_a_sentence_is_judged_by_what_it_states(text: str, low: float, high: float) -> None:
    assert low <= answered(text, LISTED, WHETHER) <= high


@pytest.mark.parametrize(
    ("text", "is_right"),
    [("No cards are accepted.", True), ("No.", True), ("Cards are accepted.", False), ("Yes, cards are fine.", False)],
)
def test_what_is_denied_must_be_denied(text: str, is_right: bool) -> None:
    scored = answered(text, "The shop does not accept cards.", "Can I pay by card?")
    assert (scored >= 0.5) == is_right


@pytest.mark.parametrize("refusal", ["I don't know.", "That is not stated in the documents.", "Unable to answer."])
def test_where_nothing_is_known_a_refusal_is_right_and_an_invention_wrong(refusal: str) -> None:
    expected = "The documents do not say how many patents Halden holds."
    assert answered(refusal, expected, "How many patents does Halden hold?") == 1
    assert answered("Halden holds 45 patents.", expected, "How many patents does Halden hold?") == 0


def test_what_stands_nowhere_in_the_task_is_invented_and_what_stands_beside_the_answer_costs_little() -> None:
    documents = (
        Document("a", "Halden", "Halden was founded in 1998. Its chief is Mira Voss. It employs 230 people."),
        Document("b", "Kell", "Kell was founded in 1975. It employs 800 people."),
    )
    row = Example("1", "When was Halden founded?", "It was founded in 1998.")
    scorer = Scorer(Kind.ANSWERING, None, (row,), documents)
    right, beside, elsewhere, invented = (
        scorer.score(text, row)
        for text in ("In 1998.", "In 1998, it employs 230.", "In 1998 or 1975.", "In 1998 or 1812.")
    )
    assert right.value == 1 and 0.9 < beside.value < 1
    assert elsewhere.value == invented.value < 0.7
    assert [one.parts["invented"] for one in (right, beside, elsewhere, invented)] == [0, 0, 0, 1]


def test_decimal_commas_follow_the_training_answers() -> None:
    german = [Example(str(at), "Wie viel?", f"{at},5 Liter") for at in range(5)]
    scorer = Scorer(Kind.ANSWERING, None, german)
    assert scorer.score("1500", Example("x", "", "1.500")).value == 1
    assert scorer.score("1.5", Example("x", "", "1,500")).value == 1
    assert answered("1500", "1,500") == 1 and answered("1500", "1.500") == 0


def test_the_best_of_several_right_answers_counts() -> None:
    row = Example("1", "What does it cost?", "about three coins", also_right=("3 coins", "3"))
    scorer = Scorer(Kind.ANSWERING, None, (row,))
    assert [scorer.score(text, row).value for text in ("3 coins", "3", "4 coins")] == [1, 1, pytest.approx(0, abs=0.3)]


def test_form_is_scored_as_sacrebleu_does() -> None:
    text, target = "We are sorry about this delay.", "We are very sorry about the delay."
    scored = score(Kind.WRITING, text, target)
    assert scored.parts["form"] == pytest.approx(CHRF().sentence_score(text, [target]).score / 100)
    assert score(Kind.WRITING, target, target).value == 1
    assert score(Kind.WRITING, "", target).value == 0


GIVEN = (
    "name: The Blue Heron | type: coffee shop | food: Italian | price: moderate | area: riverside | "
    "family friendly: no | near: Crowne Plaza | rating: 4 of 5"
)
DESCRIBED = (
    "The Blue Heron is a moderately priced Italian coffee shop by the riverside, near Crowne Plaza. "
    "It is not family-friendly and is rated 4 of 5."
)


def test_a_description_in_other_words_scores_above_one_that_drops_or_distorts_a_fact() -> None:
    scorer = Scorer(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), ())
    complete, dropped, turned, distorted = (
        scorer.score(text, Example("1", GIVEN, DESCRIBED)).value
        for text in (
            "Near Crowne Plaza in the riverside area you find The Blue Heron, an Italian coffee shop with moderate "
            "prices, rated 4 of 5, that is not family friendly.",
            DESCRIBED.replace("moderately priced ", ""),
            DESCRIBED.replace("not family", "family"),
            DESCRIBED.replace("moderately priced Italian coffee shop", "cheap Italian pub"),
        )
    )
    assert complete > max(dropped, turned) > distorted


def test_required_phrases_are_part_of_the_form() -> None:
    scorer = Scorer(Kind.WRITING, Metric(MetricName.FORM, required=("The lamp is lit", r"re:^Dear \w+")), ())
    row = Example("1", "hello", "Dear Ada, come in. The lamp is lit.")
    assert scorer.score(row.target, row).value == 1
    assert scorer.score("Dear Ada, come in. Good night.", row).parts["form"] < 0.5


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("select count(*) from sales where item = 'Kettle' and month=1", 1),
        ("```sql\nSELECT COUNT(*)\nFROM sales WHERE item = 'Kettle' AND month = 1;\n```", 1),
        ("SELECT COUNT(*) FROM sales WHERE item = 'kettle' AND month = 1;", 0),  # letters within quotes count
        ("SELECT COUNT(*) FROM sales WHERE item = 'Kettle' AND month <> 1;", 0),
    ],
)
def test_sql_is_compared_after_formatting(text: str, value: float) -> None:
    target = "SELECT COUNT(*)\n  FROM sales\n WHERE item = 'Kettle' AND month = 1;"
    rows = [Example(str(at), f"How many in month {at}?", target) for at in range(20)]
    metric = metric_for(Kind.WRITING, rows, ())
    assert metric.name == MetricName.EXACT
    assert Scorer(Kind.WRITING, metric, rows).score(text, rows[0]).value == value


def test_indentation_counts_in_code() -> None:
    row = Example("1", "", "def f(x):\n    if x:\n        return 1\n    return 2")
    scorer = Scorer(Kind.WRITING, Metric(MetricName.EXACT), ())
    assert scorer.score("def f(x):\n  if x:\n    return 1\n  return 2\n", row).value == 1
    assert scorer.score("def f(x):\n    if x:\n        return 1\n        return 2", row).value == 0


def test_right_and_wrong() -> None:
    assert is_right(Kind.CLASSIFICATION, 1.0, {}) is True
    assert is_right(Kind.EXTRACTION, 0.9, {"valid": 1.0, "exact": 0.0}) is False
    assert is_right(Kind.EXTRACTION, 0.0, {}) is False  # no answer at all
    assert is_right(Kind.ANSWERING, 0.5, {"exact": 0.0}) is True
    assert is_right(Kind.ANSWERING, 0.49, {"exact": 0.0}) is False
    assert is_right(Kind.WRITING, 0.9, {}) is None
