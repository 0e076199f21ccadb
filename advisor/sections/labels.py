"""How well each strategy finds each label."""

from __future__ import annotations

from advisor.candidates import judged
from advisor.schema import Candidate, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Cell, Head, Row, Section, Table, of_strategies, small
from advisor.wording import count_text, in_sentence, name_of, score_text
from eval.scoring.labels import LabelRates

_MEANING = (
    "Each cell shows precision, then recall. Precision is the share of the rows given this label that should have it. "
    "Recall is the share of the rows with this label that were given it. A dash: no row was given the label."
)


def section(report: Report) -> Section | None:
    """None where answers are no labels, and for a report of an earlier version."""
    found = [one for one in judged(report) if one.labels]
    if not found:
        return None
    rates = [{each.label: each for each in one.labels} for one in found]
    rows = tuple(
        Row(each.label, (Cell(f"{each.rows:,}"), *(Cell(_rates(one.get(each.label))) for one in rates)))
        for each in found[0].labels
    )
    heads = (Head("Test rows"), *of_strategies([one.strategy for one in found], name_of))
    how = f"Counted on the {computation.tested(report)} of outcomes.csv: columns expected and answer."
    blocks: tuple[Block, ...] = (Table(heads, rows, corner="Label"), *small(_MEANING))
    return Section("labels", "Precision and recall by label", _summary(found[0]), blocks, how)


def _summary(best: Candidate) -> str:
    all_labels = count_text(len(best.labels), "label")
    weakest = min(best.labels, key=lambda one: one.recall)
    if weakest.recall == 1:
        return f"{name_of(best.strategy)} finds every row of all {all_labels}."
    name, recall = in_sentence(best.strategy), score_text(weakest.recall)
    return f"Of {all_labels}, {name} finds “{weakest.label}” least: recall {recall}."


def _rates(rates: LabelRates | None) -> str:
    if rates is None:
        return "–"
    precision = "–" if rates.precision is None else score_text(rates.precision)
    return f"{precision}, {score_text(rates.recall)}"
