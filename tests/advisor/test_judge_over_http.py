"""A judge behind a server, with planted errors: asked as a run asks it, its errors are found again."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest

from advisor.report.judged import judges_of
from eval.blind.pairs import Choice, Click, Pair
from eval.judging.ruling import Ballot, Ruling
from tests.eval.test_judging import FIRST, FLIPS, ruled, rulings
from tests.servers.stand_in_judge import (
    NAME,
    ballots_over_http,
    marked_pairs,
    planted_kappa,
    stand_in_judge,
    surprise,
    truth_of,
    wrong_and_first,
)

PAIRS, CLICKED, SHARES = 300, 200, (0.5, 0.3, 0.2)
CLICK = {Ruling.LEFT: Choice.LEFT, Ruling.RIGHT: Choice.RIGHT, Ruling.TIE: Choice.BOTH}


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return marked_pairs(Random(0), SHARES, PAIRS)


@pytest.fixture(scope="module")
def ballots(pairs: list[Pair]) -> list[Ballot]:
    with stand_in_judge() as (server, judge):
        before = server.seen
        found = ballots_over_http(judge, pairs)
        assert server.seen - before == 2 * PAIRS  # each pair in both orders
        assert ballots_over_http(judge, pairs[:8]) == found[:8]  # a question asked again gets the same reply
    return found


def test_the_errors_of_a_judge_behind_a_server_are_measured(pairs: list[Pair], ballots: list[Ballot]) -> None:
    truths = [truth_of(pair) for pair in pairs]
    clicks = [
        Click(pair.input, pair.left.text, pair.right.text, CLICK[truth], "2026-01-01", "run")
        for pair, truth in zip(pairs[:CLICKED], truths, strict=False)
    ]
    (found,) = judges_of(pairs, ballots, clicks, "retrieval", ())
    assert (found.model, found.pairs, found.unread) == (NAME, PAIRS, 0)

    assert found.agreement is not None and found.agreement.pairs == CLICKED
    assert found.agreement.low <= planted_kappa(truths[:CLICKED]) <= found.agreement.high
    assert found.agreement.high - found.agreement.low < 0.25
    assert found.right is not None
    usual, worst, best = (1 - right**0.5 for right in found.right)  # right in both orders: .8 · .8
    assert best <= FLIPS <= worst and usual == pytest.approx(FLIPS, abs=0.05)
    (lead,) = found.against
    assert lead.low is not None and lead.high is not None and lead.corrected is not None
    assert lead.low <= SHARES[0] - SHARES[1] <= lead.high and lead.corrected > lead.as_ruled

    asked = list(zip(truths, ballots, strict=True))
    wrong, first = wrong_and_first(asked)
    assert fmean(wrong) == pytest.approx(FLIPS, abs=0.05) and fmean(first) == pytest.approx(FIRST, abs=0.12)
    of_ties = [ballot.follows_position for truth, ballot in asked if truth is Ruling.TIE]
    others = [ballot.follows_position for truth, ballot in asked if truth is not Ruling.TIE]
    assert fmean(of_ties) > 0.45 > 0.4 > fmean(others)  # .7² + .3² by its preference, 2 · .8 · .2 by its errors
    assert found.follows_position == pytest.approx(fmean([*of_ties, *others]))


def test_rulings_over_http_are_drawn_as_those_of_the_simulated_runs(pairs: list[Pair], ballots: list[Ballot]) -> None:
    """So the coverage in 500 runs without a server, which the benchmark measures, is that of such a judge too."""
    asked = ruled([(truth_of(pair), ballot) for pair, ballot in zip(pairs, ballots, strict=True)])
    simulated = rulings(Random(2), SHARES, 3000)
    assert surprise(asked) > 0.01 and surprise(simulated) > 0.01
    mirrored = {Ruling.LEFT: Ruling.RIGHT, Ruling.RIGHT: Ruling.LEFT, Ruling.TIE: Ruling.TIE}
    assert surprise([(truth, mirrored[ruling]) for truth, ruling in asked]) < 1e-6  # it can tell other errors
