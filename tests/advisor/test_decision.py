"""The recommendation: which strategy the rule takes, how sure it is, and that its sentences say what the numbers do."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from advisor.decision.recommendation import recommend
from advisor.measurement import paired_scores
from advisor.plan import Priorities
from advisor.schema import Recommendation
from eval.outcomes import Outcome, Trial
from eval.statistics.inference import rows_needed
from eval.task import Kind


def trial(
    strategy: str,
    scores: Iterable[float],
    seconds: float | None = 1.0,
    fit_seconds: float | None = 10.0,
    **parts: float,
) -> Trial:
    outcomes = tuple(
        Outcome(f"row-{i}", strategy, "", float(value), parts, 50, 2, seconds=seconds) for i, value in enumerate(scores)
    )
    return Trial(strategy, "done", outcomes=outcomes, fit_seconds=fit_seconds)


def right_on(share: float, n: int) -> list[float]:
    """Right on the first rows: what a better strategy has right includes what a worse one has."""
    return [1.0] * round(share * n) + [0.0] * (n - round(share * n))


def decide(
    *trials: Trial, kind: Kind = Kind.CLASSIFICATION, share: float | None = None, **priorities: Any
) -> Recommendation:
    return recommend(trials, Priorities(**priorities), kind, share)


def test_a_clear_winner_is_taken_though_it_costs_more() -> None:
    got = decide(
        trial("prompting", right_on(0.5, 200)),
        trial("retrieval", right_on(0.6, 200), seconds=2),
        trial("finetuning", right_on(0.9, 200), seconds=3, fit_seconds=1000),
    )
    assert (got.choice, got.runner_up, got.confidence) == ("finetuning", "retrieval", "strong")
    assert got.headline == "Use adapter fine-tuning."
    assert got.odds is not None and got.odds > 0.99
    assert got.probabilities["finetuning"] > 0.99 > 0.01 > got.probabilities["retrieval"]
    assert got.confidence_line == (
        "Strong evidence: over 99 % probability that it is the best strategy or within 2 points of it, and no "
        "cheaper strategy comes that close."
    )
    assert got.runner_up_line == "Retrieval is 30 points behind adapter fine-tuning (95 % CI 23 to 36)."
    assert got.reasons == ("Every cheaper strategy is almost certainly more than 2 points worse.",)
    assert got.changes == (
        "With a latency limit from 2.0 s to just under 3.0 s (95th percentile), we would choose retrieval. It "
        "scores .60.",
    )
    assert got.caveats == ()


def test_the_margin_that_would_let_a_cheaper_strategy_in_is_named() -> None:
    two = trial("prompting", right_on(0.84, 200)), trial("finetuning", right_on(0.9, 200), seconds=3)
    got = decide(*two)
    assert got.choice == "finetuning"
    assert got.changes[:1] == (
        "If 5.5 points made no difference to you, we would choose prompting. It scores .84 and costs $3.33 over 12 "
        "months at 10,000 requests a month instead of $10.00.",
    )
    assert [decide(*two, margin=margin).choice for margin in (0.05, 0.055)] == ["finetuning", "prompting"]


def test_a_cheaper_strategy_one_point_worse_is_taken_and_more_rows_make_it_sure() -> None:
    def compare(n: int) -> Recommendation:
        random = np.random.default_rng(4)
        tuned = (random.random(n) < 0.8).astype(float)
        prompted = tuned.copy()
        swapped = random.choice(n, size=n // 5, replace=False)
        prompted[swapped] = random.permutation(tuned[swapped])  # the same mean, right on other rows
        prompted[np.flatnonzero(prompted)[: n // 100]] = 0.0  # and one point worse
        return decide(trial("prompting", prompted), trial("finetuning", tuned, seconds=3, fit_seconds=900))

    few, many = compare(50), compare(5000)
    assert few.choice == many.choice == "prompting"
    assert few.confidence in ("weak", "too close to call")
    assert many.confidence == "strong"
    assert few.odds is not None and many.odds is not None
    assert few.odds < 0.8 < 0.95 < many.odds
    assert any(
        "test rows, the difference from adapter fine-tuning would be known to within 2 points" in c for c in few.changes
    )
    assert few.reasons[-1] == (
        "No strategy has a clearly higher probability of being within 2 points of the best strategy than prompting "
        "(70 %)."
    )
    assert "Adapter fine-tuning scored 1 point more" in many.reasons[0]
    assert "Prompting is the cheapest" in many.reasons[-1]


def test_a_better_score_that_is_not_shown_does_not_justify_the_cost() -> None:
    """Each is right where the other is wrong on a third of the rows."""
    cheap = trial("prompting", [1.0] * 20 + [0.0] * 10 + [1.0] * 9)
    dear = trial("finetuning", [1.0] * 20 + [1.0] * 10 + [0.0] * 9, seconds=3)
    got = decide(cheap, dear)
    assert got.choice == "prompting"
    assert got.confidence == "too close to call"
    assert got.headline == "Too close to call: start with prompting."
    assert got.confidence_line == (
        "With 39 test rows, we can't show that adapter fine-tuning is more than 2 points better than prompting."
    )
    assert got.reasons[-1] == "Prompting is the simplest strategy that may be within 2 points of the best strategy."
    assert got.runner_up_line is not None and got.runner_up_line.startswith(
        "Adapter fine-tuning is 3 points ahead of prompting, which may be chance (95 % CI −"
    )
    needed = rows_needed([o.score for o in cheap.outcomes], [o.score for o in dear.outcomes], 0.02)
    assert needed is not None
    assert f"about {round(needed, -2):,} test rows" in got.changes[0] and got.rows_needed == needed


def test_paying_more_must_be_worth_it() -> None:
    """What costs more is surely near the best; that nothing cheaper is so too is less sure, and that is what counts."""
    cheap = trial("prompting", [1.0] * 60 + [0.0] * 9 + [1.0] * 4 + [0.0] * 10)
    dear = trial("finetuning", [1.0] * 60 + [1.0] * 9 + [0.0] * 4 + [0.0] * 10, seconds=3)
    got = decide(cheap, dear)
    assert got.choice == "finetuning"
    assert got.probabilities["finetuning"] > 0.95
    assert got.odds is not None and (got.confidence, round(got.odds, 1)) == ("moderate", 0.8)
    assert got.odds == pytest.approx(1 - got.probabilities["prompting"], abs=0.01)


def test_rows_of_one_group_are_one_piece_of_evidence() -> None:
    better = [1.0] * 22 + [0.0] * 8
    trials = [trial("prompting", right_on(0.6, 30) * 10), trial("finetuning", better * 10, seconds=3)]
    in_groups = [
        replace(each, outcomes=tuple(replace(one, group=str(at % 30)) for at, one in enumerate(each.outcomes)))
        for each in trials
    ]
    alone, grouped = decide(*trials), decide(*in_groups)
    assert alone.odds is not None and grouped.odds is not None
    assert alone.odds > 0.99 > 0.95 > grouped.odds
    assert (alone.confidence, grouped.confidence) == ("strong", "moderate")


def test_a_limit_leaves_out_even_the_best() -> None:
    got = decide(
        trial("prompting", right_on(0.5, 100), seconds=0.2),
        trial("retrieval", right_on(0.6, 100), seconds=0.3),
        trial("finetuning", right_on(0.9, 100), seconds=2),
        max_seconds=1.0,
    )
    assert got.choice == "retrieval"
    assert (
        "Adapter fine-tuning is left out: its 95th percentile latency is 2.0 s, over your limit of 1.0 s."
        in got.reasons
    )
    assert "no cheaper strategy within your limits" in got.confidence_line
    assert "If you allowed a 95th percentile latency of 2.0 s, we would choose adapter fine-tuning." in got.changes


def test_a_limit_missed_by_less_than_is_told_is_not_told_as_met() -> None:
    got = decide(trial("prompting", right_on(0.5, 100), seconds=1.204), max_seconds=1.2)
    (reason,) = got.reasons
    assert reason.endswith("is just over your limit of 1.2 s.")


def test_what_has_no_known_price_is_not_called_dearer() -> None:
    def answered(strategy: str, share: float) -> Trial:
        one = trial(strategy, right_on(share, 200))
        return replace(one, changes_weights=strategy == "finetuning")

    got = decide(
        answered("prompting", 0.5),
        answered("finetuning", 0.9),
        hosted="a model",
        read_per_million=1.0,
        written_per_million=2.0,
    )
    assert got.choice == "finetuning"
    assert got.confidence_line.endswith("and no strategy of known cost comes that close.")
    assert got.reasons[-1] == "Every strategy of known cost is almost certainly more than 2 points worse."
    assert any(caveat.startswith("We don't know what a model costs once it is trained.") for caveat in got.caveats)


def test_where_there_is_nothing_to_compare_no_odds_are_told() -> None:
    assert decide(trial("prompting", right_on(0.5, 50))).confidence_line == (
        "Prompting is the only strategy measured, so there is nothing to compare it with."
    )
    slow = decide(trial("prompting", right_on(0.5, 50)), trial("retrieval", [1.0] * 50, seconds=9), max_seconds=2.0)
    assert slow.confidence_line.startswith("Prompting is the only strategy known to meet your limits,")


def test_what_was_not_measured_cannot_meet_a_limit() -> None:
    got = decide(trial("prompting", right_on(0.5, 50), seconds=None), max_cost_per_1000=1.0)
    assert got.choice is None
    assert got.headline == "No strategy meets your limits."
    assert got.reasons == ("Prompting is left out because its cost is unknown and you set a limit.",)


def test_when_all_failed_nothing_is_recommended() -> None:
    got = decide(Trial("prompting", "failed", reason="It ran out of memory."), Trial("retrieval", "excluded"))
    assert (got.choice, got.confidence, got.odds, got.headline) == (None, "none", None, "Nothing to recommend yet.")
    assert got.caveats == ("Prompting failed, so it has no score. It ran out of memory.", "Retrieval was not tried.")


def test_one_that_failed_does_not_stop_the_others() -> None:
    got = decide(Trial("finetuning", "failed", reason="The loss was not a number."), trial("prompting", [1.0] * 40))
    assert (got.choice, got.confidence, got.runner_up_line) == ("prompting", "weak", None)
    assert "Adapter fine-tuning failed, so it has no score. The loss was not a number." in got.caveats


@pytest.mark.parametrize("seconds", [(1.0, 1.0, 1.0), (1.02, 1.01, 1.0), (None, None, None)])
def test_ties_go_to_the_simpler_strategy(seconds: tuple[float | None, ...]) -> None:
    scores = right_on(0.7, 400)
    names = ("finetuning", "retrieval", "prompting")
    got = decide(*(trial(name, scores, seconds=s) for name, s in zip(names, reversed(seconds), strict=True)))
    assert (got.choice, got.runner_up) == ("prompting", "retrieval")
    assert got.runner_up_line is not None and got.runner_up_line.startswith("Retrieval scores the same as ")


def test_an_unknown_cost_comes_after_a_known_one() -> None:
    scores = right_on(0.7, 400)
    assert decide(trial("prompting", scores, seconds=None), trial("retrieval", scores)).choice == "retrieval"


def test_the_volume_at_which_another_becomes_cheaper_is_named() -> None:
    scores = right_on(0.7, 400)
    dear_once = trial("finetuning", scores, seconds=0.5, fit_seconds=60_000)
    got = decide(trial("prompting", scores, seconds=1.0), dear_once, monthly_volume=1000)
    assert got.choice == "prompting"
    # 59,990 more seconds once, 0.5 fewer an answer: equal after 119,980 answers, 9,998 a month; the simpler
    # one is taken as long as it costs no more than 5 % more
    assert "Above about 11,000 requests a month, we would choose adapter fine-tuning." in got.changes
    assert decide(trial("prompting", scores), dear_once, monthly_volume=20_000).choice == "finetuning"


def test_a_handful_of_rows_never_makes_a_strong_verdict() -> None:
    got = decide(trial("prompting", [0.0] * 5), trial("finetuning", [1.0] * 5))
    assert (got.choice, got.confidence) == ("finetuning", "weak")
    assert got.headline == "First guess: use adapter fine-tuning."
    assert got.confidence_line.startswith("Weak evidence (only 5 test rows): ")
    assert "only 5 test rows" in got.caveats[0]
    assert decide(trial("prompting", [1.0]), trial("finetuning", [0.0])).choice == "prompting"


def test_caveats_follow_from_what_was_measured() -> None:
    prompting = trial("prompting", right_on(0.3, 100), valid=1.0, exact=0.0)
    babbled = [replace(one, parts={"valid": 0.0, "exact": 0.0}, tokens_out=30) for one in prompting.outcomes[88:]]
    babbled[0] = replace(babbled[0], tokens_out=96)
    prompting = replace(prompting, outcomes=(*prompting.outcomes[:88], *babbled), settings={"answer_tokens": 96})
    got = decide(prompting, kind=Kind.EXTRACTION)
    assert got.headline == "Nothing answers reliably yet. If you need to start now, use prompting."
    assert got.caveats[0].startswith("Prompting is wrong on 100 of 100 test rows.")
    (invalid,) = (caveat for caveat in got.caveats if "invalid JSON in 12 of 100 answers" in caveat)
    assert invalid.endswith("1 of them reached the limit of 96 tokens.")
    beaten = decide(trial("prompting", right_on(0.6, 100)), share=0.55)
    assert any("most common label would score .55" in caveat for caveat in beaten.caveats)
    assert decide(trial("prompting", right_on(0.9, 100)), share=0.55).caveats == ()
    busy = [
        replace(trial(name, right_on(0.9, 100)), busy=share) for name, share in (("prompting", 0.1), ("retrieval", 0.6))
    ]
    assert any("Other programs used up to 60 %" in caveat for caveat in decide(*busy).caveats)
    assert decide(busy[0]).caveats == ()


def test_a_model_on_slower_code_is_said_before_acting() -> None:
    slow = replace(
        trial("prompting", right_on(0.9, 100)), slow_because="Our engine doesn't compute networks of the type “mamba”."
    )
    assert decide(slow).caveats == (
        "The model runs on the code of transformers here, which is slower than our engine: its latency would be lower "
        "with a serving engine.",
    )


def test_answers_that_are_mostly_wrong_are_no_winner_whatever_they_score() -> None:
    """A short answer scores for the parts of it that are right."""
    partly = [replace(one, parts={"recall": 0.2}) for one in trial("prompting", [0.7] * 60).outcomes]
    mostly = replace(trial("prompting", [0.7] * 60), outcomes=tuple(partly))
    got = decide(mostly, trial("retrieval", [0.1] * 60), kind=Kind.ANSWERING)
    assert got.headline == "Nothing answers reliably yet. If you need to start now, use prompting."
    assert got.caveats[0].startswith("Prompting is wrong on 60 of 60 test rows.")
    few = decide(trial("prompting", [0.2] * 5), kind=Kind.ANSWERING)
    assert few.headline.startswith("Nothing answers reliably yet."), "also where there are few rows"
    right = [replace(one, parts={"recall": 1.0}) for one in mostly.outcomes]
    assert decide(replace(mostly, outcomes=tuple(right)), kind=Kind.ANSWERING).headline == "Use prompting for now."


def test_a_fair_score_of_answers_that_are_seldom_all_right_is_told() -> None:
    halves = trial("prompting", [0.6] * 60, valid=1.0, exact=0.0)
    right = tuple(replace(one, score=1.0, parts={"valid": 1.0, "exact": 1.0}) for one in halves.outcomes[:10])
    got = decide(replace(halves, outcomes=(*right, *halves.outcomes[10:])), kind=Kind.EXTRACTION)
    assert got.headline == "Use prompting for now."
    assert any("something wrong in 50 of 60 answers" in caveat for caveat in got.caveats)
    mostly_right = replace(halves, outcomes=tuple(replace(one, parts=right[0].parts) for one in halves.outcomes))
    assert decide(mostly_right, kind=Kind.EXTRACTION).caveats == ()


def test_where_getting_ready_is_unknown_of_all_wrong_answers_are_still_weighed_against_what_is_paid() -> None:
    two = (
        trial("prompting", right_on(0.8, 200), fit_seconds=None),
        trial("finetuning", right_on(0.9, 200), seconds=5, fit_seconds=None),
    )
    got = decide(*two, wrong_answer=0.001)
    assert got.choice == "prompting"  # a tenth of an answer is worth less than four seconds
    assert got.reasons[-1] == (
        "At $0.0010 a wrong answer, prompting costs the least. It costs about $27 without setup over 12 months at "
        "10,000 requests a month, against $29 for adapter fine-tuning. Of that, $3.33 is paid and the rest is the cost "
        "of wrong answers. A difference of 2 points is worth $2.40 to you."
    )


def test_missed_documents_and_failed_answers_are_told() -> None:
    outcomes = tuple(
        Outcome(str(i), "retrieval", "", 1.0, {}, 9, 9, 1.0, found_gold=i < 12, error="No answer." if i < 3 else None)
        for i in range(40)
    )
    caveats = decide(Trial("retrieval", "done", outcomes=outcomes), kind=Kind.ANSWERING).caveats
    assert any(caveat.startswith("Retrieval couldn't answer 3 test rows.") for caveat in caveats)
    assert any("only 12 of 40 test rows with a known document" in caveat for caveat in caveats)


def test_scores_are_paired_by_example_not_by_position() -> None:
    a = trial("prompting", [1.0, 0.0, 0.5])
    b = Trial("retrieval", "done", outcomes=tuple(reversed(trial("retrieval", [1.0, 0.0, 0.5]).outcomes)))
    scores = paired_scores([a, b]).scores
    first, second = scores["prompting"], scores["retrieval"]
    assert isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and np.array_equal(first, second)


def test_the_same_outcomes_give_the_same_recommendation(
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> None:
    assert decide(*synthetic_trials()) == decide(*synthetic_trials())


def test_names_of_ones_own_that_cost_the_same_are_not_cheaper_than_each_other() -> None:
    scores = right_on(0.7, 400)
    got = decide(trial("gpt", scores, seconds=None), trial("rag", scores, seconds=None))
    assert got.confidence == "strong" and got.odds is not None and got.odds > 0.99
    assert got.confidence_line.endswith("that no other strategy is more than 2 points better.")
    of_models = decide(*(trial(f"prompting@{model}", scores, seconds=None) for model in ("small", "large")))
    assert of_models.confidence_line.endswith("that no other strategy or model is more than 2 points better.")
    apart = decide(trial("gpt", right_on(0.9, 400), seconds=None), trial("rag", scores, seconds=None))
    assert "cheap" not in " ".join((apart.confidence_line, *apart.reasons))


def test_a_few_groups_of_many_rows_are_a_first_guess() -> None:
    def in_groups(name: str, share: float, seconds: float) -> Trial:
        made = trial(name, right_on(share, 8) * 40, seconds=seconds)
        return replace(made, outcomes=tuple(replace(one, group=str(at % 8)) for at, one in enumerate(made.outcomes)))

    got = decide(in_groups("prompting", 0.25, 1), in_groups("finetuning", 1.0, 3))
    assert got.headline == "First guess: use adapter fine-tuning."
    assert "(only 8 groups of test rows)" in got.confidence_line
    assert "only 8 groups of test rows" in got.caveats[0]


def test_groups_are_known_from_any_strategy_that_kept_them() -> None:
    first, second = trial("prompting", right_on(0.6, 40)), trial("finetuning", right_on(0.8, 40))
    grouped = replace(second, outcomes=tuple(replace(one, group=one.example_id[:5]) for one in second.outcomes))
    assert paired_scores([first, grouped]).groups == paired_scores([grouped, first]).groups
    assert len(set(paired_scores([first, grouped]).groups)) < 40


def test_that_ties_go_to_the_simplest_is_said_where_one_would() -> None:
    """Full fine-tuning is cheaper and as good; if every difference mattered, nothing would be shown to be the best."""
    scores = right_on(0.9, 200)
    others = [*scores[1:], scores[0]]
    got = decide(trial("finetuning", scores, seconds=3), trial("full_finetuning", others, seconds=2))
    assert got.choice == "full_finetuning"
    assert got.changes[0].startswith(
        "If every difference mattered to you, it would be too close to call, and we would choose adapter fine-tuning."
    )
    assert got.changes[-1].startswith("When it is too close to call") and "the simplest strategy" in got.changes[-1]
