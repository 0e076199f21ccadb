"""How the verdict differs by model: what would be recommended with each model of a run alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from advisor.decision.recommendation import choice_among
from advisor.pairing import model_in
from advisor.plan import Priorities
from advisor.schema import ByModel, Judgement, OfModel
from eval.outcomes import Trial


def by_model(
    judged: Judgement,
    trials: Sequence[Trial],
    priorities: Priorities,
    sizes: Mapping[str, float],
    is_doubtful: bool,
) -> ByModel | None:
    """None for a run with one model. `sizes` are the parameters of those models whose size is known, by their name in
    the report. `is_doubtful` says that the score is, and then no evidence is more than weak."""
    models = {one.id: one.model for one in judged.candidates}
    if len(set(models.values())) < 2:
        return None
    of_each = []
    for model in dict.fromkeys(models.values()):
        own = [trial for trial in trials if models.get(trial.strategy) == model]
        taken = choice_among(own, priorities)
        confidence = taken.confidence if taken else "none"
        if is_doubtful and confidence in ("strong", "moderate"):
            confidence = "weak"
        short = next(name for one in own if (name := model_in(one.strategy)))
        of_each.append(OfModel(model, short, sizes.get(model), taken.name if taken else None, confidence))
    return ByModel(tuple(of_each))
