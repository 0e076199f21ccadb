"""Why this verdict, what would change it, and what to know before acting on it."""

from __future__ import annotations

from advisor.candidates import judged
from advisor.decision.caveats import ANOTHER_TRAINING, BY_HEART, ENOUGH_VALID, FEW_TIMED, LOW_HIT_RATE
from advisor.decision.choice import FEW_ROWS, PROBABLE, WEAK
from advisor.decision.weak_texts import LEAST_FIT_TEXT, LOW_SCORE
from advisor.report.learned import turning_sentences
from advisor.schema import Judgement, Report
from advisor.sections.blocks import Bullets, Section
from advisor.wording import margin_text, probability_text, score_text, share_text
from eval.task import Kind
from strategies.registry import TRAINED


def why_section(report: Report) -> Section | None:
    how = "Scores and probabilities: see “All metrics”. Differences: see “Differences between strategies”."
    return _listed("why", "Why", why_of(report), how, shown=3)


def why_of(report: Judgement) -> tuple[str, ...]:
    """What speaks for the verdict: the best baseline, the runner-up, and the reasons for the choice."""
    verdict = report.recommendation
    found = (verdict.baseline_line, verdict.runner_up_line, *verdict.reasons)
    return tuple(dict.fromkeys(sentence for sentence in found if sentence))


def changes_section(report: Report) -> Section | None:
    return _listed("changes", "What would change this", report.recommendation.changes, _how_changes(report), shown=2)


def caveats_section(report: Report) -> Section | None:
    return _listed("caveats", "Before you act", report.recommendation.caveats, _how_caveats(report), shown=2)


def hows(report: Report) -> tuple[tuple[str, str], ...]:
    """How each of these was found. They stand beside the first chart, where there is no room for it."""
    found = (why_section(report), changes_section(report), caveats_section(report))
    return tuple((section.title, section.how) for section in found if section and section.how)


def _listed(id: str, title: str, sentences: tuple[str, ...], how: str, shown: int) -> Section | None:
    """The first few, which are the most important, and the others for who asks."""
    if not sentences:
        return None
    listed = Bullets(sentences[:shown], sentences[shown:], f"{len(sentences) - shown} more")
    return Section(id, title, sentences[0], (listed,), how, title, "beside the chart")


def _how_changes(report: Report) -> str:
    rule = (
        "We change one priority at a time until we would choose another strategy, on the same rows and resamples. We "
        f"choose the cheapest strategy with at least {probability_text(PROBABLE)} probability of being near the best. "
        "Of those that cost about the same we choose the simplest. It is too close to call if the probability that "
        f"this choice is right is below {probability_text(WEAK)}. Then we choose the simplest strategy with more than "
        f"{probability_text(1 - PROBABLE)} probability of being near the best."
    )
    if report.recommendation.rows_needed is not None:
        rule += " More test rows: as under “Differences between strategies”."
    if turning_sentences(report):
        rule += " More training rows: as under “Learning curve”."
    return rule


def _how_caveats(report: Report) -> str:
    """What leads to a caveat, of what this run could have."""
    shown = judged(report)
    checks = [
        f"We add a caveat for fewer than {FEW_ROWS} test rows, fewer than {FEW_TIMED} "
        f"timed answers, a best score below {score_text(LOW_SCORE)}, or an answer that failed (column error of "
        "outcomes.csv). Some caveats are next to the first chart instead."
    ]
    if report.task.kind is Kind.WRITING:
        checks.append(
            "We add one if more than half of the texts lose at least half of the expected facts (column recall). Where "
            "form counts most, we compare the best score with that of answers to other rows (score_check.json). We "
            f"add one if it is less than {LEAST_FIT_TEXT} of the way from there to right answers in other words."
        )
    if any("valid" in one.parts for one in shown):
        checks.append(f"We add one if under {share_text(ENOUGH_VALID)} of the answers are valid JSON (column valid).")
    if any(one.hit_rate is not None for one in shown):
        rate = share_text(LOW_HIT_RATE)
        checks.append(f"We add one if retrieval finds the right document for under {rate} of rows (column found_gold).")
    if any(one.strategy in TRAINED for one in shown):
        checks.append(
            f"If the recommended strategy and the next best are within {margin_text(ANOTHER_TRAINING)}, we add one if "
            "either was trained only once: two trainings can differ as much."
        )
    if any(one.side_effects for one in shown):
        checks.append(
            f"Overfitting: training rows score at least {margin_text(BY_HEART)} more than test rows (probes.jsonl). "
            "Forgetting: fewer general questions are answered right after training (knowledge in trial.json). For "
            "both, the 95 % CI must exclude 0."
        )
    return f"{' '.join(checks)} The last output of a failed process is in log.txt."
