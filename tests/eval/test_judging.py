"""A judge with planted errors: its agreement with a person is recovered, and its rulings are corrected for them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest

from eval.blind.pairs import Choice
from eval.judging.agreement import agreement
from eval.judging.corrected import corrected
from eval.judging.question import question, read_reply, rubric
from eval.judging.ruling import Ballot, Ruling, Side, ruling_of
from eval.task import Example, Kind, Metric, Task

LEFT, RIGHT, TIE = Ruling
RUNS = 80
FLIPS, FIRST = 0.2, 0.7  # how often a judge is wrong about a better side, and says "first" where none is


def says(random: Random, truth: Ruling, first: Ruling) -> Side:
    """What the judge says of a pair whose answer on the side `first` is shown first."""
    if truth is TIE:
        return Side.FIRST if random.random() < FIRST else Side.SECOND
    is_first = (truth is first) != (random.random() < FLIPS)
    return Side.FIRST if is_first else Side.SECOND


def cast(random: Random, shares: Sequence[float], pairs: int) -> list[tuple[Ruling, Ballot]]:
    """The truth and the judge's ballot on each pair."""
    return [
        (truth, Ballot("judge", "", "", "", says(random, truth, LEFT), says(random, truth, RIGHT)))
        for truth in random.choices(list(Ruling), shares, k=pairs)
    ]


def ruled(ballots: Sequence[tuple[Ruling, Ballot]]) -> list[tuple[Ruling, Ruling]]:
    """The truth and the judge's ruling on each pair."""
    return [(truth, ballot.ruling) for truth, ballot in ballots if ballot.ruling is not None]


def rulings(random: Random, shares: Sequence[float], pairs: int) -> list[tuple[Ruling, Ruling]]:
    return ruled(cast(random, shares, pairs))


def test_a_side_wins_only_if_it_wins_in_both_orders() -> None:
    def ruled(one: Side | None, other: Side | None) -> Ballot:
        return Ballot("judge", "", "", "", one, other)

    assert ruled(Side.FIRST, Side.SECOND).ruling is LEFT
    assert ruled(Side.SECOND, Side.FIRST).ruling is RIGHT
    assert ruled(Side.FIRST, Side.FIRST).ruling is TIE and ruled(Side.FIRST, Side.FIRST).follows_position
    assert ruled(Side.TIE, Side.FIRST).ruling is TIE and not ruled(Side.TIE, Side.TIE).follows_position
    assert ruled(None, Side.FIRST).ruling is None
    assert [ruling_of(choice) for choice in Choice] == [LEFT, RIGHT, TIE, TIE]


def test_kappa_is_cohens_and_its_interval_holds_it() -> None:
    person = [LEFT] * 20 + [RIGHT] * 20 + [TIE] * 10
    judge = [LEFT] * 15 + [RIGHT] * 5 + [RIGHT] * 16 + [LEFT] * 4 + [TIE] * 5 + [LEFT] * 5
    found = agreement(person, judge)
    assert found.kappa == pytest.approx((0.72 - 0.38) / (1 - 0.38))  # .4 · .48 + .4 · .42 + .2 · .1 is chance
    assert found.same == pytest.approx(0.72)
    assert found.kappa and 0.25 < found.low < found.kappa < found.high < 0.8
    alike = agreement([LEFT] * 6, [LEFT] * 6)
    assert alike.kappa is None and alike.same == 1
    few = agreement([LEFT, RIGHT, LEFT, RIGHT, LEFT], [LEFT, RIGHT, LEFT, RIGHT, LEFT])
    assert few.kappa == 1 and few.low < 0.8  # five pairs promise little
    with pytest.raises(ValueError, match="same pairs"):
        agreement([LEFT], [])


def test_kappa_of_a_judge_with_planted_errors_is_recovered() -> None:
    wanted = agreement(*zip(*rulings(Random(0), (0.4, 0.4, 0.2), 20_000), strict=True)).kappa
    assert wanted is not None
    held = 0
    for seed in range(200):
        found = agreement(*zip(*rulings(Random(seed + 1), (0.4, 0.4, 0.2), 60), strict=True))
        held += found.low <= wanted <= found.high
    assert 0.93 <= held / 200 <= 0.985


def test_corrected_intervals_cover_the_truth_as_often_as_they_say() -> None:
    covered, shares = 0, (0.5, 0.3, 0.2)
    ruled = 0.0
    for seed in range(RUNS):
        pairs = rulings(Random(seed), shares, 200)
        found = corrected(pairs[:40], [ruling for _, ruling in pairs[40:]])
        covered += found.low <= shares[0] - shares[1] <= found.high
        ruled += found.as_ruled / RUNS
    assert 0.89 <= covered / RUNS <= 0.99  # of 500 runs, 93 to 97 %: `make bench NAMES=judge`
    assert ruled < 0.75 * (shares[0] - shares[1])  # by its rulings alone, the lead looks much smaller


def test_pairs_of_other_candidates_show_the_errors_of_the_judge_too() -> None:
    pairs = rulings(Random(3), (0.6, 0.2, 0.2), 200)
    others = rulings(Random(4), (0.3, 0.3, 0.4), 60)
    alone = [ruling for _, ruling in pairs]
    without, found = corrected([], alone), corrected([], alone, others)
    assert found.high - found.low < without.high - without.low
    assert found.low <= 0.4 <= found.high and found.checked == 60
    assert without.low < 0 < without.high  # nobody has checked this judge: it might be wrong more often than right
    with pytest.raises(ValueError, match="no rulings"):
        corrected([], [], others)


@pytest.mark.parametrize(
    ("reply", "side"),
    [
        (" b.", Side.SECOND),
        ("**B**", Side.SECOND),
        ("Tie", Side.TIE),
        ("[[A]]", Side.FIRST),
        ('{"better": "B"}', Side.SECOND),
        ("Answer A is better because it names the date.", Side.FIRST),
        ("Answer A is better because answer B invents a date.", Side.FIRST),
        ("A names a year that B lacks.\n\nVerdict: B", Side.SECOND),
        ("Both state the year, but only one the place.\n**A**", Side.FIRST),
        ("Neither.", Side.TIE),
        ("It depends on a detail.", None),
        ("A good question.", None),
        ("A or B", None),
        ("A is worse than B.", None),
        ("The better answer is A or B.", None),
        ("A", Side.FIRST),
        ("a", Side.FIRST),
        ("A wins over B.", Side.FIRST),
        ("B. It has the right number.", Side.SECOND),
        ("The better answer is A.", Side.FIRST),
        ("xq A zr ü b", None),
        ("", None),
    ],
)
def test_replies_are_read(reply: str, side: Side | None) -> None:
    assert read_reply(reply) is side


def test_the_question_shows_both_answers_in_order_with_what_counts() -> None:
    task = Task("hours", Kind.ANSWERING, "Answer from the handbook.", (), metric=Metric("facts", required=("o'clock",)))
    asked = question(task, Example("1", "When do you open?", "at 9 o'clock", also_right=("9:00",)), "at 8", "at 9")
    assert "Answer from the handbook." in asked.instruction and "o'clock" in asked.instruction
    assert "Wording, tone and length don't matter." in asked.instruction
    order = [asked.pair.index(part) for part in ("When do you open?", "9 o'clock", "9:00", "at 8", "Answer B:\nat 9")]
    assert order == sorted(order)
    form = Task("style", Kind.WRITING, "", (), metric=Metric("form and facts"))
    assert rubric(form)[0].startswith("The better answer is closer to the reference answer in form")
