"""A model rewrites an instruction after reading where it went wrong: reflective rewriting, as in GEPA (Agrawal et al.,
2025), for models that are able enough. Whether the new instruction is better is measured like any other setting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eval.task import Brief
from strategies.engine.language_model import LanguageModel, Message
from strategies.instructions import REWRITTEN, Instruction

MOST_MISTAKES = 8  # shown
MOST_WORDS = 120  # of an input or answer that is shown; the rest is cut
ANSWER_TOKENS = 700
FEWEST_LETTERS = 20  # of an instruction
_ASKED = (
    "You improve instructions for a language model. You get an instruction and some inputs where it led to a wrong "
    "answer, with the right one. Find out what the instruction leaves open or gets wrong, and write a better one. Keep "
    "everything in it that a reader needs, such as the list of allowed answers and the form of an answer. State "
    "general rules instead of copying these inputs. Reply with nothing but the new instruction."
)
_FENCE = "```"
_QUOTED = re.compile(r'["“]([^"“”]*)["”]')


@dataclass(frozen=True, slots=True)
class Mistake:
    """An input with the answer that came and the right one."""

    input: str
    answer: str
    right: str


def rewrite(model: LanguageModel, brief: Brief, before: Instruction, mistakes: Sequence[Mistake]) -> Instruction | None:
    """A new instruction; None if the model wrote none that can be used, if nothing went wrong, or if what went wrong
    doesn't fit the model's context."""
    if not mistakes:
        return None
    wrong = "\n\n".join(
        f"Input: {_cut(one.input)}\nWrong answer: {_cut(one.answer) or '(none)'}\nRight answer: {_cut(one.right)}"
        for one in mistakes[:MOST_MISTAKES]
    )
    asked = Message("user", f"The instruction:\n{before.text}\n\nWhere it went wrong:\n\n{wrong}")
    prompt = (Message("system", _ASKED), asked)
    if model.count_prompt_tokens([prompt])[0] > model.context_tokens - ANSWER_TOKENS:
        return None
    [written] = model.write([prompt], ANSWER_TOKENS)
    text = _bare(written.text)
    if written.error is not None or written.cut_off or len(text) < FEWEST_LETTERS:
        return None
    if any(label not in text for label in brief.labels):  # a label that isn't named can't be chosen
        text = f"{text}\nAllowed answers: {', '.join(brief.labels)}"
    if text == before.text:
        return None
    return Instruction(_renamed(before.name), text, before.quoted)


def _renamed(name: str) -> str:
    """The same name with how often it was rewritten."""
    start, rewritten, times = name.partition(REWRITTEN)
    if not rewritten:
        return name + REWRITTEN
    return f"{start}{REWRITTEN} {int(times.split()[0]) + 1 if times else 2} times"


def _bare(text: str) -> str:
    """Without a fence or quotation marks around it."""
    text = text.strip()
    if text.startswith(_FENCE) and text.endswith(_FENCE):
        text = text.removeprefix(_FENCE).removesuffix(_FENCE).partition("\n")[2].strip()
    return _QUOTED.sub(r"\1", text).strip() if _QUOTED.fullmatch(text) else text


def _cut(text: str) -> str:
    words = text.split()
    return text if len(words) <= MOST_WORDS else f"{' '.join(words[:MOST_WORDS])} …"
