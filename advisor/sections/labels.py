"""How well each strategy finds each label."""

from __future__ import annotations

from advisor.candidates import judged
from advisor.schema import Candidate, Report
from advisor.sections import computation
from advisor.sections.blocks import Block, Cell, Head, Row, Section, Table, small
from advisor.wording import count_text, in_sentence, list_text, name_of, quoted, score_text
from eval.scoring.labels import LabelRates

TITLE = "Precision and recall by label"
_MOST_NAMED = 3
_MEANING = (
    "Precision is the fraction of the rows given this label that should have it. Recall is the fraction of the rows "
    "with this label that were given it."
)
_DASH = "A dash means that no row was given the label."
_FEWER = (
    "Strategies that stopped early are counted on the test rows that they answered, which are fewer. Two dashes mean "
    "that none of these has the label."
)


def section(report: Report) -> Section | None:
    """None where answers are no labels, and for a report of an earlier version."""
    found = [one for one in judged(report) if one.labels]
    if not found:
        return None
    rates = [{each.label: each for each in one.labels} for one in found]
    counts = [sum(each.rows for each in one.labels) for one in found]
    rows = tuple(
        Row(each.label, (Cell(f"{each.rows:,}"), *(cell for one in rates for cell in _cells(one.get(each.label)))))
        for each in found[counts.index(max(counts))].labels
    )
    measured = [Head(name_of(one.id), one.id, each) for one in found for each in ("precision", "recall")]
    heads = (Head("Test rows"), *measured)
    how = f"Counted on the {computation.tested(report)} of outcomes.csv: columns expected and answer."
    has_dash = any(cell.text == "–" for row in rows for cell in row.cells)
    notes = [_MEANING, *([_DASH] if has_dash else []), *([_FEWER] if min(counts) < max(counts) else [])]
    blocks: tuple[Block, ...] = (Table(heads, rows, corner="Label"), *small(*notes))
    return Section("labels", TITLE, _summary(found[0]), blocks, how, _heading(found[0]))


def _heading(best: Candidate) -> str:
    least = min(one.recall for one in best.labels)
    weakest = [one.label for one in best.labels if one.recall == least]
    if least == 1:
        return f"{TITLE}: all are found every time"
    if len(weakest) == len(best.labels) > 1:
        return f"{TITLE}: all {len(weakest)} labels have a recall of {score_text(least)}"
    if len(weakest) > 1:
        return (
            f"{TITLE}: {len(weakest)} of {len(best.labels)} labels are found least often (recall {score_text(least)})"
        )
    return f"{TITLE}: {quoted(weakest[0])} is found least often (recall {score_text(least)})"


def _summary(best: Candidate) -> str:
    all_labels = count_text(len(best.labels), "label")
    least = min(one.recall for one in best.labels)
    if least == 1:
        return f"{name_of(best.id)} finds every row of all {all_labels}."
    name, recall = in_sentence(best.id), score_text(least)
    weakest = [f"“{one.label}”" for one in best.labels if one.recall == least]
    if len(weakest) > _MOST_NAMED:
        return f"Of {all_labels}, {name} finds {len(weakest)} least often, with a recall of {recall} each."
    return f"Of {all_labels}, {name} finds {list_text(weakest)} least often (recall {recall})."


def _cells(rates: LabelRates | None) -> tuple[Cell, Cell]:
    if rates is None:
        return Cell("–"), Cell("–")
    return Cell("–" if rates.precision is None else score_text(rates.precision)), Cell(score_text(rates.recall))
