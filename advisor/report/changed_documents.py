"""What each strategy answers once documents have changed, and how often it refuses: figures and the words for them.

A report of an earlier version, or of a task without documents, has none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from advisor.candidates import judged
from advisor.measurement import NEITHER_FACT, fact_told, share_interval
from advisor.report.robustness import Row
from advisor.wording import count_text, in_sentence, seconds_text
from eval.outcomes import CHANGED_FACTS, EXAMPLE_SOURCE, NEW_FACT, OLD_FACT, TAKEN_OUT, Outcome, Trial
from eval.refusals import is_refusal, refuses
from eval.scoring import is_right
from eval.task import Kind, Task

FRESHNESS = "When facts in the documents change"
WITHOUT_DOCUMENTS = "When the documents do not hold the answer"
RANGE_NOTE = "With each count stands the 95 % range of its share."
EXAMPLES_KEPT = 20
LONGEST_QUOTED = 120  # signs
_MOSTLY = 0.5  # of the answers are made up

_BEFORE = {"before": ("Right at first", "The same questions, before the documents were changed.")}
_FACTS = {
    NEW_FACT: ("The new fact", "What the documents say now."),
    OLD_FACT: ("Still the old fact", "What they said before."),
    NEITHER_FACT: ("Neither", "Any other answer, or none."),
}
_MISSING = {
    "admitted": ("Says that it does not know", "Or refuses, or says nothing. Known by its wording, in English only."),
    "right": ("Right all the same", "The expected answer, though nothing that was read holds it."),
    "invented": ("Answers wrongly all the same", "Any other answer."),
}
_WRITTEN_ALL_THE_SAME = ("Writes an answer all the same", "Whether a reader would be content cannot be told.")


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """A section: the strategies, best first; what is to be said; and a row for each way of answering."""

    title: str
    names: tuple[str, ...]
    sentences: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str


def freshness(trial: Trial, task: Task) -> dict[str, Any] | None:
    """After facts changed in the documents, the shares of answers with the new fact, with the old one, and with
    neither, which of both is told by the higher score; `before` is that of right ones to the same rows before. The
    first few stand in `examples`. None where it was not measured."""
    probes = trial.probes.get(CHANGED_FACTS)
    if not probes:
        return None
    rows = {example.id: example for example in task.examples}
    before = {outcome.example_id: outcome for outcome in trial.outcomes}
    was_right = [is_right(Kind.ANSWERING, before[one.example_id].score, {}) is True for one in probes]
    return {
        "before": asdict(share_interval(probes, was_right)),
        **_shares(probes, list(_FACTS), [fact_told(outcome) for outcome in probes]),
        "refresh_seconds": trial.refresh_seconds,
        "trained": trial.changes_weights,
        "examples": [
            {
                "input": rows[outcome.example_id].input,
                "old": rows[outcome.example_id].target,
                "new": trial.changed_facts[outcome.example_id],
                "answer": outcome.text,
                "told": fact_told(outcome),
            }
            for outcome in probes[:EXAMPLES_KEPT]
            if outcome.example_id in trial.changed_facts
        ],
    }


def without_documents(trial: Trial, kind: Kind) -> dict[str, Any] | None:
    """With the documents that hold the answer taken out, the shares of answers that admit not to know, that are right
    all the same, and that are made up; `right` is null where nothing is right or wrong."""
    probes = trial.probes.get(TAKEN_OUT)
    if not probes:
        return None
    read = [source for outcome in trial.outcomes for source in outcome.sources]
    found: dict[str, Any] = _shares(probes, list(_MISSING), [_admits(outcome, kind) for outcome in probes])
    return {
        **found,
        "right": None if kind is Kind.WRITING else found["right"],
        "reads": any(not source.startswith(EXAMPLE_SOURCE) for source in read),
    }


def refusals(trial: Trial, task: Task) -> dict[str, Any] | None:
    """How many test rows are answered by refusing where another answer was expected, with the range of the share; None
    without outcomes, and where answers are labels."""
    if not trial.outcomes or task.kind is Kind.CLASSIFICATION:
        return None
    targets = {example.id: example.target for example in task.examples}
    refused = [is_refusal(outcome.text, targets[outcome.example_id]) for outcome in trial.outcomes]
    return {"count": sum(refused), **asdict(share_interval(trial.outcomes, refused))}


def asked_again_of(report: dict[str, Any]) -> list[AskedAgain]:
    """The sections there is something to say in."""
    return [section for section in (_freshness_of(report), _without_documents_of(report)) if section]


def computed_of_documents(report: dict[str, Any]) -> dict[str, str]:
    """By what stands here, or the title of its section, how it was computed."""
    shown = judged(report)
    counted = "Range: Wilson's interval for a share."
    found = {
        "Answers that refuse": "The test rows whose answer (column answer of outcomes.csv) matches a list of wordings "
        "and whose expected answer does not: eval/refusals.py of the program."
        if any(one.get("refusals") for one in shown)
        else None,
        FRESHNESS: "Answers counted by the fact that they score higher against, from a score of .5 on: lines "
        "changed_facts of probes.jsonl (parts new and old); the new facts are in trial.json. Right at first: those to "
        "the same rows in outcomes.csv that score .5 or more. Reading in what had changed: seconds by the clock, once, "
        f"refresh_seconds in trial.json. {counted}"
        if any(one.get("freshness") for one in shown)
        else None,
        WITHOUT_DOCUMENTS: "Answers to some test rows, the same for all strategies, counted by whether they match a "
        "list of wordings (eval/refusals.py) or are right: lines taken_out of probes.jsonl; of what reads no documents "
        f"its answers in outcomes.csv. {counted}"
        if any(one.get("without_documents") for one in shown)
        else None,
        "Questions that nobody can answer": "Those of strategies/general_knowledge.json, asked before and after "
        "training; replies that match no wording of eval/refusals.py are made up: knowledge in trial.json. Range: "
        "adjusted Wald interval of paired shares (Agresti and Min)."
        if any(_admitted(one) for one in shown)
        else None,
    }
    return {heading: how for heading, how in found.items() if how}


def _admitted(one: dict[str, Any]) -> dict[str, Any] | None:
    knowledge = (one.get("side_effects") or {}).get("knowledge")
    return knowledge.get("admitted") if knowledge else None


def _freshness_of(report: dict[str, Any]) -> AskedAgain | None:
    found = {one["name"]: one["freshness"] for one in judged(report) if one.get("freshness")}
    if not found:
        return None
    asked = max(each["n"] for each in found.values())
    # What follows comes first; the others keep their order.
    ordered = sorted(found, key=lambda name: -found[name][NEW_FACT]["mean"])
    clauses = [_fact_clause(name, found[name], is_first=at == 0) for at, name in enumerate(ordered)]
    indexed = [
        f"{in_sentence(name)} {seconds_text(each['refresh_seconds'])}"
        for name, each in found.items()
        if each["refresh_seconds"] is not None
    ]
    sentences = [
        f"When a fact in the documents changes, {'; '.join(clauses)}.",
        f"The answers to {count_text(asked, 'test question')} were replaced in the documents by those to other rows "
        "that have the same pattern of words, capitals and numbers. Then the same questions were asked, and nothing "
        "was trained.",
        *_example(found),
        *([f"Reading in what had changed took {_and(indexed)}."] if indexed else []),
    ]
    return AskedAgain(FRESHNESS, tuple(found), tuple(sentences), _rows(found, _BEFORE | _FACTS), RANGE_NOTE)


def _example(found: dict[str, dict[str, Any]]) -> list[str]:
    """The one of those kept on which most strategies say something else, one of them the new fact if any does."""
    asked = list(zip(*(each["examples"] for each in found.values()), strict=False))
    if not asked:
        return []
    one = max(
        asked, key=lambda answers: (any(a["told"] == NEW_FACT for a in answers), len({a["told"] for a in answers}))
    )
    said = ", ".join(f"{in_sentence(name)} {_quoted(a['answer'])}" for name, a in zip(found, one, strict=True))
    input, old, new = (_quoted(one[0][what]) for what in ("input", "old", "new"))
    return [f"For example {input}: {old} became {new} in the documents. The answers: {said}."]


def _quoted(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return "nothing"
    return f"“{text}”" if len(text) <= LONGEST_QUOTED else f"“{text[: LONGEST_QUOTED - 1]}…”"


def _fact_clause(name: str, found: dict[str, Any], is_first: bool) -> str:
    new, old = (_count(found[fact]) for fact in (NEW_FACT, OLD_FACT))
    until = " until it is trained again" if found["trained"] and found["refresh_seconds"] is None else ""
    if is_first:
        return f"{in_sentence(name)} gives the new one for {new} of {found['n']:,} and the old one for {old}{until}"
    return f"{in_sentence(name)} gives {new} and {old}{until}"


def _without_documents_of(report: dict[str, Any]) -> AskedAgain | None:
    found = {one["name"]: one["without_documents"] for one in judged(report) if one.get("without_documents")}
    if not found:
        return None
    is_written = any(each["right"] is None for each in found.values())
    words = {**_MISSING, "invented": _WRITTEN_ALL_THE_SAME} if is_written else _MISSING
    reading = {name: each for name, each in found.items() if each["reads"]}
    sentences = [_missing_sentence(name, each) for name, each in reading.items()]
    if not is_written and any(each["invented"]["mean"] >= _MOSTLY for each in reading.values()):
        sentences.append("That an answer sounds sure is no sign that it stands in your documents.")
    if others := [in_sentence(name) for name in found if name not in reading]:
        verb = "reads" if len(others) == 1 else "read"
        sentence = f"{_and(others)} {verb} no documents, so the answers to the same test questions are counted."
        sentences.append(sentence[0].upper() + sentence[1:])
    return AskedAgain(WITHOUT_DOCUMENTS, tuple(found), tuple(sentences), _rows(found, words), RANGE_NOTE)


def _missing_sentence(name: str, found: dict[str, Any]) -> str:
    admitted, invented = _count(found["admitted"]), _count(found["invented"])
    said = (
        f"Asked {count_text(found['n'], 'test question')} without the documents that hold the answer, "
        f"{in_sentence(name)} {'never says' if not admitted else f'says {_times(admitted)}'} that it does not know"
    )
    if found["right"] is None:
        return f"{said} and writes an answer to {invented} all the same."
    right = _count(found["right"])
    luck = f", and is right all the same {_times(right)}" if right else ""
    return f"{said}; it answers wrongly {_times(invented)}{luck}."


def _rows(found: dict[str, dict[str, Any]], words: dict[str, tuple[str, str]]) -> tuple[Row, ...]:
    return tuple(
        Row(*words[way], tuple(_cell(each[way]) for each in found.values()))
        for way in words
        if any(each[way] is not None for each in found.values())
    )


def _cell(share: dict[str, Any] | None) -> tuple[str, str]:
    if share is None:
        return "–", ""
    return f"{_count(share)} of {share['n']:,}", f"{100 * share['low']:.0f} to {100 * share['high']:.0f} %"


def _count(share: dict[str, Any]) -> int:
    return round(share["mean"] * share["n"])


def _shares(probes: Sequence[Outcome], ways: Sequence[str], told: Sequence[str]) -> dict[str, Any]:
    shares = {way: asdict(share_interval(probes, [one == way for one in told])) for way in ways}
    return {"n": len(probes), **shares}


def _admits(outcome: Outcome, kind: Kind) -> str:
    if outcome.error is not None or not outcome.text.strip() or refuses(outcome.text):
        return "admitted"
    return "right" if is_right(kind, outcome.score, outcome.parts) else "invented"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count:,} times")


def _and(names: Sequence[str]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
