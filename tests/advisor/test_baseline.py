"""A baseline that is as good as the best strategy, or better, leads the headline, and claims no more than rows tell."""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import unescape
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from streamlit.testing.v1 import AppTest

from advisor.command_line.terminal import print_report
from advisor.decision.baseline import claim_of
from advisor.decision.recommendation import recommend
from advisor.plan import Priorities
from advisor.render.html import render_html
from advisor.render.markdown import escaped, render_markdown
from advisor.schema import Candidate, Recommendation, Report
from advisor.sections.verdict import why_of
from eval.outcomes import Outcome, Trial
from eval.statistics.inference import paired_difference
from eval.statistics.posterior import believe
from eval.task import Kind
from tests.app import html_of

Scores = NDArray[np.float64]


def right_on(rows: int, *spans: tuple[int, int]) -> Scores:
    """Right on the rows from each start up to its end."""
    scores = np.zeros(rows)
    for start, end in spans:
        scores[start:end] = 1
    return scores


def trials_of(scores: Mapping[str, Scores], seconds: float, groups: Sequence[str] | None = None) -> list[Trial]:
    return [
        Trial(
            name,
            "done",
            outcomes=tuple(
                Outcome(f"row-{row}", name, "", float(score), {}, 50, 2, seconds, group=groups[row] if groups else None)
                for row, score in enumerate(each)
            ),
            fit_seconds=10.0,
        )
        for name, each in scores.items()
    ]


def decide(
    strategies: Mapping[str, Scores],
    baselines: Mapping[str, Scores],
    kind: Kind | None = Kind.CLASSIFICATION,
    groups: Sequence[str] | None = None,
    **priorities: Any,
) -> Recommendation:
    return recommend(
        trials_of(strategies, 1.0, groups),
        Priorities(**priorities),
        kind,
        baselines=trials_of(baselines, 0.001, groups),
    )


# A tie of .76 and .76 on 66 rows, each right on 8 rows where the other is wrong.
TIED = {"prompting": right_on(66, (0, 50)), "retrieval": right_on(66, (0, 46))}
NEAREST = {"nearest_example": right_on(66, (0, 42), (50, 58))}
# 20 labels on 120 rows: a linear classifier on embeddings .975, the nearest example .925, the best strategy .917.
INTENTS = {"prompting": right_on(120, (0, 84)), "retrieval": right_on(120, (0, 110))}
INTENT_BASELINES = {
    "majority_label": right_on(120, (0, 6)),
    "nearest_example": right_on(120, (0, 105), (111, 117)),
    "tfidf_linear": right_on(120, (0, 100)),
    "embedding_linear": right_on(120, (0, 108), (111, 120)),
}


def test_a_tie_on_few_rows_leads_the_headline() -> None:
    got = decide(TIED, NEAREST)
    assert (got.choice, got.level_baseline) == ("prompting", "nearest_example")
    assert got.headline == ("You may not need this language model. If you want one, use prompting.")
    assert got.baseline_line == (
        "The best baseline (nearest example) scores the same as prompting (95 % CI −12 to 12)."
    )
    assert got.baseline is not None
    assert (got.baseline.claim, got.baseline.confidence) == ("as good", "weak") and 0.6 <= got.baseline.odds < 0.8


def test_among_five_strategies_the_same_tie_is_too_close_to_call() -> None:
    """That one of five is better is likelier than that one of two is."""
    more = {
        "prompting_examples": right_on(66, (0, 40), (41, 49)),
        "finetuning": right_on(66, (0, 41), (57, 66)),
        "retrieval_finetuning": right_on(66, (0, 39), (55, 66)),
    }
    got = decide(TIED | more, NEAREST)
    assert (
        got.headline == "Nothing clearly beats the best baseline. If you want a language model, start with prompting."
    )
    assert got.level_baseline is None
    assert got.confidence_line.startswith(
        "With 66 test rows, we can't show that any strategy is more than 2 points better than the best baseline. "
    )


def test_the_best_baseline_is_named_and_by_how_much_it_is_better() -> None:
    got = decide(INTENTS, INTENT_BASELINES)
    assert (got.choice, got.level_baseline) == ("retrieval", "embedding_linear")
    assert got.headline == "You don't need this language model. If you want one, use retrieval."
    assert got.baseline_line == (
        "The best baseline (embedding classifier) scores 6 points higher than retrieval (95 % CI 0.3 to 11)."
    )
    assert got.confidence_line == (
        "Moderate evidence: 90 % probability that the best baseline is more than 2 points better than every strategy. "
        "Among strategies with a language model, the evidence for retrieval is strong."
    )
    assert got.reasons[0] == (
        "The evidence for retrieval is strong: over 99 % probability that it is the best strategy or within 2 points "
        "of it, and no simpler strategy comes that close."
    )
    assert got.baseline is not None
    gap = paired_difference(INTENT_BASELINES["embedding_linear"], INTENTS["retrieval"])
    told = (got.baseline.difference, got.baseline.low, got.baseline.high)
    assert told == pytest.approx((gap.difference, gap.low, gap.high))
    assert (got.baseline.claim, got.baseline.than, got.baseline.score) == ("better", "retrieval", 0.975)


