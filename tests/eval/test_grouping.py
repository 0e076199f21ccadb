"""Rows of a group are one piece of evidence, and never of the same piece as a row that only looks like the group."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from advisor.measurement import paired_scores
from eval.money.costs import Terms, cost_of
from eval.money.ranges import crossing_range
from eval.outcomes import Outcome, Trial
from eval.statistics.grouping import Grouping, piece_name, piece_of


def trial(strategy: str, group: str) -> Trial:
    """Twenty rows, five of them of one group; the others have no group."""
    return Trial(
        strategy,
        "done",
        outcomes=tuple(
            Outcome(
                str(row),
                strategy,
                "yes",
                float(row % 3 > 0),
                {},
                tokens_in=1,
                tokens_out=1,
                seconds=0.1 + 0.01 * row,
                group=group if row >= 15 else None,
            )
            for row in range(20)
        ),
    )


@pytest.mark.parametrize("alike", ["7", "row 7", "group row 7"])
def test_a_group_named_like_the_id_of_another_row_is_not_that_row(alike: str) -> None:
    paired = paired_scores([trial("prompting", alike), trial("finetuning", alike)])
    assert len(set(paired.groups)) == 16
    assert paired.groups[paired.rows.index("7")] != paired.groups[paired.rows.index("17")]


@pytest.mark.parametrize("alike", ["7", "row 7", "group row 7"])
def test_the_range_of_what_wrong_answers_cost_does_not_depend_on_how_a_group_is_named(alike: str) -> None:
    terms = Terms(3.6, 1000, "USD", months=10, wrong_answer=0.01)

    def found(group: str) -> tuple[float | None, float | None]:
        trained, prompted = replace(trial("finetuning", group), fit_seconds=5000.0), trial("prompting", group)
        worse = tuple(replace(each, score=each.score / 4) for each in prompted.outcomes)
        prompted = replace(prompted, outcomes=worse, fit_seconds=0.0)
        pair = [(each, cost_of(each, terms)) for each in (trained, prompted)]
        crossing = crossing_range(pair[0], pair[1], terms, is_ranged=True)
        return crossing.low, crossing.high

    assert None not in found(alike)
    assert found(alike) == found("a customer")


def test_a_piece_is_named_after_the_first_outcome_that_kept_its_group() -> None:
    kept_none, kept = (Outcome("3", "prompting", "", 1.0, {}, 1, 1, group=group) for group in (None, "south"))
    assert piece_of(kept_none, kept) == piece_of(kept) == piece_name("9", "south")
    assert piece_of(kept_none) == piece_name("3", None)


def test_sums_and_sizes_stand_in_the_order_of_names() -> None:
    grouping = Grouping.of(4, ["b", "a", "b", "a\0"])
    assert grouping.of_row.tolist() == [2, 0, 2, 1]
    assert grouping.sizes.tolist() == [1, 1, 2]
    assert grouping.sums([1, 2, 3, 4]).tolist() == [2, 4, 4]
    assert grouping.are_groups


def test_without_groups_each_row_is_a_piece() -> None:
    grouping = Grouping.of(12, None)
    assert not grouping.are_groups
    assert grouping.sums(np.arange(12.0)).tolist() == list(range(12))


def test_groups_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="each of 3 rows, got 2"):
        Grouping.of(3, ["a", "b"])
