"""Instructions to try: the person's own, the drafted one, and both with what training rows say about each label or
field. They are made by rules, without a model."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import regex

from eval.mapping.label_sets import NO_LABEL
from eval.scoring import read_json
from eval.task import Brief, Example, Kind
from eval.words import is_unspaced, words_of
from strategies.drafting import leaves_of, with_meanings, write_instruction
from strategies.prompts import SHORT_INSTRUCTIONS
from strategies.standing import Standing

YOURS, DRAFTED, SHORT, LABELS_FIRST = "yours", "drafted", "short", "drafted, labels first"
EXAMPLES, WORDS, BOTH, VALUES = "an example each", "frequent words", "frequent words and an example each", "values"
REWRITTEN = ", rewritten"  # at the end of a name, by `rewriting.py`
WORDS_A_LABEL = 4
MOST_LABELS = 200  # described; more would fill the context of a small model
FEWEST_USES = 2  # of a word, by rows of its label
LEAST_LIFT = 2.0  # times as likely in a label's rows as in others
VALUES_A_FIELD = 3
ANSWERS_SHOWN = 4
WORDS_SHOWN = 25  # of an example; a longer one is cut
_TYPICAL = 5  # rows, of which the shortest is shown
_WORD = regex.compile(r"\w[\w'’-]*")


@dataclass(frozen=True, slots=True)
class Instruction:
    """`name`: the setting, in words. `quoted`: the training rows that were needed for it."""

    name: str
    text: str
    quoted: tuple[Example, ...] = ()


def instructions_for(brief: Brief, train: Sequence[Example], rows: Sequence[Standing]) -> list[Instruction]:
    """The first is the person's own, or the drafted one if there is none. `rows` are training rows by their standing,
    without those that contradict others."""
    drafted = write_instruction(brief.kind, brief.labels, (row.target for row in train))
    plain = [Instruction(YOURS, brief.instruction)] if brief.instruction else []
    plain.append(Instruction(DRAFTED, drafted))
    described = [
        Instruction(f"{one.name}, with {name}", _described(one.text, brief, lines), quoted)
        for name, lines, quoted in _descriptions(brief, rows)
        for one in plain
    ]
    meant = [Instruction(one.name, with_meanings(one.text, brief.kind, brief.meanings)) for one in plain]
    if not brief.labels:
        return [*meant, *described]
    asked, _, listed = drafted.rpartition("\n")
    first = Instruction(LABELS_FIRST, with_meanings(f"{listed}\n{asked}", brief.kind, brief.meanings))
    return [*meant, *described, first]


def short_instruction(brief: Brief) -> Instruction:
    """For prompts whose examples say the rest."""
    return Instruction(SHORT, with_meanings(SHORT_INSTRUCTIONS[brief.kind], brief.kind, brief.meanings))


def _described(instruction: str, brief: Brief, lines: Mapping[str, str]) -> str:
    if not brief.labels:
        return "\n".join([instruction, *lines.values()])
    meanings = dict(brief.meanings)
    said = [(label, [text for text in (meanings.get(label), lines.get(label)) if text]) for label in brief.labels]
    return with_meanings(instruction, brief.kind, [(label, "; ".join(texts)) for label, texts in said if texts])


def _descriptions(brief: Brief, rows: Sequence[Standing]) -> Iterator[tuple[str, dict[str, str], tuple[Example, ...]]]:
    """Each kind of description: its name, a line for each label (or several lines in all), and the rows behind it."""
    if brief.labels:
        if len(brief.labels) > MOST_LABELS:
            return
        shown = _typical_rows(brief, rows)
        examples = {label: f"“{_cut(row.input)}”" for label, row in shown.items()}
        words = _distinctive_words(brief, rows)
        yield EXAMPLES, examples, tuple(shown.values())
        if words:
            told = {label: ", ".join(found) for label, found in words.items()}
            both = {
                label: "; such as ".join(text for text in (told.get(label), examples.get(label)) if text)
                for label in brief.labels
            }
            yield BOTH, both, tuple(one.row for one in rows)
            yield WORDS, told, tuple(one.row for one in rows)
        return
    typical = sorted(rows, key=lambda one: -one.typical)
    if brief.kind is Kind.EXTRACTION:
        fields = _values_of_fields(typical)
        if fields:
            listed = "\n".join(f"- {path}: {', '.join(values)}" for path, values in fields.items())
            yield VALUES, {"": f"Examples of values:\n{listed}"}, tuple(one.row for one in rows)
        one = min(typical[:_TYPICAL], key=lambda one: len(one.row.input), default=None)
        if one is not None:
            text = f"For “{_cut(one.row.input)}”, write: {one.row.target}"
            yield "an example", {"": text}, (one.row,)
        return
    answers = list(dict.fromkeys(_cut(one.row.target) for one in typical))[:ANSWERS_SHOWN]
    if brief.kind is Kind.WRITING:
        if answers:
            yield "an example", {"": f"An answer looks like this:\n{typical[0].row.target}"}, (typical[0].row,)
    elif answers:
        shown_rows = tuple(one.row for one in typical[:ANSWERS_SHOWN])
        yield "examples of answers", {"": "Answers look like these: " + "; ".join(answers)}, shown_rows


def _typical_rows(brief: Brief, rows: Sequence[Standing]) -> dict[str, Example]:
    """A short one of the most typical rows of each label."""
    by_label: dict[str, list[Standing]] = defaultdict(list)
    for one in sorted(rows, key=lambda one: -one.typical):
        for label in one.labels:
            by_label[label].append(one)
    return {
        label: min(by_label[label][:_TYPICAL], key=lambda one: len(one.row.input)).row
        for label in brief.labels
        if by_label[label] and label != NO_LABEL
    }


def _distinctive_words(brief: Brief, rows: Sequence[Standing]) -> dict[str, list[str]]:
    """The words that tell a label's rows from the others: those with the highest share of the label's rows times the
    logarithm of how much likelier they are there."""
    if not rows or sum(is_unspaced(one.row.input) for one in rows) * 2 > len(rows):
        return {}  # a letter alone means little
    uses: dict[str, Counter[str]] = defaultdict(Counter)
    in_all: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for one in rows:
        words = {word for word in _WORD.findall(one.row.input.casefold()) if len(word) > 1}
        in_all.update(words)
        for label in one.labels:
            uses[label].update(words)
            sizes[label] += 1

    def lift(word: str, label: str) -> float:
        """How much likelier a word is in this label's rows than in the others."""
        here, there, others = uses[label][word], in_all[word] - uses[label][word], len(rows) - sizes[label]
        return ((here + 0.5) / (sizes[label] + 1)) / ((there + 0.5) / (others + 1))

    def weight(word: str, label: str) -> float:
        return uses[label][word] / sizes[label] * log(lift(word, label))

    found = {}
    for label in brief.labels:
        often = [word for word, count in uses[label].items() if count >= FEWEST_USES and label != NO_LABEL]
        telling = [word for word in often if lift(word, label) >= LEAST_LIFT]
        if telling:
            found[label] = sorted(telling, key=lambda word: (-weight(word, label), word))[:WORDS_A_LABEL]
    return found


def _values_of_fields(rows: Sequence[Standing]) -> dict[str, list[str]]:
    """A few different values of each field, as JSON, the most frequent fields first."""
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for one in rows:
        for path, leaf in leaves_of(read_json(one.row.target)):
            if path and leaf not in (None, ""):
                held[path][json.dumps(leaf, ensure_ascii=False)] += 1
    fields = sorted(held, key=lambda path: (-held[path].total(), path))
    return {path: [_cut(value) for value, _ in held[path].most_common(VALUES_A_FIELD)] for path in fields}


def _cut(text: str) -> str:
    words = words_of(" ".join(text.split()))
    if len(words) <= WORDS_SHOWN:
        return " ".join(text.split())
    between = "" if is_unspaced(text) else " "
    return between.join(words[:WORDS_SHOWN]) + " …"


def named(instructions: Sequence[Instruction], settings: Mapping[str, Any]) -> Instruction:
    """The one that settings name, or from which it was rewritten; the first if it isn't there any more."""
    wanted = str(settings.get("instruction")).partition(REWRITTEN)[0]
    return next((one for one in instructions if one.name == wanted), instructions[0])
