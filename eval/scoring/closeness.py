"""Numbers and ratings: how far an answer is from the expected one, on the scale of the task."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite

import numpy as np

from eval.outcomes import Outcome
from eval.reading.decoding import number
from eval.scoring.numbers import find_quantities
from eval.statistics.reweighted import Average, averages

MOST_RATINGS = 11  # different numbers, as from 0 to 10; more are written instead of chosen
NEAR_SHARE = 0.05  # an amount is right if it is at most this share of itself off
_OUTER_SHARE = 0.05  # of the training rows at either end, whose values don't widen the scale
_SIGNS_AROUND = " .,;:%()[]*"
_LARGEST = 1e300  # of the numbers that a scale is made of, so that their differences stay finite
_OUT_OF = re.compile(
    r"(\d+(?:[.,]\d+)?)\s*(?:/|(?:out of|of|von|sur|de|su|van|из)\s)\s*(\d+)(?:\s*[^\W\d_]+)?", re.IGNORECASE
)


def number_in(text: str) -> float | None:
    """The first number in a text, None if it has none or one too large to compute with."""
    value = number(text.strip())
    if value is None and (found := next(find_quantities(text), None)):
        with suppress(OverflowError):
            value = float(found[1].value)
    return value if value is not None and isfinite(value) else None


def number_text(value: float) -> str:
    """A number as an answer: two decimals, or the first digits of a small one."""
    written = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.6f}"
    return written.rstrip("0").rstrip(".") if float(written) else "0"


def is_number(text: str) -> bool:
    """Whether a text is one number, perhaps with a unit, and nothing else."""
    text = text.strip()
    if (value := number(text)) is not None:
        return isfinite(value)
    found = list(find_quantities(text)) if any(map(str.isdigit, text)) else []
    if len(found) != 1:
        return False
    (start, end), quantity = found[0]
    rest = (text[:start] + text[end:]).strip(_SIGNS_AROUND)
    return not rest or (not quantity.unit and len(rest.split()) == 1 and rest.isalpha())  # "4 stars"


def without_highest(texts: Sequence[str]) -> list[str]:
    """Ratings such as "4/5" and "4 out of 5" without the highest one, if all name the same: 4 isn't meant as 0.8.
    Fractions with several denominators stay as they are."""
    found = [_OUT_OF.fullmatch(text.strip()) for text in texts]
    highest = {each[2] for each in found if each}
    if len(highest) != 1 or any(each and (number(each[1]) or 0.0) > float(each[2]) for each in found):
        return list(texts)
    return [each[1] if each else text for each, text in zip(found, texts, strict=True)]


def have_one_unit(texts: Iterable[str]) -> bool:
    """Whether these numbers can be compared as they stand: "2 h" and "90 min" can't."""
    units = {quantity.unit for text in texts if number(text.strip()) is None for _, quantity in find_quantities(text)}
    return len(units - {""}) < 2


def by_value(labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(labels, key=lambda label: (number_in(label) or 0.0, label)))


@dataclass(frozen=True, slots=True)
class Scale:
    """What an error is measured against.

    `width`: the error from which an answer scores 0. `values`: the possible ratings in order, empty for amounts.
    """

    width: float
    values: tuple[float, ...] = ()

    @staticmethod
    def of(targets: Sequence[str]) -> Scale:
        """Of these training answers: the range of ratings; for amounts that of the middle 90 %, because a few huge ones
        would make every error look small."""
        numbers = np.array([value for target in targets if (value := number_in(target)) is not None] or [0.0])
        numbers = numbers.clip(-_LARGEST, _LARGEST)
        values = np.unique(numbers)
        if 1 < len(values) <= MOST_RATINGS:
            return Scale(float(values[-1] - values[0]), tuple(values.tolist()))
        low, high = np.quantile(numbers, [_OUTER_SHARE, 1 - _OUTER_SHARE])
        return Scale(float(high - low) or float(np.abs(numbers).max()) or 1.0)

    def closeness(self, given: float, expected: float) -> float:
        """1 for no error, falling to 0 at an error of `width`."""
        return max(0.0, 1 - abs(given - expected) / self.width)

    def is_right(self, given: float, expected: float) -> bool:
        """Whether the nearest rating is the expected one; an amount may be `NEAR_SHARE` off."""
        if self.values:
            return self.nearest(given) == self.nearest(expected)
        return abs(given - expected) <= NEAR_SHARE * abs(expected)

    def is_within_one(self, given: float, expected: float) -> bool:
        """Whether the nearest rating is the expected one or a neighbour of it. Ratings only."""
        return abs(self.values.index(self.nearest(given)) - self.values.index(self.nearest(expected))) <= 1

    def nearest(self, value: float) -> float:
        return min(self.values, key=lambda rating: (abs(rating - value), rating))


def mean_error(outcomes: Sequence[Outcome], groups: Sequence[str]) -> Average | None:
    """The mean absolute error of the answers that hold a number, in the task's own unit. None if there are none."""
    numbers = [(number_in("" if one.error else one.text), number_in(one.expected or "")) for one in outcomes]
    found = [
        (abs(given - expected), group)
        for (given, expected), group in zip(numbers, groups, strict=True)
        if given is not None and expected is not None
    ]
    if not found:
        return None
    errors = np.array([error for error, _ in found])
    (error,) = averages(
        lambda weights: (weights @ errors / weights.sum(axis=1))[:, None], len(found), [group for _, group in found]
    )
    return error
