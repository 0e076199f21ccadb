"""How a run was measured: rows, model, effort, time and versions."""

from __future__ import annotations

from typing import Any

from advisor.candidates import baselines, judged
from advisor.plan import BASELINES_STEP, CURVES_STEP, Priorities
from advisor.request_estimate import estimate_text
from advisor.schema import Candidate, OtherStep, Report, ServedFacts
from advisor.sections import early_stops
from advisor.sections.blocks import Definitions, Section
from advisor.sections.computation import machine_price
from advisor.wording import (
    cents_text,
    count_text,
    every_text,
    in_sentence,
    list_text,
    money_text,
    name_of,
    share_text,
    taken_text,
    words_of,
)
from eval.money.tokens import Spent
from eval.outcomes import Effort
from strategies.hosted_finetuning import UNTRIED

# Names for settings that do not speak for themselves, and for their values.
_SETTINGS = {
    "tuned_model": "tuned model",
    "passages": "passages retrieved",
    "examples": "examples shown",
    "draw": "random seed for choosing the examples",
    "examples taken": "which examples",
    "answer_tokens": "longest answer in tokens",
    "normalisation": "label probabilities compared",
    "combined with": "label probabilities combined with",
    "learning_rate": "learning rate",
    "epochs": "epochs",
    "training_tokens": "training tokens",
    "rank": "adapter rank",
    "alpha": "adapter alpha",
}
_VALUES = {
    "sum": "as a whole",
    "mean": "per token",
    "minus empty input": "minus those without an input",
    "batch calibration": "minus their mean over other inputs",
}


def section(report: Report) -> Section:
    task = report.task
    summary = (
        f"{task.train:,} training, {task.dev:,} dev and {task.test:,} test rows. {report.model}{_where(report, ' ')}."
    )
    heading = f"Methods: {task.train:,} training, {task.dev:,} dev and {task.test:,} test rows"
    return Section("method", "Methods", summary, (Definitions(tuple(_method(report))),), _how(report), heading)


def _method(report: Report) -> list[tuple[str, str]]:
    """What was measured, on what, with which effort: (heading, sentences)."""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(report.versions.items()))
    return [
        ("Rows", _rows(report)),
        *_instructions(report),
        ("Model", " ".join([_model(report), *(one.shutdown for one in report.served if one.shutdown)])),
        ("Latency", _latency(report)),
        ("Cost", " ".join([_cost(report.priorities), *(price_of_served(one, report) for one in report.served)])),
        *_paid(report),
        *(
            (name_of(one.id), _effort(one, report.priorities))
            for one in report.candidates
            if isinstance(one, Candidate)
        ),
        *_other_steps(report),
        ("Run", f"{report.run_id}, {report.created_at}, seed {report.seed}. The same seed gives the same run."),
        *([("Versions", f"{versions}.")] if versions else []),
    ]


def _model(report: Report) -> str:
    alike = "the same for all strategies"
    if len({one.model for one in report.candidates}) > 1:
        alike = "each with the strategies named after it"
    same = f"{report.model}, {alike}{_where(report, ', ')}."
    reasons = {one.slow_because for one in report.candidates if isinstance(one, Candidate) and one.slow_because}
    if not reasons:
        return same
    return f"{same} It runs on the code of transformers, which is slower than our engine. {min(reasons)}"


def _where(report: Report, comma: str) -> str:
    """Where the models ran, to follow their names: after a `comma` if it is the same for all."""
    behind = {one.model for one in report.served}
    models = list(dict.fromkeys(one.model for one in report.candidates))
    served = [model for model in models if model in behind]
    here = [model for model in models if model not in behind]
    through = f"through {'its server' if len(served) == 1 else 'their servers'}"
    if not served:
        return f"{comma}on {report.device}"
    return f": {list_text(here)} on {report.device}, {list_text(served)} {through}" if here else f"{comma}{through}"


def _latency(report: Report) -> str:
    """Runs of earlier versions, which have no preset for it, timed one strategy after the other."""
    alone = "Some test rows are answered again, one at a time, after a warm-up"
    takes_turns = any(one.processor_seconds is not None for one in judged(report)) and len(judged(report)) > 1
    return f"{alone}. The strategies take turns, row by row." if takes_turns else f"{alone}."


