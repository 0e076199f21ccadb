"""Why this verdict, what would change it, and what to know before acting on it."""

from __future__ import annotations

from advisor.candidates import judged
from advisor.decision.choice import PROBABLE, WEAK
from advisor.report.learned import turning_sentences
from advisor.schema import Report
from advisor.sections.blocks import Bullets, Section
from advisor.sections.opening import sentences_of
from advisor.wording import probability_text


def why_section(report: Report) -> Section | None:
    how = "Scores and chances as in the table of all figures, differences as under “Differences between strategies”."
    return _listed("why", "Why we recommend this", _beyond_opening(report, report.recommendation.reasons), how)


def changes_section(report: Report) -> Section | None:
    return _listed("changes", "What would change our recommendation", report.recommendation.changes, _how_changes(report))


def caveats_section(report: Report) -> Section | None:
    sentences = _beyond_opening(report, report.recommendation.caveats)
    return _listed("caveats", "Caveats", sentences, _how_caveats(report))


def _beyond_opening(report: Report, sentences: tuple[str, ...]) -> tuple[str, ...]:
    """What the opening says isn't said twice."""
    return tuple(sentence for sentence in sentences if sentence not in sentences_of(report))


def _listed(id: str, title: str, sentences: tuple[str, ...], how: str) -> Section | None:
    return Section(id, title, sentences[0], (Bullets(sentences),), how) if sentences else None


def _how_changes(report: Report) -> str:
    rule = (
        "We change one priority at a time until we would choose another strategy, on the same rows and draws. We "
        f"choose the cheapest strategy that is probably near the best (chance {probability_text(PROBABLE)}). Of those "
        "that cost about the same we choose the simplest. If its odds are below "
        f"{probability_text(WEAK)}, we choose the simplest that may be near the best (chance over "
        f"{probability_text(1 - PROBABLE)})."
    )
    if report.recommendation.rows_needed is not None:
        rule += " More test rows: as under “Differences between strategies”."
    if turning_sentences(report):
        rule += " More training rows: as under “Learning curve”."
    return rule


def _how_caveats(report: Report) -> str:
    shown = judged(report)
    columns = [
        "score",
        "error",
        *(["valid"] if any("valid" in one.parts for one in shown) else []),
        *(["found_gold"] if any(one.hit_rate is not None for one in shown) else []),
    ]
    counted = f"Counted in outcomes.csv: columns {', '.join(columns[:-1])} and {columns[-1]}."
    if any(one.side_effects for one in shown):
        counted += " Scores on training rows: probes.jsonl. General questions: knowledge in trial.json."
    return f"{counted} What a process said when it failed: log.txt."
