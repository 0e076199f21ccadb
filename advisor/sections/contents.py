"""The sections of a report, in the order in which every form shows them. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.schema import Report
from advisor.sections import (
    all_figures,
    changed_documents,
    cost,
    figures,
    labels,
    latency,
    learning_curve,
    method,
    own_clicks,
    robustness,
    rules,
    score,
    score_check,
    side_effects,
    verdict,
    wrong_answers,
)
from advisor.sections.blocks import Section
from advisor.sections.provenance import how_computed

MakeSection = Callable[[Report], Section | None]

SECTIONS: tuple[MakeSection, ...] = (
    verdict.why_section,
    verdict.changes_section,
    verdict.caveats_section,
    verdict.words_section,
    score.section,
    cost.section,
    cost.volume_section,
    latency.section,
    all_figures.section,
    labels.section,
    score_check.section,
    own_clicks.section,
    wrong_answers.section,
    robustness.section,
    changed_documents.freshness_section,
    changed_documents.missing_section,
    side_effects.section,
    learning_curve.section,
    figures.not_measured_section,
    rules.section,
    method.section,
    all_figures.computed_section,
    figures.data_section,
)


def sections_of(report: Report, made_by: Sequence[MakeSection] = SECTIONS) -> list[Section]:
    """Those there is something to say in; what is read before the verdict comes first."""
    made = [section for make in made_by if (section := make(report)) is not None]
    told = [replace(one, how=one.how or how_computed(report, one.title)) for one in made]
    return sorted(told, key=lambda section: not section.is_first)
