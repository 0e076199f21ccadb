"""Which pairs a person compares, and what their clicks say, worked out by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import pytest
from scipy.stats import beta, binomtest

from eval.blind.pairs import Answer, Choice, Click, Pair, next_pair, pairs_of_corruptions, pairs_of_trials
from eval.blind.verdict import Judged, agreement, judge, personal_verdict
from eval.outcomes import Outcome, Trial
from eval.scoring import Scorer
from eval.scoring.corruptions import Corruption
from eval.task import Example, Kind

STRATEGIES = ("prompting", "prompting_examples", "retrieval", "finetuning")
PREFERRED = ("retrieval", "prompting")
ROWS = [Example(f"r{i}", f"Question {i}?", f"Answer {i}") for i in range(40)]


def trial(strategy: str, texts: Sequence[str], rows: Sequence[Example] = ROWS) -> Trial:
    outcomes = (
        Outcome(row.id, strategy, text, float(text == row.target), {}, 1, 1)
        for row, text in zip(rows, texts, strict=True)
    )
    return Trial(strategy, "done", outcomes=tuple(outcomes))


def four_trials() -> list[Trial]:
    return [trial(name, [f"{name} says {i}" for i in range(40)]) for name in STRATEGIES]


def drawn(pairs: Sequence[Pair], seed: int = 0, prefer: Sequence[str] = PREFERRED) -> Iterator[Pair]:
    """As they come to a person who clicks."""
    clicked: set[tuple[str, str, str]] = set()
    while (pair := next_pair(pairs, clicked, seed, prefer)) is not None:
        clicked.add(pair.key)
        yield pair


def click(pair: Pair, choice: Choice, asked_in: str = "run") -> Click:
    return Click(pair.input, pair.left.text, pair.right.text, choice, "2025-01-31T12:00:00+00:00", asked_in)


def judged(choice: Choice, left: float, right: float, row: int, writers: tuple[str, str] = ("a", "b")) -> Judged:
    answers = (Answer(name, f"{name} {row}", score) for name, score in zip(writers, (left, right), strict=True))
    return Judged(Pair(f"r{row}", f"row r{row}", f"Question {row}?", "", *answers), choice)


def test_the_same_seed_draws_the_same_pairs_and_another_one_others() -> None:
    first, again = (list(drawn(pairs_of_trials(four_trials(), ROWS, 0))) for _ in range(2))
    assert first == again
    assert first != list(drawn(pairs_of_trials(four_trials(), ROWS, 1), 1))


def test_every_two_strategies_come_equally_often_wherever_the_person_stops() -> None:
    pairs = list(drawn(pairs_of_trials(four_trials(), ROWS, 0)))
    assert len(pairs) == 20 and len({pair.example_id for pair in pairs}) == 20
    times: Counter[tuple[str, ...]] = Counter({tuple(sorted(two)): 0 for two in combinations(STRATEGIES, 2)})
    for pair in pairs:
        times[pair.writers] += 1
        assert max(times.values()) - min(times.values()) <= 1
    oftener = [two for two, count in times.items() if count == 4]
    assert ("prompting", "retrieval") in oftener
    assert len(oftener) == 2 and all("retrieval" in two for two in oftener)


def test_either_side_hides_either_strategy() -> None:
    lefts = Counter(pair.left.writer for pair in pairs_of_trials(four_trials()[:2], ROWS, 0))
    assert set(lefts) == set(STRATEGIES[:2]) and min(lefts.values()) >= 10


@pytest.mark.parametrize(("left", "right", "is_shown"), [
    ("Paris", " paris. ", False), ("5", "-5", True), ("1.5", "15", True), ("", "Paris", True), ("C", "C++", True),
])  # fmt: skip
def test_only_answers_that_differ_are_shown(left: str, right: str, is_shown: bool) -> None:
    rows = ROWS[:1]
    pairs = pairs_of_trials([trial("prompting", [left], rows), trial("retrieval", [right], rows)], rows, 0)
    assert bool(pairs) is is_shown


def test_an_undone_click_brings_the_same_pair_back() -> None:
    pairs = pairs_of_trials(four_trials(), ROWS, 0)
    first, second, third, *_ = drawn(pairs)
    assert next_pair(pairs, {first.key, second.key}, 0, PREFERRED) == third
    assert next_pair(pairs, {first.key}, 0, PREFERRED) == second


def test_with_earlier_clicks_fewer_pairs_are_asked_and_turns_stay_even() -> None:
    pairs = pairs_of_trials(four_trials(), ROWS, 0)
    earlier = {pair.key for pair in pairs if pair.writers == ("prompting", "retrieval")}
    asked, clicked = [], set(list(earlier)[:5])
    while (pair := next_pair(pairs, clicked, 0, PREFERRED)) is not None:
        clicked.add(pair.key)
        asked.append(pair)
    assert len(asked) == 15 and set(Counter(pair.writers for pair in asked).values()) == {3}


def test_right_answers_before_a_run_cannot_be_told_from_corrupted_ones_by_their_form() -> None:
    facts = [
        ("Orinda", "1998", "Riga"),
        ("Velto", "2004", "Porto"),
        ("Kestrel", "1987", "Turin"),
        ("Ambra", "2011", "Ghent"),
    ]
    rows = [
        Example(f"r{i}", f"When and where was {name} founded?", f"{name} was founded in {year}. It began in {city}.")
        for i, (name, year, city) in enumerate(facts * 3)
    ]  # fmt: skip
    pairs = pairs_of_corruptions(Scorer(Kind.ANSWERING, None, rows, (), rows), rows, 0)
    assert {Corruption.CHANGED_NUMBER, Corruption.REFUSAL, Corruption.QUESTION} <= {
        name for pair in pairs for name in pair.writers
    }
    for pair in pairs:
        assert Corruption.OTHER_WORDS in pair.writers
        assert pair.left.text.split(":")[0] == pair.right.text.split(":")[0] == "As far as I can see"
    right, wrong = zip(
        *(
            sorted((pair.left, pair.right), key=lambda answer: answer.writer != Corruption.OTHER_WORDS)
            for pair in pairs
            if Corruption.CHANGED_NUMBER in pair.writers
        ),
        strict=True,
    )
    assert min(answer.score for answer in right) > max(answer.score for answer in wrong)


def test_a_click_holds_in_another_run_whichever_side_the_texts_are_on() -> None:
    texts = ["Riga", "Porto"], ["Turin", "Ghent"]
    rows = ROWS[:2]
    first = pairs_of_trials([trial("prompting", texts[0], rows), trial("retrieval", texts[1], rows)], rows, 0)
    clicks = [click(pair, Choice.LEFT) for pair in first]
    for seed in range(4):
        again = pairs_of_trials([trial("prompting", texts[0], rows), trial("finetuning", texts[1], rows)], rows, seed)
        liked = {one.pair.input: one.preferred[0].text for one in judge(again, clicks) if one.preferred}
        assert liked == {pair.input: pair.left.text for pair in first}
    changed = pairs_of_trials(
        [trial("prompting", texts[0], rows), trial("retrieval", ["Bonn", "Ghent"], rows)], rows, 0
    )
    assert [one.pair.example_id for one in judge(changed, clicks)] == ["r1"]


def test_the_later_click_on_the_same_texts_holds_and_counts_for_all_who_wrote_them() -> None:
    rows = ROWS[:1]
    same = [
        trial("prompting", ["Riga"], rows),
        trial("finetuning", ["Riga"], rows),
        trial("retrieval", ["Turin"], rows),
    ]
    pairs = pairs_of_trials(same, rows, 0)
    on_riga = Choice.LEFT if pairs[0].left.text == "Riga" else Choice.RIGHT
    found = judge(pairs, [click(pairs[0], Choice.NEITHER), click(pairs[0], on_riga)])
    verdict = personal_verdict(found)
    assert len(found) == 2 and verdict.pairs == 1
    assert {one.writer: one.right.mean for one in verdict.by_writer} == {
        "prompting": 1,
        "finetuning": 1,
        "retrieval": 0,
    }
    assert next_pair(pairs, {pairs[0].key}, 0) is None


def test_agreement_has_the_range_of_wilson_and_a_tie_counts_half() -> None:
    clicks = [judged(Choice.LEFT, 0.9, 0.1, row) for row in range(15)]
    clicks += [judged(Choice.RIGHT, 0.9, 0.1, row) for row in (15, 16)]
    clicks += [judged(Choice.BOTH, 0.9, 0.1, 17), judged(Choice.NEITHER, 0.9, 0.1, 18)]
    found = agreement(clicks)
    expected = binomtest(15, 17).proportion_ci(method="wilson")
    assert found is not None and found.n == 17
    assert (found.mean, found.low, found.high) == pytest.approx((15 / 17, expected.low, expected.high))
    assert (round(100 * found.low), round(100 * found.high)) == (66, 97)
    tied = agreement([judged(Choice.LEFT, 0.5, 0.5, 0), judged(Choice.RIGHT, 0.1, 0.2, 1)])
    assert tied is not None and tied.mean == 0.75
    assert agreement([judged(Choice.BOTH, 1.0, 1.0, 0)]) is None


def test_the_verdict_by_clicks() -> None:
    """b wins 12 of 16 rows, both are right on 2, none on 2; the score prefers a throughout."""
    clicks = [judged(Choice.RIGHT, 0.9, 0.2, row) for row in range(12)]
    clicks += [judged(Choice.LEFT, 0.9, 0.2, row) for row in range(12, 16)]
    clicks += [judged(Choice.BOTH, 0.8, 0.6, row) for row in (16, 17)]
    clicks += [judged(Choice.NEITHER, 0.4, 0.2, row) for row in (18, 19)]
    found = personal_verdict(clicks, choice="a")
    b, a = found.by_writer
    assert (b.writer, a.writer) == ("b", "a")
    assert (b.right.mean * 20, a.right.mean * 20) == pytest.approx((14, 6))
    wilson = binomtest(14, 20).proportion_ci(method="wilson")
    assert (b.right.low, b.right.high) == pytest.approx((wilson.low, wilson.high))
    assert b.score == pytest.approx((16 * 0.2 + 2 * 0.6 + 2 * 0.2) / 20)
    assert found.both is not None and found.neither is not None
    assert (found.both.mean, found.both.n, found.neither.mean, found.neither.n) == pytest.approx((0.7, 4, 0.3, 4))
    assert found.agreement is not None and found.agreement.mean == 0.25 and found.is_blind
    assert found.lead is not None and (found.lead.writer, found.lead.other) == ("b", "a")
    assert found.lead.difference == pytest.approx(8 / 20)


def test_the_range_of_a_lead_is_that_of_the_bayesian_bootstrap() -> None:
    """With one winner a row, the share that b wins is Beta(wins + 1, losses + 1), the imagined rows counted."""
    clicks = [judged(Choice.RIGHT, 0, 0, row) for row in range(15)] + [
        judged(Choice.LEFT, 0, 0, row) for row in (15, 16)
    ]
    lead = personal_verdict(clicks, choice="b").lead
    low, high = (2 * beta.ppf(share, 16, 3) - 1 for share in (0.025, 0.975))
    assert lead is not None and (lead.writer, lead.other) == ("b", "a")
    assert (lead.low, lead.high) == pytest.approx((low, high), abs=0.02)


def test_a_lead_is_over_the_choice_of_the_score_and_few_clicks_settle_nothing() -> None:
    clicks = [judged(Choice.RIGHT, 1, 0, 0, ("a", "b")), judged(Choice.RIGHT, 1, 0, 1, ("b", "c"))]
    clicks.append(judged(Choice.RIGHT, 1, 0, 2, ("a", "c")))
    lead = personal_verdict(clicks, choice="a").lead
    assert lead is not None and (lead.writer, lead.other) == ("c", "a") and lead.low < 0 < lead.high
    assert [one.writer for one in personal_verdict(clicks, choice="a").by_writer] == ["c", "b", "a"]
    assert personal_verdict([]).lead is None


@pytest.mark.parametrize(("agreeing", "of", "is_blind"), [
    (0, 4, False), (0, 5, True), (2, 5, True), (3, 5, False), (9, 15, False), (8, 15, True), (17, 17, False),
])  # fmt: skip
def test_a_score_is_blind_where_its_agreement_is_surely_below_80_of_100(agreeing: int, of: int, is_blind: bool) -> None:
    clicks = [judged(Choice.LEFT if row < agreeing else Choice.RIGHT, 1, 0, row) for row in range(of)]
    found = personal_verdict(clicks)
    assert found.is_blind is is_blind
    assert found.agreement is not None and found.is_blind is (of >= 5 and found.agreement.high < 0.8)
