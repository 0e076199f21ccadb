"""Written texts that are too weak to rely on: real rows, with replies that people would call good and bad."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.schema import Recommendation
from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.outcomes import Outcome, Trial
from eval.reading.table import read_table
from eval.scoring import Scorer, scorer_for
from eval.scoring.check import ScoreCheck, check_score
from eval.splitting.split import split_task
from eval.task import Example, Kind, Metric
from tests.app import ROOT

_ENDING = "The lamp is lit for you. — The Salt Lantern"
GOOD = {
    "left a 5 star review": "Dear Rollo, A five star review warms the house better than any fire, and we were glad to "
    "bring you in from the rain. The keepers will raise a glass to you this evening at 8 o'clock.",
    "This afternoon someone came in": "Dear Hamish Orrin, A cold bath and a red face are no way to spend an "
    "afternoon, and the house begs your pardon. The keepers will knock twice from now on, and come only at 3 o'clock.",
    "I want to leave flowers": "Dear Wolfram, The house remembers the Margery Dove and all who sailed in her, and is "
    "honoured to help. A wreath from the garden will be ready for your grandfather by Thursday morning.",
    "supper was 45 minutes late": "Dear guest, A supper without potatoes is a ship without sails, and the house is "
    "sorry for yours. Tomorrow at 7 o'clock a double helping will be brought to your table before anything else.",
    "do you keep lost stuff": "Dear guest, A book left behind is a guest who stayed on, and the house keeps lost "
    "things for a year. The keepers will search the shelves and write to you by Tuesday morning.",
    "is there music in the bar": "Dear guest, No sailor should be kept from sleep by a fiddle, and the house is sorry "
    "for the noise beneath you. The bar falls silent at 11 o'clock, and a quieter cabin is yours from tomorrow.",
    "Kindly send an invoice": "Dear Winifred Ashlock, An invoice is the driest of letters, but the house will write "
    "yours with care and set the tax apart. It will reach your employer by Monday noon.",
    "do u have ev charger": "Dear guest, Even iron horses must drink, and the house keeps two chargers by the "
    "mainland car park. Tell us your hour of arrival by Friday noon and one will be held for you.",
}


@pytest.fixture(scope="module")
def house_style() -> tuple[Scorer, ScoreCheck, dict[str, Example], list[str]]:
    """How the replies are scored, the rows that have a good reply above, by its beginning, and other rows' replies."""
    path = ROOT / "examples" / "house_style_replies.csv"
    table = read_table(path.name, path.read_bytes())
    task = build_task(table, guess_columns(table, []), kind=None, name=path.name).task
    rows = {start: next(row for row in task.examples if row.input.startswith(start)) for start in GOOD}
    split = split_task(task, 0)
    scorer = scorer_for(task, split)
    check = check_score(scorer, split.train, (), 0)
    assert check is not None
    others = [row.target for row in task.examples if row not in rows.values()]
    return scorer, check, rows, others


def verdict(
    scorer: Scorer, check: ScoreCheck | None, rows: Mapping[str, Example], texts: Mapping[str, str]
) -> Recommendation:
    outcomes = []
    for start, row in rows.items():
        score = scorer.score(texts[start], row)
        outcomes.append(Outcome(row.id, "prompting", texts[start], score.value, score.parts, 50, 40, seconds=1.0))
    trial = Trial("prompting", "done", outcomes=tuple(outcomes), fit_seconds=1.0, metric=scorer.metric.name)
    return recommend([trial], Priorities(), Kind.WRITING, check=check)


def test_good_replies_in_other_words_are_reliable_and_replies_to_other_messages_are_not(
    house_style: tuple[Scorer, ScoreCheck, dict[str, Example], list[str]],
) -> None:
    scorer, check, rows, others = house_style
    assert scorer.metric.name == "form and facts"
    good = verdict(scorer, check, rows, {start: f"{text} {_ENDING}" for start, text in GOOD.items()})
    assert good.headline == "First guess: use prompting."
    weak = {
        "of other messages": dict(zip(GOOD, others, strict=False)),
        "form alone": {start: f"{row.target.split(',')[0]}, {_ENDING}" for start, row in rows.items()},
        "the message repeated": {start: row.input for start, row in rows.items()},
        "nothing": dict.fromkeys(GOOD, ""),
    }
    for what, texts in weak.items():
        got = verdict(scorer, check, rows, texts)
        assert got.headline == "Nothing answers reliably yet. If you need to start now, use prompting.", what
        assert any("An answer taken from another row scores .29" in caveat for caveat in got.caveats), what
    unknown = verdict(scorer, None, rows, weak["nothing"])
    assert unknown.headline == "First guess: use prompting.", "nobody knows what wrong replies score"


def test_texts_that_lose_most_facts_are_unreliable_whatever_they_score() -> None:
    rows = {
        str(n): Example(
            f"r{n}", f"When does ferry {n} leave?", f"Ferry {n}0{n} leaves pier {n + 3} on {day} at {n + 8}:30."
        )
        for n, day in enumerate(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], 1)
    }
    scorer = Scorer(Kind.WRITING, Metric("facts"), list(rows.values()))
    right = verdict(scorer, None, rows, {n: f"It is {row.target[:-1]}, as usual." for n, row in rows.items()})
    assert right.headline == "First guess: use prompting."
    vague = verdict(scorer, None, rows, dict.fromkeys(rows, "The ferry leaves in the morning."))
    assert vague.headline.startswith("Nothing answers reliably yet.")
    assert any(
        one.startswith("Prompting loses at least half of the expected facts in 5 of 5 texts.") for one in vague.caveats
    )