def test_without_a_baseline_nothing_speaks_of_one() -> None:
    level = decide({"prompting": right_on(400, (0, 360)), "retrieval": right_on(400, (0, 320))}, {})
    assert level.confidence_line == (
        "Strong evidence: over 99 % probability that no other strategy is more than 2 points better."
    )
    assert level.baseline is None and level.baseline_line is None and level.headline == "Use prompting."


def test_no_priority_is_said_to_turn_to_what_a_baseline_beats() -> None:
    trials = [
        *trials_of({"prompting": right_on(400, (0, 160))}, 1.0),
        *trials_of({"retrieval": right_on(400, (0, 240))}, 2.0),
    ]
    classifier = trials_of({"tfidf_linear": right_on(400, (0, 380))}, 0.001)
    alone, beaten = (recommend(trials, Priorities(), None, baselines=found) for found in ([], classifier))
    assert alone.choice == beaten.choice == "retrieval" and alone.turns == beaten.turns
    assert any("we would choose prompting" in one for one in alone.changes)
    assert not any("we would choose prompting" in one for one in beaten.changes)


def test_one_that_is_as_good_on_many_rows() -> None:
    strategies = {"prompting": right_on(400, (0, 280)), "finetuning": right_on(400, (0, 360))}
    got = decide(strategies, {"majority_label": right_on(400, (0, 80)), "tfidf_linear": right_on(400, (0, 360))})
    assert got.headline == "You don't need this language model. If you want one, use adapter fine-tuning."
    assert got.confidence_line.startswith("Strong evidence: over 99 % probability that no strategy is more than 2 ")
    assert got.probabilities == decide(strategies, {}).probabilities


def test_one_that_is_clearly_worse_leaves_the_headline_alone() -> None:
    got = decide(
        {"prompting": right_on(200, (0, 100)), "finetuning": right_on(200, (0, 180))},
        {"tfidf_linear": right_on(200, (0, 150))},
    )
    assert (got.headline, got.level_baseline) == ("Use adapter fine-tuning.", None)
    assert got.baseline_line == (
        "The best baseline (word classifier) scores 15 points lower than adapter fine-tuning (95 % CI 10 to 20)."
    )
    assert got.baseline is not None and (got.baseline.claim, got.baseline.lead) == ("worse", None)


def test_of_equal_baselines_the_simpler_is_named() -> None:
    scores = right_on(400, (0, 360))
    got = decide({"prompting": scores}, {"tfidf_linear": scores, "embedding_linear": scores})
    assert got.level_baseline == "tfidf_linear"


