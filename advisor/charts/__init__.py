"""The report's charts, and for each the sentence that says what to see in it.

Every function takes a report. Strategies keep the colour and shape of `palette.py` and are named beside
their marks, so there is no legend; the background is transparent and `ink` is the colour of the words in a chart.
"""

from advisor.charts.latency import latency_chart, latency_sentence
from advisor.charts.learning_curve import curve_chart
from advisor.charts.loss import gap_sentence, loss_chart, loss_heading, loss_sentence, trained
from advisor.charts.over_time import over_time_chart
from advisor.charts.score import (
    cost_chart,
    cost_chart_sentence,
    cost_sentence,
    frontier_of,
    frontier_sentence,
    is_doubtful,
    score_chart,
    score_sentence,
)
from advisor.charts.volume import (
    FIRST,
    crossing_of_choice,
    crossing_sentences,
    later_and_earlier,
    volume_chart,
    volume_sentence,
)

__all__ = [
    "FIRST",
    "cost_chart",
    "cost_chart_sentence",
    "cost_sentence",
    "crossing_of_choice",
    "crossing_sentences",
    "curve_chart",
    "frontier_of",
    "frontier_sentence",
    "gap_sentence",
    "is_doubtful",
    "latency_chart",
    "latency_sentence",
    "later_and_earlier",
    "loss_chart",
    "loss_heading",
    "loss_sentence",
    "over_time_chart",
    "score_chart",
    "score_sentence",
    "trained",
    "volume_chart",
    "volume_sentence",
]
