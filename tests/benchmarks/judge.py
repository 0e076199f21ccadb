"""A judge with planted errors: how often corrected 95 % intervals hold the truth, beside those of its rulings alone.

The judge says the wrong side on a share of the pairs with a better side, and prefers the first position on ties. In the
500 runs its rulings are drawn here, without a server. The last run asks a stand-in judge over HTTP through the client,
with the prompts of a real run; its `drawn alike` is the p-value of its rulings under the same errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import fmean
from typing import Any

from eval.judging.agreement import agreement
from eval.judging.corrected import corrected
from eval.judging.ruling import Ballot, Ruling
from eval.statistics.inference import paired_difference
from tests.eval.test_judging import cast, ruled
from tests.servers.stand_in_judge import (
    ballots_over_http,
    marked_pairs,
    planted_kappa,
    stand_in_judge,
    surprise,
    truth_of,
    wrong_and_first,
)

RUNS = 500
SHARES = ((0.5, 0.3, 0.2), (0.35, 0.35, 0.3), (0.7, 0.1, 0.2))  # left better, right better, ties
SIZES = ((200, 40), (200, 20), (450, 40))  # judged pairs, and how many of them a person checked


def run(full: bool) -> list[dict[str, Any]]:
    rows = [
        _row([cast(Random(f"{seed} {shares} {size[0]}"), shares, size[0]) for seed in range(RUNS)], shares, size[1])
        for size in SIZES
        for shares in (SHARES if full else SHARES[:2])
    ]
    with stand_in_judge() as (_, judge):
        pairs = marked_pairs(Random(0), SHARES[0], 1000)
        ballots = ballots_over_http(judge, pairs)
    asked = [(truth_of(pair), ballot) for pair, ballot in zip(pairs, ballots, strict=True)]
    return [*rows, {**_row([asked], SHARES[0], 40), "rulings": "asked over HTTP"}]


def _row(runs: Sequence[Sequence[tuple[Ruling, Ballot]]], shares: Sequence[float], checked: int) -> dict[str, Any]:
    held, held_alone, widths, kappas = 0, 0, 0.0, []
    truth = shares[0] - shares[1]
    for ballots in runs:
        judged = ruled(ballots)
        found = corrected(judged[:checked], [ruling for _, ruling in judged[checked:]])
        held += found.low <= truth <= found.high
        widths += (found.high - found.low) / len(runs)
        left, right = ([ruling is side for _, ruling in judged] for side in (Ruling.LEFT, Ruling.RIGHT))
        alone = paired_difference(left, right)
        held_alone += alone.low <= truth <= alone.high
        kappas.append(agreement(*zip(*judged, strict=True)).kappa or 0.0)
    every = [one for ballots in runs for one in ballots]
    wrong, first = wrong_and_first(every)
    return {
        "rulings": "drawn",
        "runs": len(runs),
        "truth": truth,
        "pairs": len(runs[0]),
        "checked": checked,
        "corrected: truth held": f"{held / len(runs):.1%}",
        "width": widths,
        "rulings alone: truth held": f"{held_alone / len(runs):.1%}",
        "kappa": fmean(kappas),
        "planted": planted_kappa([truth for truth, _ in every]),
        "reply wrong": f"{fmean(wrong):.1%}",
        "first on a tie": f"{fmean(first):.1%}",
        "drawn alike": surprise(ruled(every)),
    }
