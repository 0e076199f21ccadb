"""Where each figure of a report comes from: how many values, which formula, and the file that holds them raw."""

from __future__ import annotations

from advisor.candidates import judged, not_measured
from advisor.report.learned import turning_sentences
from advisor.schema import Report
from advisor.sections import formulas, label_formulas, labels
from advisor.sections.changed_documents import computed_of_documents
from advisor.sections.figures import PARTS
from advisor.sections.learning_curve import TITLE
from advisor.sections.robustness import LESS_TIDY
from advisor.sections.score_check import SCORE_CHECK
from advisor.sections.side_effects import SIDE_EFFECTS
from advisor.wording import count_text, money_text
from eval.phases import PHASES
from eval.scoring import formula_of
from eval.scoring.labels import OF_LABELS

CHANCE = "Chance of being near the best"
ODDS = "Odds of the verdict"
APART = "With the adapter kept apart"
WHERE = "Where the files are"
_OF_PARTS = {
    "recall": "Of each answer: the weight of the expected facts that it states ÷ that of all.",
    "distorted": "Of each answer: the weight of what it states instead of expected facts ÷ that of all expected facts.",
    "invented": "Of each answer: 1 where it states a number, date or name that stands nowhere in the inputs, expected "
    "answers and documents of the task, else 0.",
    "form": "Of each answer: chrF of sacrebleu ÷ 100, times the share of required phrases.",
}

Computed = dict[str, str | None]  # None where a report has no such figure


def computed_of(report: Report) -> list[tuple[str, str]]:
    """(figure, how it was computed): those of the table of all figures, called as there, then those of each section,
    called by its title."""
    if not judged(report):
        return []
    found = {
        WHERE: _where(report),
        **_of_the_table(report),
        **_of_the_verdict(report),
        **_of_the_evidence(report),
        **_of_the_run(report),
    }
    if report.task.metric in OF_LABELS:
        found |= label_formulas.instead(report, found)
    return [(heading, how) for heading, how in found.items() if how]


def how_computed(report: Report, heading: str) -> str | None:
    """How the figure under a heading of the table, or those of a section, were computed; None where nothing is said."""
    return dict(computed_of(report)).get(CHANCE if heading.startswith("Chance of being") else heading)


def _where(report: Report) -> str:
    return (
        f"In the folder of the run, runs/{report.run_id} of your Threeways folder (.threeways in your home folder, "
        "if you set no other): outcomes.csv, task.json, plan.json, speed.json, "
        "estimate.json, steps.json. In a folder there for each strategy, "
        "called as in outcomes.csv: trial.json, outcomes.jsonl, probes.jsonl, log.txt, where there are such; likewise "
        "in baselines/ and curves/."
    )


