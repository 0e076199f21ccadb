"""The time of each stage of a strategy's setup."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from advisor.storage.files import write_whole
from eval.measuring.processor_time import Spell, Stopwatch
from eval.measuring.spared import spared_seconds
from strategies.contract import CHOOSING_TRAINING, TRAINING, TRAINING_PREFERENCES, Progress

_GOES_ON = (CHOOSING_TRAINING, TRAINING, TRAINING_PREFERENCES)  # the others begin again after a kill


class StageClock:
    """Times the stages of setup. The time before the first stage has a name too. Training that goes on from a
    checkpoint has also taken the time before it, which is in the folder `kept`, and vectors that were kept have taken
    what they took when they were computed."""

    def __init__(self, report: Callable[[Progress], None], kept: Path) -> None:
        self._report, self._kept = report, kept / "stages.json"
        self._stage, self._watch, self._spared = "getting ready", Stopwatch(), spared_seconds()
        self._spells = self._earlier()

    def report(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.stop()
            self._stage = progress.stage
        self._report(progress)

    def stop(self) -> dict[str, float]:
        """The seconds of each stage so far."""
        spell = self._watch.read().longer_by(spared_seconds() - self._spared)
        self._spells.setdefault(self._stage, []).append(spell)
        self._watch, self._spared = Stopwatch(), spared_seconds()
        return {stage: sum(spell.seconds for spell in spells) for stage, spells in self._spells.items()}

    def keep(self) -> None:
        """To be called when a checkpoint was written."""
        self.stop()
        spells = {stage: [asdict(spell) for spell in self._spells.get(stage, [])] for stage in _GOES_ON}
        write_whole(self._kept, json.dumps(spells))

    def _earlier(self) -> dict[str, list[Spell]]:
        try:
            found = json.loads(self._kept.read_bytes())
            return {stage: [Spell(**spell) for spell in spells] for stage, spells in found.items() if spells}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def undisturbed(self) -> dict[str, float]:
        """The same on a quiet machine; empty if that isn't known."""
        known = {stage: [spell.undisturbed_seconds for spell in spells] for stage, spells in self._spells.items()}
        if any(seconds is None for spells in known.values() for seconds in spells):
            return {}
        return {stage: sum(seconds for seconds in spells if seconds) for stage, spells in known.items()}