def _rows(report: Report) -> str:
    task = report.task
    documents = f" {count_text(task.documents, 'document')} could be retrieved." if task.documents else ""
    stopped = "".join(f" {sentence}" for sentence in early_stops.sentences(report))
    return (
        f"{task.train:,} training rows, {task.dev:,} dev rows to choose settings on, and {task.test:,} test rows. No "
        f"strategy saw the test rows before, and each was scored once.{documents}{stopped}"
    )


def _instructions(report: Report) -> list[tuple[str, str]]:
    """Each instruction that was sent, word by word, and by which strategies. A run of an earlier version recorded
    none, so there is only the person's own."""
    senders: dict[str, list[str]] = {}
    for one in report.candidates:
        if isinstance(one, Candidate) and one.instruction:
            senders.setdefault(one.instruction, []).append(in_sentence(one.id))
    if not senders:
        return [("Instruction", report.task.instruction or "Not recorded.")]
    if len(senders) == 1:
        return [("Instruction", instruction) for instruction in senders]
    return [(f"Instruction of {list_text(names)}", instruction) for instruction, names in senders.items()]


def _cost(priorities: Priorities) -> str:
    """How requests and setup are priced, and what the person set besides."""
    hour = machine_price(priorities)
    sentences = [f"Machine time at {hour}."]
    if priorities.hosted:
        read, written = (
            money_text(price, priorities.currency)
            for price in (priorities.read_per_million, priorities.written_per_million)
        )
        sentences = [
            f"Setup is machine time at {hour}.",
            f"Requests are priced like {priorities.hosted}: {read} per million input tokens, {written} per million "
            "output tokens.",
            _tuned(priorities.tuned_factor),
        ]
    for what, days in (("task changes", priorities.retrain_days), ("documents change", priorities.reindex_days)):
        if days:
            sentences.append(f"The {what} {every_text(days)}.")
    if priorities.together:
        sentences.append("Requests are answered in batches.")
    if wrong := priorities.wrong_answer:
        sentences.append(f"A wrong answer costs {money_text(wrong, priorities.currency)}.")
    if labelled := priorities.labelled_row:
        sentences.append(f"Labelling a row costs {money_text(labelled, priorities.currency)}.")
    return " ".join(sentences)


def price_of_served(served: ServedFacts, report: Report) -> str:
    currency, hosted = report.priorities.currency, report.priorities.hosted
    if served.price is None and hosted:
        return f"We don't know what {served.model} costs per token, so it is priced like {hosted}, too."
    if served.price is None:
        return f"We don't know what {served.model} costs per token, so its costs are unknown."
    read, written = money_text(served.price.read, currency), money_text(served.price.written, currency)
    return (
        f"{served.model} costs {read} per million input tokens and {written} per million output tokens "
        f"({served.price_source or 'your price'}), without discounts for cached input or batches. Its setup is priced "
        f"by the tokens that choosing settings took{' and by those of its training' if served.trained else ''}."
    )


def _paid(report: Report) -> list[tuple[str, str]]:
    """What the strategies of the run sent to servers; what finding out what a server can do took is left out."""
    found = [_paid_for(one, report) for one in report.served if one.paid is not None]
    trained = [_training_of(one, report) for one in report.served if one.trained is not None]
    rows = [("Requests to servers", " ".join(found))] if found else []
    return [*rows, ("Hosted fine-tuning", f"{' '.join(trained)} {UNTRIED}")] if trained else rows


def _training_of(served: ServedFacts, report: Report) -> str:
    said = f"Training {served.model} took {served.trained or 0:,} tokens"
    if served.training_price is None:
        return f"{said}. What that cost is unknown."
    cost = cents_text((served.trained or 0) * served.training_price / 1e6, report.priorities.currency)
    return f"{said}, which cost {cost}. The setup cost includes it."


def _paid_for(served: ServedFacts, report: Report) -> str:
    paid = served.paid or Spent()
    requests, tokens = count_text(paid.requests, "request"), f"{paid.read:,} input tokens and {paid.written:,} output"
    sent = f"The strategies of this run sent {requests} to {served.model}, with {tokens} tokens"
    currency = report.priorities.currency
    if served.price is not None:
        sent = f"{sent}, for {cents_text(served.price.of(paid.read, paid.written), currency)}"
    if served.foreseen is None:
        return f"{sent}."
    return f"{sent}. The estimate before the run was {estimate_text(served.foreseen, served.price, currency)}."


