"""An advice from the rules of thumb, before anything was measured: what to try, in which order, and what to collect."""

from __future__ import annotations

from dataclasses import dataclass

from advisor.advice.cautions import CAUTIONS, Caution
from advisor.advice.rules import FEW, MANY, RULES, THOUSANDS, Rule, applying
from advisor.schema import Circumstances
from advisor.wording import count_text, in_sentence, margin_text, rough_text
from eval.statistics.inference import OFTEN_DISAGREEING, margin_shown, rows_to_show

MARGIN = 0.05  # the difference a first test should be able to show
_A_SMALL_TEST = 100  # rows
_ROUGH = (
    "1 point is one more right answer in 100. These figures are rough: the less often answers differ, the fewer rows "
    "you need."
)


@dataclass(frozen=True, slots=True)
class Advice:
    """`steps` are strategies in the order to try them. Rules speak for a step or otherwise; of `open` ones it is not
    known whether they apply. All else is sentences."""

    headline: str
    standing: str
    steps: tuple[str, ...]
    speaking_for: tuple[Rule, ...]
    speaking_otherwise: tuple[Rule, ...]
    open: tuple[Rule, ...]
    first: tuple[str, ...]
    collect: tuple[str, ...]
    cautions: tuple[Caution, ...]


def advise(known: Circumstances) -> Advice:
    """What the rules make of these circumstances."""
    applied = applying(known)
    steps = _steps(known, applied)
    speaking_for = tuple(rule for rule in applied if _speaks_for(rule, steps))
    otherwise = tuple(rule for rule in applied if rule not in speaking_for)
    return Advice(
        headline=_headline(known, applied, steps),
        standing=_standing(known, applied, steps, speaking_for, otherwise),
        steps=steps,
        speaking_for=speaking_for,
        speaking_otherwise=otherwise,
        open=tuple(rule for rule in RULES if rule.applies(known) is None),
        first=_first(known, applied, steps) if applied else (),
        collect=_collect(known, applied, steps) if applied else (),
        cautions=tuple(one for one in CAUTIONS if applied and one.applies(known, steps)),
    )


def _steps(known: Circumstances, applied: list[Rule]) -> tuple[str, ...]:
    """The rungs of the ladder that the rules lead up, the simplest first."""
    leanings = {rule.leans_to for rule in applied}
    ids = {rule.id for rule in applied}
    if not applied:
        return ()
    if "good-enough" in ids:
        return ("prompting",)
    looks_up = ["retrieval"] if leanings & {"retrieval", "retrieval_finetuning"} else []
    if "one-off" in ids:
        return ("prompting", *looks_up)
    trains = ["finetuning"] if "finetuning" in leanings and "not finetuning" not in leanings else []
    # The ladder begins with a prompt; what was tried and fell short is not begun with again.
    prompts = ["prompting"] if "ladder" in ids or not (looks_up or trains) else []
    return (*prompts, *looks_up, *trains)


def _speaks_for(rule: Rule, steps: tuple[str, ...]) -> bool:
    match rule.leans_to:
        case "simplest first":
            return steps[0] == "prompting"
        case "retrieval_finetuning":
            return {"retrieval", "finetuning"} <= set(steps)
        case "finetuning possible":
            return "finetuning" in steps
        case "not finetuning":
            return "finetuning" not in steps
        case "clean data":
            return True  # whichever way is taken
    return rule.leans_to in steps


def _headline(known: Circumstances, applied: list[Rule], steps: tuple[str, ...]) -> str:
    ids = {rule.id for rule in applied}
    if not steps:
        return "Answer the questions you can." if known == Circumstances() else "No rule favours a strategy yet."
    if steps == ("prompting",):
        if "good-enough" in ids:
            return "Stay with your prompt."
        if "one-off" in ids:
            return "A good prompt is enough."
        if known.tried in ("misses", "long"):
            return "Add examples to the prompt."
    first, *then = steps
    begins = "Start with a good prompt" if first == "prompting" else f"Try {in_sentence(first)}"
    on_top = " on top of it" if "combine" in ids and steps[-2:] == ("retrieval", "finetuning") else ""
    return f"{begins}{''.join(f', then {in_sentence(step)}' for step in then)}{on_top}."


