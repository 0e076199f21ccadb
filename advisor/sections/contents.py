"""The sections of a report, in the order in which every form shows them. A new one is a file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from advisor.schema import Report
from advisor.sections import (
    cost,
    data,
    differences,
    failures,
    figures,
    freshness,
    glossary,
    judges,
    labels,
    latency,
    learning_curve,
    method,
    models,
    not_measured,
    own_clicks,
    own_marks,
    preferences,
    robustness,
    rules,
    score_check,
    search,
    side_effects,
    training,
    verdict,
    without_documents,
)
from advisor.sections.blocks import Section

MakeSection = Callable[[Report], Section | None]

SECTIONS: tuple[MakeSection, ...] = (
    verdict.why_section,
    verdict.changes_section,
    verdict.caveats_section,
    models.section,
    differences.section,
    cost.section,
    latency.section,
    score_check.section,
    own_clicks.section,
    own_marks.section,
    judges.section,
    failures.section,
    labels.section,
    search.section,
    robustness.section,
    freshness.section,
    without_documents.section,
    side_effects.section,
    learning_curve.section,
    training.section,
    preferences.section,
    not_measured.section,
    rules.section,
    figures.section,
    method.section,
    glossary.section,
    data.section,
)


def sections_of(report: Report, made_by: Sequence[MakeSection] = SECTIONS) -> list[Section]:
    """Those there is something to say in; what is read before the verdict comes first."""
    made = [section for make in made_by if (section := make(report)) is not None]
    return sorted(made, key=lambda section: not section.is_first)
