"""How good an answer is: numbers compared as numbers, dates as dates, facts in any words, and form where it matters."""

from eval.scoring.fields import read_json
from eval.scoring.metric import MetricName, chosen_metric, counts_facts, formula_of, meaning_of, metric_for
from eval.scoring.scorer import Score, Scorer, is_right, scorer_for, scorer_while_learning

__all__ = [
    "MetricName",
    "Score",
    "Scorer",
    "chosen_metric",
    "counts_facts",
    "formula_of",
    "is_right",
    "meaning_of",
    "metric_for",
    "read_json",
    "scorer_for",
    "scorer_while_learning",
]