def _of_the_table(report: Report) -> Computed:
    shown, priorities = judged(report), report.priorities
    rows, timed = (
        formulas.tested(report),
        count_text(shown[0].latency_seconds.n if shown[0].latency_seconds else 0, "answer"),
    )
    price = f"{money_text(priorities.machine_per_hour, priorities.currency)} an hour (plan.json) ÷ 3,600"
    has_first_word = any(one.first_word_seconds for one in shown)
    is_renewed = any((one.cost.upkeep_per_month or 0) > 0 for one in shown)
    return {
        "Score": f"The mean of the scores of {rows}: column score of outcomes.csv. Of each: "
        f"{formula_of(report.task.metric)}",
        "95 % range": formulas.of_a_range(report),
        CHANCE: formulas.of_chances(report),
        **{
            heading: f"The mean over {rows} of column {part} of outcomes.csv. {_OF_PARTS[part]}"
            for part, heading in PARTS.items()
            if any(part in one.parts for one in shown)
        },
        "Median latency": f"The middle one of {timed} asked for one at a time: column seconds. Range: by "
        "the binomial number of answers below the true one.",
        "Median time to the first word": f"The middle one of the same {timed}: column seconds less the time "
        "for writing (phases in outcomes.jsonl), so looking up and reading. Range: as above."
        if has_first_word
        else None,
        **{
            f"Mean time {name}": f"The mean over the same {timed} of the seconds spent so: phases in outcomes.jsonl."
            for name in PHASES
            if any(name in one.phase_seconds for one in shown)
        },
        "95th percentile latency": f"The 95th percentile of the same {timed}. Range: as above; few set no end to it.",
        "Throughput (answers per second)": f"{rows.capitalize()} ÷ the seconds of one pass over them: "
        "requests_per_second in trial.json.",
        "Prompt tokens per answer": f"The mean over {rows}: column tokens_in. What all prompts begin with counts each "
        "time, though it is read once and kept; so fewer tokens can take longer.",
        "Score of each training": f"The mean of column score over {rows}, then that of the lines trained_again of "
        "probes.jsonl: trained with the same settings and other seeds. The chances allow for which one would be had."
        if any(one.score_of_each_training for one in judged(report))
        else None,
        "Output tokens per answer": f"The mean over {rows}: column tokens_out.",
        "Failed answers": "The rows with an entry in column error; they score 0.",
        "Getting ready": "Seconds by the clock from the first row read to ready: fit_seconds in trial.json; by stage "
        "(choosing settings, indexing, training): stage_seconds.",
        "Peak memory": "The most that the process of this strategy held at once: peak_memory_bytes in trial.json; "
        "a GB is 1,000,000,000 of them.",
        "Cost per 1,000 answers": formulas.of_answers(report, price),
        "Cost of getting ready, once": formulas.of_getting_ready(report, price),
        "Cost of getting ready again, per month": "Getting ready × 30.4 ÷ the days until the task changes + indexing "
        "(stage_seconds in trial.json) × 30.4 ÷ the days until the documents change."
        if is_renewed
        else None,
        "Cost of the wrong among 1,000 answers": "1,000 × (1 − score) × the price of a wrong answer."
        if priorities.wrong_answer
        else None,
        "Without a language model": formulas.of_baselines(report),
    }


def _of_the_verdict(report: Report) -> Computed:
    verdict = report.recommendation
    return {
        ODDS: formulas.of_odds(report),
        "Why": "Scores and chances as in the table; differences and costs over time as below."
        if verdict.reasons
        else None,
        "What would change this": _of_changes(report),
        "Before you act": formulas.of_caveats(report),
    }


def _of_changes(report: Report) -> str | None:
    if not report.recommendation.changes:
        return None
    said = formulas.of_changes(report)
    if formulas.tells_of_rows(report):
        said += f" More rows to test on: as under “{formulas.ROWS_THAT_WOULD_TELL}”."
    if turning_sentences(report):
        said += f" More rows to learn from: as under “{TITLE}”."
    return said


def _of_the_evidence(report: Report) -> Computed:
    return {
        **formulas.of_pairs(report),
        "Score against cost": "Scores with their ranges, and costs of 1,000 answers, as in the table.",
        "Cost as volume grows": formulas.of_volume(report),
        APART: formulas.of_adapters_apart(report),
        "Time per answer": "As in the table. Shares of the time: mean seconds of looking up, reading or writing ÷ "
        "their sum.",
        "Where answers go wrong": formulas.of_wrong_answers(report),
        labels.TITLE: f"Counted on the {formulas.tested(report)} of outcomes.csv: columns expected and answer."
        if labels.by_label_of(report)
        else None,
        LESS_TIDY: formulas.of_less_tidy_inputs(report),
        **computed_of_documents(report),
        SIDE_EFFECTS: formulas.of_side_effects(report),
        TITLE: formulas.of_curves(report),
        SCORE_CHECK: "The mean of scores of answers made from those expected of training rows: score_check.json."
        if report.score_check
        else None,
        "Answers side by side": f"The {formulas.tested(report)} of outcomes.csv: columns answer, expected and score.",
        "What the rules of thumb said": formulas.of_rules(report),
    }


def _of_the_run(report: Report) -> Computed:
    return {
        "How it was measured": formulas.of_the_work(report),
        "Not measured": "What a process said when it ended: log.txt in its folder."
        if not_measured(report.baselines)
        else None,
        "About the data": "Rows of the whole upload counted by its checks, inputs compared without capitals and signs, "
        "and those left out of the division into rows to learn from and to judge by: task.json."
        if report.warnings
        else None,
    }
