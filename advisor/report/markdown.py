"""The report as Markdown, to paste into a document or a ticket. Reads the JSON of `advisor.report.build` only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain

from advisor.advice.agreement import rule_sentences
from advisor.candidates import judged, not_measured
from advisor.charts.volume import crossing_sentences, volume_sentence
from advisor.report.changed_documents import AskedAgain, asked_again_of
from advisor.report.curves import TITLE, curves_of
from advisor.report.figures import (
    P_VALUE_MEANING,
    READING,
    TABLE_MEANING,
    apart_of,
    beyond_preset,
    detectable_of,
    differences_of,
    figures_of,
    floors_of,
    reading_of,
    subject_of,
)
from advisor.report.labels import MEANING as LABELS_MEANING
from advisor.report.labels import TITLE as LABELS
from advisor.report.labels import by_label_of
from advisor.report.method import method_of
from advisor.report.own_clicks import SEES, OwnClicks, own_clicks_of
from advisor.report.provenance import computed_in_text
from advisor.report.robustness import LESS_TIDY, LOST_MEANING, LessTidy, less_tidy_of
from advisor.report.score_check import HEADS, SCORE_CHECK, score_check_of
from advisor.report.side_effects import SIDE_EFFECTS, side_effects_of
from advisor.report.wrong_answers import wrong_answers_of
from advisor.schema import Report
from advisor.wording import name_of


def render_markdown(report: Report) -> str:
    """Verdict, table, why, what would change it, caveats, how it was measured; ends with a line break."""
    verdict, clicks = report.recommendation, own_clicks_of(report)
    lines = [
        *(_own_clicks(clicks) if clicks and clicks.warning else []),
        f"# {escaped(verdict.headline)}",
        "",
        escaped(subject_of(report)),
        "",
        f"**{escaped(verdict.confidence_line)}**",
        "",
    ]
    if verdict.runner_up_line:
        lines += [escaped(verdict.runner_up_line), ""]
    if verdict.baseline_line:
        lines += [escaped(verdict.baseline_line), ""]
    lines += _table(report)
    if floors := floors_of(report):
        lines += [escaped(floors), ""]
    lines += [
        *_section(READING, [f"{word}: {meaning}" for word, meaning in reading_of(report)]),
        *_section("Not measured", _not_measured(report)),
        *_section("Why", verdict.reasons),
        *_section("What would change this", verdict.changes),
        *_section("Before you act", verdict.caveats),
        *_section("Differences", _differences(report)),
        *_section(
            "Cost as volume grows",
            [volume_sentence(report), *chain(*crossing_sentences(report))] if judged(report) else [],
        ),
        *_section("Time per answer", apart_of(report)),
        *_score_check(report),
        *(_own_clicks(clicks) if clicks and not clicks.warning else []),
        *_wrong_answers(report),
        *_by_label(report),
        *_less_tidy(report),
        *_asked_again(report),
        *_section(SIDE_EFFECTS, side_effects_of(report)),
        *_more_data(report),
        *_section("What the rules of thumb said", rule_sentences(report)),
        *_section("About the data", report.warnings),
        *_section("How it was measured", [f"{heading}: {text}" for heading, text in method_of(report)]),
        *_section("How each figure is computed", [f"{heading}: {how}" for heading, how in computed_in_text(report)]),
    ]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line, also inside a table."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _section(title: str, sentences: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {escaped(sentence)}" for sentence in sentences), ""] if sentences else []


def _score_check(report: Report) -> list[str]:
    if (checked := score_check_of(report)) is None:
        return []
    rows = [[escaped(cell) for cell in row] for row in checked.rows]
    table = [_line(HEADS), _line(["---"] * len(HEADS)), *map(_line, rows), ""]
    return [*_section(SCORE_CHECK, [checked.finding, checked.how]), *table]


def _own_clicks(found: OwnClicks) -> list[str]:
    warning = [f"**{escaped(found.warning)}**"] if found.warning else []
    lines = [f"## {SEES}", "", " ".join([*warning, *map(escaped, found.sentences)]), ""]
    if found.rows:
        table = [found.heads, ["---"] * len(found.heads), *([escaped(cell) for cell in row] for row in found.rows)]
        lines += [*map(_line, table), "", found.note, ""]
    return lines


def _wrong_answers(report: Report) -> list[str]:
    if (wrong := wrong_answers_of(report)) is None:
        return []
    lines = _section("Where answers go wrong", wrong.sentences)
    if wrong.rows:
        names = [escaped(name_of(name)) for name in wrong.names]
        rows = [[escaped(f"{row.heading}: {row.meaning}"), *row.cells] for row in wrong.rows]
        lines += [_line(["", *names]), _line(["---"] * (len(names) + 1)), *map(_line, rows), ""]
    return lines


def _by_label(report: Report) -> list[str]:
    """Folded, where Markdown can be: there may be many labels."""
    if (found := by_label_of(report)) is None:
        return []
    heads = ["Label", "Test rows", *(escaped(name_of(name)) for name in found.names)]
    rows = [[escaped(row.label), f"{row.rows:,}", *row.cells] for row in found.rows]
    table = [_line(heads), _line(["---"] * len(heads)), *map(_line, rows)]
    return [f"<details><summary>{LABELS}</summary>", "", *table, "", LABELS_MEANING, "", "</details>", ""]


def _less_tidy(report: Report) -> list[str]:
    if (found := less_tidy_of(report)) is None:
        return []
    lines = _section(LESS_TIDY, found.sentences)
    return [*lines, *_ranged_table(found), LOST_MEANING, ""] if found.rows else lines


def _asked_again(report: Report) -> list[str]:
    lines: list[str] = []
    for found in asked_again_of(report):
        lines += [*_section(found.title, found.sentences), *_ranged_table(found), found.note, ""]
    return lines


def _ranged_table(found: LessTidy | AskedAgain) -> list[str]:
    """A row for each of the section's rows, ranges in brackets."""
    names = [escaped(name_of(name)) for name in found.names]
    rows = [
        [escaped(f"{row.heading}: {row.meaning}"), *(f"{cell} ({ends})" if ends else cell for cell, ends in row.cells)]
        for row in found.rows
    ]
    return [_line(["", *names]), _line(["---"] * (len(names) + 1)), *map(_line, rows), ""]


def _more_data(report: Report) -> list[str]:
    if (more := curves_of(report)) is None:
        return []
    sentences = (more.answer, *more.sentences, more.reading, more.method)
    lines = _section(TITLE, [sentence for sentence in sentences if sentence])
    if more.rows:
        rows = [[escaped(name_of(name)), *cells] for name, cells in more.rows]
        lines += [_line(["", *more.heads]), _line(["---"] * (len(more.heads) + 1)), *map(_line, rows), ""]
    return lines


def _table(report: Report) -> list[str]:
    names = [escaped(name_of(one.strategy)) for one in judged(report)]
    if not names:
        return []
    rows = [[heading, *map(escaped, cells)] for heading, cells in figures_of(report)]
    return [_line(["", *names]), _line(["---"] * (len(names) + 1)), *map(_line, rows), "", TABLE_MEANING, ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _differences(report: Report) -> list[str]:
    pairs = list(chain(*differences_of(report)))
    return [*pairs, *filter(None, [detectable_of(report)]), P_VALUE_MEANING] if pairs else []


def _not_measured(report: Report) -> list[str]:
    return [
        *filter(None, [beyond_preset(report)]),
        *(f"{name_of(one.strategy)}: {one.reason or 'no reason given'}" for one in not_measured(report.baselines)),
    ]
