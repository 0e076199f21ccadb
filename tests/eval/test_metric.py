"""Which metric a task gets, and which others a person may choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.scoring import MetricName, Scorer, chosen_metric, formula_of, meaning_of, metric_for
from eval.scoring.own_metric import own_metric
from eval.task import BadInput, Document, Example, Kind, Metric


def test_every_metric_has_a_meaning_and_a_formula() -> None:
    for name in MetricName:
        assert "Your own" not in meaning_of(name) and "your function" not in formula_of(name)
    assert "Your own" in meaning_of("mine.py:score (1234)")


def test_which_part_leads_follows_from_the_data() -> None:
    facts = tuple(Document(str(at), f"Firm {at}", f"Firm {at} employs {at + 170} people in Oslo.") for at in range(30))
    asked = [
        Example(str(at), f"How many work at Firm {at}?", f"Firm {at} employs {at + 170} people.") for at in range(30)
    ]
    assert metric_for(Kind.WRITING, asked, facts) == Metric(MetricName.FACTS)
    reply = (
        "Dear guest, a dripping tap number {} is a poor lullaby. The house sends its plumber with a lantern and an "
        "apology before supper."
    )
    styled = [Example(str(at), f"the shower drips, {at} times already", reply.format(at * 7)) for at in range(30)]
    assert metric_for(Kind.WRITING, styled, ()).name == MetricName.FORM_AND_FACTS


def test_a_person_may_choose_another_metric_by_its_name() -> None:
    of_itself = Metric(MetricName.FACTS, carries=True)
    assert chosen_metric(Kind.WRITING, of_itself, "form", ()) == Metric("form", carries=True)
    assert chosen_metric(Kind.WRITING, of_itself, None, ()) == of_itself
    required = chosen_metric(Kind.WRITING, of_itself, "form", ("Yours",))
    assert (
        required.name.startswith("form, 1 required")
        and required.name != chosen_metric(Kind.WRITING, of_itself, "form", ("Best",)).name
    )
    with pytest.raises(BadInput, match="no metric 'rouge'"):
        chosen_metric(Kind.WRITING, of_itself, "rouge", ())
    with pytest.raises(BadInput, match="can't be read"):
        chosen_metric(Kind.WRITING, of_itself, "form", ("re:(",))


def test_a_persons_own_metric_is_loaded_and_held_to_its_promise(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "def length(output, expected, input):\n    return min(1, len(output) / len(expected))\n"
        "def broken(output, expected, input):\n    return float('nan')\n"
        "def failing(output, expected, input):\n    return 1 / 0\n"
    )
    row = Example("1", "question", "1234")
    mine = own_metric(f"{file}:length")
    assert Scorer(Kind.ANSWERING, mine, ()).score("12", row).value == 0.5
    for name, said in (("broken", "from 0 to 1"), ("failing", "ZeroDivisionError"), ("missing", "can't be loaded")):
        with pytest.raises(BadInput, match=said):
            Scorer(Kind.ANSWERING, own_metric(f"{file}:{name}"), ()).score("12", row)
    with pytest.raises(BadInput, match="no file"):
        own_metric(f"{tmp_path}/other.py:length")
    file.write_text(file.read_text() + "\n# changed\n")
    assert own_metric(f"{file}:length").name != mine.name


def test_facts_lead_where_answers_tell_more_facts_than_anything_else() -> None:
    hills = [
        Example(str(at), f"How high is hill {at}?", f"Hill {at} is {1000 + 37 * at} metres high.") for at in range(40)
    ]
    assert metric_for(Kind.WRITING, hills, ()) == Metric(MetricName.FACTS)


def test_facts_chosen_where_form_led_are_those_that_inputs_lack() -> None:
    form = Metric(MetricName.FORM_AND_FACTS, carries=True)
    assert chosen_metric(Kind.WRITING, form, "facts", ()).carries is False
    assert chosen_metric(Kind.WRITING, form, "form", ()).carries is True
    assert chosen_metric(Kind.WRITING, Metric(MetricName.FACTS_AND_FORM, carries=True), "facts", ()).carries is True
