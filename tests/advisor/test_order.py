"""What a child builds for its order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.runs.order import StepOrder, build_for
from eval.task import Brief, Kind
from strategies.instructions import Instruction
from strategies.presets import PRESETS
from strategies.training import Training

BRIEF = Brief("tiny", Kind.CLASSIFICATION, "", ("delivery", "refund"))


@pytest.mark.parametrize("model", ["", "@tiny"])
@pytest.mark.parametrize("strategy", ["finetuning", "full_finetuning", "preference_tuning"])
def test_a_training_can_try_the_instruction_that_prompting_chose_for_its_model(
    strategy: str, model: str, tmp_path: Path
) -> None:
    def found() -> Instruction | None:
        built = build_for(StepOrder(tmp_path, f"{strategy}{model}", "quick", "embedded", 0), BRIEF, PRESETS["quick"])
        assert isinstance(built, Training)
        return built.found

    fitted = tmp_path / f"prompting{model}" / "fitted"
    fitted.mkdir(parents=True)
    assert found() is None
    stored = {"settings": {"instruction": "drafted"}, "instruction": "Which of the two?", "shown": [], "answerer": {}}
    (fitted / "prompting.json").write_text(json.dumps(stored))
    assert found() == Instruction("drafted", "Which of the two?")