def _standing(
    known: Circumstances,
    applied: list[Rule],
    steps: tuple[str, ...],
    speaking_for: tuple[Rule, ...],
    otherwise: tuple[Rule, ...],
) -> str:
    if not steps:
        if known == Circumstances():
            return "Your advice appears here and changes with each answer."
        return "No rule of thumb favours a strategy so far. A good prompt is the simplest start."
    waits = [rule for rule in applied if rule.leans_to == "not finetuning"]
    held = " Fine-tuning has to wait." if waits and any(rule.leans_to == "finetuning" for rule in applied) else ""
    favour = (
        f"{count_text(len(speaking_for), 'rule')} of thumb {'favours' if len(speaking_for) == 1 else 'favour'} this"
    )
    return f"{favour}, and {len(otherwise)} something else.{held}" if otherwise else f"{favour}.{held}"


def _first(known: Circumstances, applied: list[Rule], steps: tuple[str, ...]) -> tuple[str, ...]:
    ids = {rule.id for rule in applied}
    sentences = []
    if "too-broad" in ids:
        sentences.append("Settle on one narrow task: what comes in, and what a right answer is.")
    if "quality-first" in ids:
        found = count_text(known.flawed or 0, "example")
        sentences.append(f"Fix {found}: answers conflict, or a label is spelled in two ways.")
    if "good-enough" in ids:
        sentences.append("Keep the prompt, and check it on new inputs.")
    elif "prompting" in steps:
        if known.tried not in ("misses", "long"):
            sentences.append("Write the instruction as you would for a new colleague, and try it out.")
        sentences.append("Add a few examples to the prompt.")
    elif known.tried is None:
        sentences.append("Try a good prompt if you haven't yet: it is the simplest strategy.")
    if "retrieval" in steps:
        sentences.append("Check that retrieval finds the right passage before you judge the answers.")
    if "finetuning" in steps:
        sentences.append("Set test examples aside before you train on the rest.")
    return tuple(sentences)


def _collect(known: Circumstances, applied: list[Rule], steps: tuple[str, ...]) -> tuple[str, ...]:
    ids = {rule.id for rule in applied}
    sentences = []
    if "retrieval" in steps and not known.document_words:
        sentences.append("The documents the answers come from, and for some questions which document holds the answer.")
    if "one-off" in ids:
        return (*sentences, "A few examples for the prompt.")
    if "good-enough" not in ids and any(rule.leans_to == "finetuning" for rule in applied):
        sentences.append(_examples_to_train(known))
    elif (known.examples or 0) < FEW:
        sentences.append(
            f"{FEW} to 100 very good examples, each an input with its ideal answer. Every strategy can use them."
        )
    return (*sentences, _rows_to_test(known.test))


def _examples_to_train(known: Circumstances) -> str:
    have = known.examples
    if have is None or have < FEW:
        return f"{FEW} to 100 very good examples, each an input with its ideal answer, all in one style."
    if known.job == "complex" and have < THOUSANDS:
        return "Thousands of good examples for a complex task, or tens of thousands for a very specialised one."
    if have < MANY:
        return "Hundreds of good examples for a simple task. Quality matters more than quantity."
    return "You have enough training examples. Quality matters more than quantity."


def _rows_to_test(test: int | None) -> str:
    """How many rows a test takes: between strategies that often disagree and, at worst, always do."""
    shares = OFTEN_DISAGREEING, 1.0
    few, many = (rough_text(rows_to_show(MARGIN, share)) for share in shares)
    near, far = (f"{100 * min(1.0, margin_shown(test or _A_SMALL_TEST, share)):.0f}" for share in shares)
    margin = margin_text(MARGIN)
    if test is None:
        return (
            f"About {few} to {many} more examples as test rows, to show a difference of {margin} between strategies. "
            f"{_A_SMALL_TEST} show differences of {near} to {far} points. {_ROUGH}"
        )
    shown = f"Your {count_text(test, 'test row')} can show differences of about {near} to {far} points."
    if test >= rows_to_show(MARGIN):
        return f"{shown} {_ROUGH}"
    return f"{shown} You need about {few} to {many} to show {margin}. {_ROUGH}"
