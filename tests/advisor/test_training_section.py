"""Training on the report: losses as a chart with its sentences; and the instruction and the model's thoughts, in the
methods."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from advisor import charts
from advisor.palette import LIGHT
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.schema import Report
from advisor.sections.blocks import Definitions
from eval.outcomes import Effort, LossPoint, Trial
from tests.reports import section_names, section_of, sentences_of

MakeReport = Callable[..., Report]
MakeTrials = Callable[..., tuple[Trial, ...]]
FELL = (LossPoint(1000, 2.5, 2.25), LossPoint(2000, 1.0, 1.25), LossPoint(3000, 0.5, 1.5))


def with_losses(trials: tuple[Trial, ...], losses: tuple[LossPoint, ...]) -> tuple[Trial, ...]:
    return tuple(replace(one, losses=losses) if one.strategy == "finetuning" else one for one in trials)


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        (FELL, "fell from 2.2 to 1.2 and was lowest after 2,000 of 3,000 tokens. The weights from there are used."),
        (FELL[:2], "fell from 2.2 to 1.2 and was still falling at the end, after 2,000 tokens."),
        (FELL[1:], "was lowest at the first measurement (1.2 after 2,000 tokens), so more training didn't help."),
    ],
)
def test_the_losses_of_training_are_drawn_and_said(
    losses: tuple[LossPoint, ...], said: str, synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    report = synthetic_report(trials=with_losses(synthetic_trials(), losses))
    section = section_of(report, "training")
    assert section.summary == f"The dev loss of adapter fine-tuning {said}"
    assert section.summary in render_markdown(report) and section.summary.replace("'", "&#39;") in render_html(report)
    assert any("overfitting" in sentence for sentence in sentences_of(section))
    drawn = charts.loss_chart(report, LIGHT)
    assert drawn is not None and len(drawn.to_dict()["layer"]) == 6


def test_the_way_to_see_what_an_adapter_changed_is_said_of_adapters_alone(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    trials = with_losses(synthetic_trials(), FELL)
    whole = tuple(replace(one, strategy="last_layers") if one.strategy == "finetuning" else one for one in trials)
    said, of_whole = (
        " ".join(sentences_of(section_of(synthetic_report(trials=each), "training"))) for each in (trials, whole)
    )
    assert "ask adapter fine-tuning again with the adapter switched off" in said and "switched off" not in of_whole


@pytest.mark.parametrize(
    ("found_better", "said"),
    [
        (None, "We tried 3 settings on 40 rows, which took 6,000 tokens, 36 s and under $0.01. Chosen"),
        (False, "36 s and under $0.01. None scored better than the default."),
        (True, "the best ones on 40 rows, which took 6,000 tokens, 36 s and under $0.01. The chosen one scored"),
    ],
)
def test_the_methods_say_whether_training_found_better_settings_than_its_defaults(
    found_better: bool | None, said: str, synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    effort = Effort(3, 40, 36.0, 6_000, found_better=found_better)
    trials = [replace(one, effort=effort) for one in synthetic_trials() if one.strategy == "finetuning"]
    report = synthetic_report(trials=tuple(trials))
    (methods,) = (block for block in section_of(report, "method").blocks if isinstance(block, Definitions))
    assert said in dict(methods.pairs)["Adapter fine-tuning"]


def test_without_losses_there_is_nothing_about_training(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    assert "training" not in section_names(report) and charts.loss_chart(report, LIGHT) is None


def test_the_methods_give_the_instruction_word_by_word(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    def instructions(report: Report) -> dict[str, str]:
        (methods,) = (block for block in section_of(report, "method").blocks if isinstance(block, Definitions))
        return {heading: text for heading, text in methods.pairs if heading.startswith("Instruction")}

    assert instructions(synthetic_report()) == {"Instruction": "Not recorded."}
    same = tuple(replace(one, instruction="Sort <it>.") for one in synthetic_trials())
    assert instructions(synthetic_report(trials=same)) == {"Instruction": "Sort <it>."}
    other = (*same[:2], replace(same[2], instruction="Give the label."))
    report = synthetic_report(trials=other)
    assert instructions(report) == {
        "Instruction of prompting and retrieval": "Sort <it>.",
        "Instruction of adapter fine-tuning": "Give the label.",
    }
    assert "<dd>Sort &lt;it&gt;.</dd>" in render_html(report) and "Sort \\<it\\>." in render_markdown(report)


def test_the_methods_say_how_much_of_the_answers_were_thoughts(
    synthetic_trials: MakeTrials, synthetic_report: MakeReport
) -> None:
    prompting, *others = synthetic_trials()
    thought = tuple(replace(one, tokens_out=50, thinking_tokens=31) for one in prompting.outcomes)
    methods = section_of(synthetic_report(trials=(replace(prompting, outcomes=thought), *others)), "method")
    assert str(methods.blocks).count("The model thought before it answered: 62 % of its tokens.") == 1
    assert "thinking_tokens ÷" in str(methods.how)
    without = section_of(synthetic_report(), "method")
    assert "thought before" not in str(without.blocks) and "thinking_tokens" not in str(without.how)