@pytest.mark.parametrize(("rows", "is_few"), [(25, True), (40, False)])
def test_few_rows_make_the_sentence_modest(rows: int, is_few: bool) -> None:
    got = decide({"prompting": right_on(rows, (0, rows // 2))}, {"tfidf_linear": right_on(rows, (0, rows))})
    assert got.baseline is not None and (got.baseline.confidence == "strong") != is_few
    assert got.baseline.lead == (
        "You may not need this language model." if is_few else "You don't need this language model."
    )


def test_rows_of_one_group_are_one_piece_of_evidence() -> None:
    strategies = {"prompting": np.tile(right_on(20, (0, 10)), 20)}
    baselines = {"nearest_example": np.tile(right_on(20, (0, 19)), 20)}
    alone, grouped = (
        decide(strategies, baselines),
        decide(strategies, baselines, groups=[str(i % 20) for i in range(400)]),
    )
    assert alone.baseline is not None and grouped.baseline is not None
    assert alone.baseline.lead == "You don't need this language model."
    assert grouped.baseline.lead == "You may not need this language model."
    assert any("only 20 groups of test rows" in caveat for caveat in grouped.caveats)
    assert grouped.baseline.low < alone.baseline.low


def test_documents_have_baselines_too() -> None:
    """Written or short answers, graded: the best sentence of the documents, and the nearest example."""
    graded, more = np.random.default_rng(0).uniform(0.1, 0.4, (2, 300))
    for kind in (Kind.ANSWERING, Kind.WRITING):
        baselines = {"nearest_example": graded, "best_sentence": more + 0.5}
        got = decide({"prompting": graded, "retrieval": graded + 0.3 * more}, baselines, kind)
        assert got.level_baseline == "best_sentence"
        assert got.headline.startswith("You don't need this language model.")


def test_where_nothing_works_no_baseline_is_recommended() -> None:
    bad = {"prompting": right_on(200, (0, 40))}
    got = decide(bad, {"tfidf_linear": right_on(200, (0, 42))})
    assert (got.headline, got.level_baseline) == (
        "Nothing answers reliably yet. If you need to start now, use prompting.",
        None,
    )
    assert got.baseline_line == (
        "The best baseline (word classifier) doesn't work well either: it scores 1 point higher than prompting, "
        "which may be chance (95 % CI −0.7 to 3)."
    )
    better = decide(bad, {"tfidf_linear": right_on(200, (0, 90))})
    assert better.headline == "No strategy works well yet, and a baseline scores higher."
    good = decide(bad, {"tfidf_linear": right_on(200, (0, 180))})
    assert good.headline == "You don't need this language model. If you want one, start with prompting."


def test_a_baseline_beyond_a_limit_is_not_named() -> None:
    scores = right_on(400, (0, 360))
    fast, slow = trials_of({"prompting": scores}, 0.1), trials_of({"embedding_linear": scores}, 1.0)
    within, beyond = (
        recommend(fast, Priorities(max_seconds=limit), Kind.CLASSIFICATION, baselines=slow) for limit in (2.0, 0.5)
    )
    assert (within.level_baseline, beyond.level_baseline, beyond.baseline) == ("embedding_linear", None, None)


def test_the_commonest_label_is_judged_by_what_it_scored() -> None:
    strategies = {"prompting": right_on(100, (0, 60))}
    trials = trials_of(strategies, 1.0)
    measured = decide(strategies, {"majority_label": right_on(100, (0, 55))})
    assert measured.baseline_line is not None and "5 points lower than prompting" in measured.baseline_line
    assert not any("most common label" in each for each in measured.caveats)
    unmeasured = recommend(trials, Priorities(), Kind.CLASSIFICATION, 0.55)
    assert any("most common label would score .55" in each for each in unmeasured.caveats)


def test_every_form_says_the_same(synthetic_report: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])  # in whose place AppTest puts its script
    trials, baselines = trials_of(INTENTS, 1.0), trials_of(INTENT_BASELINES, 0.001)
    report = synthetic_report(n=120, trials=trials, baselines=baselines)
    verdict = report.recommendation
    wanted = decide(INTENTS, INTENT_BASELINES)
    assert wanted.baseline is not None and verdict.baseline == wanted.baseline
    named = next(one for one in report.baselines if one.id == verdict.level_baseline)
    assert isinstance(named, Candidate) and named.score.mean == verdict.baseline.score

    def show(report):  # type: ignore[no-untyped-def]  # runs as a script of its own
        from advisor.pages.opening import show_opening

        show_opening(report)

    terminal = Console(file=io.StringIO(), width=1000)
    print_report(terminal, report)
    page = html_of(AppTest.from_function(show, kwargs={"report": report}).run())
    assert isinstance(terminal.file, io.StringIO)
    forms = (render_html(report), page, terminal.file.getvalue())
    for sentence in (wanted.headline, wanted.confidence_line, *why_of(report)):
        assert all(sentence in unescape(re.sub("</?span>", "", form)) for form in forms)
        assert escaped(sentence) in render_markdown(report)


def answered(random: np.random.Generator, rows: int, rates: Iterable[float], group: int) -> Scores:
    """What each of these rates has right, [rates, rows]: easy rows are easy for all, rows of a group are alike."""
    cuts = [math.sqrt(5) * NormalDist().inv_cdf(rate) for rate in rates]
    ease, own = random.normal(size=rows // group), random.normal(size=(len(cuts), rows // group))
    return (2 * ease + own < np.array(cuts)[:, None]).astype(float).repeat(group, axis=1)


@pytest.mark.parametrize(
    ("strategies", "baselines", "rows", "group"),
    [
        ((0.75,), (0.727,), 66, 1),
        ((0.75,), (0.727,) * 4, 66, 1),
        ((0.95, 0.75), (0.927, 0.70), 120, 1),
        ((0.75,), (0.727,) * 2, 160, 4),
        ((0.75,) * 4, (0.727,) * 2, 60, 1),
    ],
)
def test_one_that_is_truly_worse_is_seldom_called_as_good(
    strategies: tuple[float, ...], baselines: tuple[float, ...], rows: int, group: int
) -> None:
    """By 2.3 points, with a margin of 2: hardly anything could be harder to tell."""
    random = np.random.default_rng(5)
    sets, called, even = 400, 0, rows / group
    groups = [str(row // group) for row in range(rows)]
    for _ in range(sets):
        scores = answered(random, rows, strategies + baselines, group)
        best = max(range(len(strategies), len(scores)), key=lambda at: scores[at].mean())
        named = {str(at): scores[at] for at in (*range(len(strategies)), best)}
        claim, _, word = claim_of(believe(named, groups).ahead_of(str(best)), 0.02, even, len(baselines))
        called += claim != "worse" and word in ("strong", "moderate")
    assert called <= 0.05 * sets


def test_one_that_is_truly_as_good_is_soon_called_so() -> None:
    """Rows enough given, what is careful does not stay silent."""
    random = np.random.default_rng(6)
    words = []
    for _ in range(60):
        scores = answered(random, 3000, (0.75, 0.70, 0.75), 1)
        posterior = believe(dict(zip("abc", scores, strict=True)))
        words.append(claim_of(posterior.ahead_of("c"), 0.02, 3000, 1))
    assert sum(claim != "worse" and word in ("strong", "moderate") for claim, _, word in words) >= 30
    assert sum(claim == "worse" for claim, _, _ in words) <= 3
