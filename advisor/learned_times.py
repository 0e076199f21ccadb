"""How far estimates were off in finished runs on this machine, and the range that this gives for the next run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from advisor.pairing import strategy_of
from advisor.plan import BASELINES_STEP, CURVES_STEP
from strategies.registry import DECLARATIONS

RECENT = 8  # finished steps of one kind: older ones may be of another version or another load
# The spread of log(actual / estimated) before anything is learned, and how many finished steps it counts as. It is the
# root mean square over 43 steps that were measured on machines of two cores (docs/benchmarks.md and the sample report;
# tests/advisor/test_learned_times.py lists them). 80 % of actual times are then expected between 0.66 and 1.5 times the
# estimate; of these 43 it is 84 %.
_USUAL_SPREAD = 0.33
_USUAL_WEIGHT = 2
_Z = 1.28  # 80 % of a normal distribution


@dataclass(frozen=True, slots=True)
class PastStep:
    """A finished step: its seconds, and those that its run's timing of the machine gave before."""

    step: str
    timed: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StepTime:
    """Estimated seconds of a step: `timed` from the timing of the machine alone, the others learned from finished runs.
    About 80 % of steps should end between `low` and `high`."""

    timed: float
    likely: float
    low: float
    high: float

    def scaled(self, share: float, more: float) -> StepTime:
        """The time of this share of it, and so many seconds more."""
        return StepTime(*(share * each + more for each in (self.timed, self.likely, self.low, self.high)))

    def followed_by(self, other: StepTime) -> StepTime:
        """The time of both, one after the other."""
        return StepTime(
            self.timed + other.timed, self.likely + other.likely, self.low + other.low, self.high + other.high
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """The usual ratio of actual to estimated seconds, its range, and the number of finished steps behind it."""

    ratio: float
    low: float
    high: float
    steps: int


def kind_of_work(step: str) -> str:
    """Steps of a kind do the same work, so that they are off by the same ratio."""
    if step in (BASELINES_STEP, CURVES_STEP):
        return step
    declared = DECLARATIONS[strategy_of(step)]
    if declared.trains:
        return f"training, {declared.trains}"
    return "looking up" if declared.looks_up else "prompting"


def correction(ratios: Sequence[float]) -> Correction:
    """What these ratios, the newest first, say about the next one."""
    recent = ratios[:RECENT]
    middle = median(recent) if recent else 1.0
    squares = _USUAL_WEIGHT * _USUAL_SPREAD**2 + sum(math.log(ratio / middle) ** 2 for ratio in recent)
    spread = math.exp(_Z * math.sqrt(squares / (_USUAL_WEIGHT + len(recent))))
    return Correction(middle, middle / spread, middle * spread, len(recent))


def estimate_times(timed: Mapping[str, float], past: Iterable[PastStep]) -> dict[str, StepTime]:
    """The range of each step, by name. `past` has the newest step first."""
    ratios: dict[str, list[float]] = {}
    for one in past:
        if (
            one.timed > 0
            and one.seconds > 0
            and (strategy_of(one.step) in DECLARATIONS or one.step in (BASELINES_STEP, CURVES_STEP))
        ):
            ratios.setdefault(kind_of_work(one.step), []).append(one.seconds / one.timed)
    found = {}
    for step, seconds in timed.items():
        learned = correction(ratios.get(kind_of_work(step), ()))
        found[step] = StepTime(seconds, learned.ratio * seconds, learned.low * seconds, learned.high * seconds)
    return found
