"""The time of each stage of a strategy's setup."""

from __future__ import annotations

from collections.abc import Callable

from eval.measuring.processor_time import Spell, Stopwatch
from strategies.contract import Progress


class StageClock:
    """Times the stages of setup. The time before the first stage has a name too."""

    def __init__(self, report: Callable[[Progress], None]) -> None:
        self._report = report
        self._stage, self._watch = "getting ready", Stopwatch()
        self._spells: dict[str, list[Spell]] = {}

    def report(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.stop()
            self._stage = progress.stage
        self._report(progress)

    def stop(self) -> dict[str, float]:
        """The seconds of each stage so far."""
        self._spells.setdefault(self._stage, []).append(self._watch.read())
        self._watch = Stopwatch()
        return {stage: sum(spell.seconds for spell in spells) for stage, spells in self._spells.items()}

    def undisturbed(self) -> dict[str, float]:
        """The same on a quiet machine; empty if that isn't known."""
        known = {stage: [spell.undisturbed_seconds for spell in spells] for stage, spells in self._spells.items()}
        if any(seconds is None for spells in known.values() for seconds in spells):
            return {}
        return {stage: sum(seconds for seconds in spells if seconds) for stage, spells in known.items()}