def _tuned(factor: float | None) -> str:
    if factor is None:
        return "The price of a fine-tuned model is unknown."
    return f"A fine-tuned model costs {'the same' if factor == 1 else f'{factor:g} times as much'}."


def _effort(candidate: Candidate, priorities: Priorities) -> str:
    """What one strategy is, what it tried and took, and how long its setup was."""
    effort = candidate.effort
    sentences = [said] if (said := words_of(candidate.id).explanation) else []
    if effort.settings_tried:
        sentences.append(_tried(effort, None if candidate.by_token else priorities))
    if candidate.settings:
        taken = "; ".join(
            f"{_SETTINGS.get(name, name.replace('_', ' '))}: {_value(value)}"
            for name, value in candidate.settings.items()
        )
        sentences.append(f"Chosen: {taken}.")
    if candidate.fit_seconds is not None:
        sentences.append(f"Setup took {taken_text(candidate.fit_seconds)}.")
    if candidate.seconds is not None:
        sentences.append(_time(candidate))
    if candidate.latency_seconds:
        sentences.append(f"We timed {count_text(candidate.latency_seconds.n, 'answer')}.")
    if candidate.thinking_share is not None:
        share = share_text(candidate.thinking_share)
        sentences.append(f"The model thought before it answered: {share} of its tokens.")
    if candidate.hit_rate is not None:
        sentences.append(
            f"It retrieved the right document for {share_text(candidate.hit_rate)} of the rows whose document is known."
        )
    return " ".join([*sentences, *candidate.notes])


def _tried(effort: Effort, machine: Priorities | None) -> str:
    """How settings were chosen, what that took, and whether it was any use. `machine` says what its time costs, if that
    is what is paid for."""
    took = [taken_text(effort.seconds)]
    if effort.tokens:
        took.insert(0, count_text(effort.tokens, "token"))
    if machine is not None and machine.machine_per_hour is not None:
        took.append(cents_text(effort.seconds * machine.machine_per_hour / 3600, machine.currency))
    settings, rows = count_text(effort.settings_tried, "setting"), count_text(effort.dev_rows, "row")
    which = "" if effort.found_better is None else ", the best ones"
    tried = f"We tried {settings}{which} on {rows}, which took {list_text(took)}."
    if effort.found_better is None:
        return tried
    return f"{tried} {'The chosen one' if effort.found_better else 'None'} scored better than the default."


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else _VALUES.get(str(value), str(value))


def _other_steps(report: Report) -> list[tuple[str, str]]:
    """The baselines and the learning curves, and how long all of that took."""
    time = {one.name: _time(one) for one in report.other_steps if one.seconds is not None}
    simple = [f"{name_of(one.id)}: {words_of(one.id).explanation}" for one in baselines(report)]
    return [
        (heading, " ".join(said))
        for heading, said in (
            ("Baselines", [*simple, *([time[BASELINES_STEP]] if BASELINES_STEP in time else [])]),
            ("Learning curve", [time[CURVES_STEP]] if CURVES_STEP in time else []),
        )
        if said
    ]


def _time(step: Candidate | OtherStep) -> str:
    """Estimated and actual time."""
    longest = max(step.seconds or 0.0, step.estimated_seconds or 0.0)
    taken = f"Total time: {taken_text(step.seconds or 0.0, longest)}"
    if step.estimated_seconds is None:
        return f"{taken}."
    return f"{taken} (estimate: about {taken_text(step.estimated_seconds, longest)})."


def _how(report: Report) -> str:
    counted = (
        "Rows are counted in task.json. Settings tried, and on how many rows: effort and choices in trial.json of each "
        "strategy. Checking progress during training doesn't count. Right documents retrieved: column found_gold of "
        "outcomes.csv. Time in all: from the start of a process to its end, in steps.json."
    )
    if any(isinstance(one, Candidate) and one.thinking_share is not None for one in report.candidates):
        counted += " Thoughts: the sum of thinking_tokens ÷ that of tokens_out, in outcomes.jsonl of each strategy."
    if not any(one.estimated_seconds is not None for one in report.candidates):
        return counted
    return (
        f"{counted} Estimates: the tokens to read, write and train on ÷ the tokens per second that we timed on this "
        "machine before the run (estimate.json, speed.json)."
    )
