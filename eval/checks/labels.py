"""Labels: spelled in several ways, rare, too common, ordered, or named by the input."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

import regex

from eval.checks.finding import Finding, counted, counted_rows, some_of
from eval.mapping.label_sets import NO_LABEL, labels_in
from eval.reading.decoding import number
from eval.scoring.closeness import number_in
from eval.task import Example, Kind, Task
from eval.words import bare_words

FEW_ROWS_A_LABEL = 5
HEAVY_SHARE = 0.6
NEARLY_ALL = 0.9
LEAK_SHARE = 0.8
_ODD_SHARE = 0.05
_ROWS_TRIED, _NEARLY = 2_000, 0.9

_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\s/.,:]+(?=[^\W\d_])")
_QUOTES = str.maketrans("‘’‚‛´`“”„‟", "'" * 6 + '"' * 4)
_AROUND = re.compile(r"[\"'(\[]+(\w.*\w|\w)[\"')\]]+")
_FOLDABLE = regex.compile(r"[^\p{No}]+")  # 10² is not 102
_END = re.compile(r"(?<=\w)[.,;:!]+$")
_WHOLE_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<digits>\d+)(?:\.0+)?")
_ACCENTS = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
_VIETNAMESE = re.compile(r"[đ\u0309\u031b\u0323]|[\u0300-\u036f]{2}")  # hooks, horns, dots below, two marks
_FEWEST_LETTERS_WITH_ACCENTS = 6
_LONGEST_SPELLED = 1_000  # characters; the patterns take quadratic time


def check_label_spelling(task: Task) -> Iterable[Finding]:
    merged = label_spellings(task)
    rows = tuple(row.id for row in task.examples if not merged.keys().isdisjoint(given_labels(task.kind, row)))
    if rows:
        rare, common = min(merged.items())
        yield Finding(
            "label-spelling",
            "serious",
            f"{counted(len(merged), 'label differs', 'labels differ')} from another only in spelling, such as "
            f"'{rare}' and '{common}'.",
            "They count as different answers, so a right answer can be scored as wrong.",
            "Use the most common spelling",
            rows,
        )


def check_rare_labels(task: Task) -> Iterable[Finding]:
    rare = sorted(_rare_labels(task))
    if rare:
        what = "these rows" if task.kind is Kind.MULTI_LABEL else "these labels"
        yield Finding(
            "rare-labels",
            "warning",
            f"{counted(len(rare), 'label has', 'labels have')} fewer than {FEW_ROWS_A_LABEL} rows: {some_of(rare)}.",
            "So few rows are too little to learn from, and too little to measure on.",
            f"Remove {what}" if len(rare) < len(task.labels) - 1 else None,
            rare_labels(task),
        )


def check_untested_labels(task: Task) -> Iterable[Finding]:
    """Only of a split that the person gave: one of ours has every label with enough rows on both sides."""
    if not any(row.split == "test" for row in task.examples):
        return
    given = {row.id: frozenset(given_labels(task.kind, row)) for row in task.examples}
    tested = frozenset[str]().union(*(given[row.id] for row in task.examples if row.split == "test"))
    learned = frozenset[str]().union(*(given[row.id] for row in task.examples if row.split in (None, "train")))
    if not tested or not learned:
        return
    if untested := sorted(learned - tested):
        yield Finding(
            "untested-labels",
            "warning",
            f"{counted(len(untested), 'label has', 'labels have')} no test row: {some_of(untested)}.",
            "The score says nothing about them. Move some of their rows to the test side.",
            rows=tuple(row for row, labels in given.items() if labels & learned - tested),
        )
    if untaught := sorted(tested - learned):
        yield Finding(
            "untaught-labels",
            "warning",
            f"{counted(len(untaught), 'label of the test rows has', 'labels of the test rows have')} no training row: "
            f"{some_of(untaught)}.",
            "No strategy can learn them from examples, so these test rows are mostly lost. Move some to training."
            if task.kind is Kind.CLASSIFICATION
            else "No strategy can learn them from examples, so none can be fully right on these rows. "
            "Move some to training.",
            rows=tuple(row for row, labels in given.items() if labels & tested - learned),
        )


def check_balance(task: Task) -> Iterable[Finding]:
    if task.kind is Kind.CLASSIFICATION:
        label, count = min(Counter(e.target for e in task.examples).items(), key=lambda item: (-item[1], item[0]))
        share = count / len(task.examples)
        if share >= HEAVY_SHARE:
            yield Finding(
                "imbalance",
                "warning",
                f"{share:.0%} of the rows have the label '{label}'.",
                f"Always answering '{label}' would be right that often, so compare every score with it. If rare labels "
                "matter as much, choose macro-F1 as the score.",
            )
    elif task.kind is Kind.MULTI_LABEL:
        uses = Counter(label for row in task.examples for label in labels_in(row.target) or (NO_LABEL,))
        heavy = {label: count for label, count in uses.most_common() if count > NEARLY_ALL * len(task.examples)}
        if heavy:
            yield Finding(
                "imbalance",
                "warning",
                _on_nearly_all(heavy, len(task.examples)),
                "Always giving the same answer would be right about that, so a high score may say little about the "
                "other labels. Look at the precision and recall of each label.",
            )


def _on_nearly_all(heavy: Mapping[str, int], rows: int) -> str:
    (label, count), *others = heavy.items()
    if label == NO_LABEL:
        return f"{count / rows:.0%} of the rows have no label."
    if others:
        return f"{len(heavy)} labels are on more than {NEARLY_ALL:.0%} of the rows: {some_of(heavy)}."
    return f"The label '{label}' is on {count / rows:.0%} of the rows."


def check_ordered_labels(task: Task) -> Iterable[Finding]:
    if (
        task.kind is Kind.CLASSIFICATION
        and len(task.labels) > 2
        and all(number(label) is not None for label in task.labels)
    ):
        low, high = min(task.labels, key=float), max(task.labels, key=float)
        yield Finding(
            "ordered-labels",
            "info",
            f"The labels are numbers from {low} to {high}.",
            f"If they are ratings, {low} for {high} is a larger mistake than a neighbour of {high}, but every wrong "
            "label counts as equally wrong.",
        )


def check_odd_ratings(task: Task) -> Iterable[Finding]:
    rows = odd_ratings(task)
    if rows:
        odd = set(rows)
        named = dict.fromkeys(example.target for example in task.examples if example.id in odd)
        yield Finding(
            "odd-ratings",
            "warning",
            f"{counted_rows(rows, 'has', 'have')} a rating far from all others: {some_of([*named])}.",
            "They make the scale so long that other mistakes look small. Correct them if they are slips, or if they "
            "stand for a missing rating.",
            "Remove these rows",
            rows,
        )


def check_label_leaks(task: Task) -> Iterable[Finding]:
    if task.kind is Kind.CLASSIFICATION:
        spread = task.examples[:: -(-len(task.examples) // _ROWS_TRIED)]  # to read the rest only where it may matter
        if sum(map(_names_label, spread)) < _NEARLY * LEAK_SHARE * len(spread):
            return
        rows = tuple(example.id for example in task.examples if _names_label(example))
        if len(rows) >= LEAK_SHARE * len(task.examples):
            yield Finding(
                "label-in-input",
                "warning",
                f"{counted_rows(rows, 'names', 'name')} the right label in the input.",
                "If real inputs don't, this score says nothing about them.",
                rows=rows,
            )


def given_labels(kind: Kind, example: Example) -> tuple[str, ...]:
    """The labels in an answer; none if the kind has no labels to spell."""
    match kind:
        case Kind.CLASSIFICATION:
            return (example.target,)
        case Kind.MULTI_LABEL:
            return labels_in(example.target)
        case _:
            return ()


def _names_label(example: Example) -> bool:
    return f" {bare_words(example.target)} " in f" {bare_words(example.input)} "


def label_spellings(task: Task) -> dict[str, str]:
    """Labels that differ from another one only in how they are written, each with the most common spelling."""
    counts = Counter(label for example in task.examples for label in given_labels(task.kind, example))
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        spellings[_spelled_plainly(label)].append(label)
    merged: dict[str, str] = {}
    for labels in _joined_without_accents(spellings):
        commonest = min(labels, key=lambda label: (-counts[label], label))
        merged |= {label: commonest for label in labels if label != commonest}
    return merged


def _spelled_plainly(label: str) -> str:
    """The label without what nobody tells labels apart by: capitals, spaces, hyphens and underscores between letters,
    quotes around it, a sign at its end, the form of a number. C, C++ and C# stay three labels, and so do A, A+ and -1,
    1, 1.5."""
    if len(label) > _LONGEST_SPELLED:
        return label
    plain = _FOLDABLE.sub(lambda found: unicodedata.normalize("NFKC", found[0]), label.translate(_QUOTES))
    plain = _END.sub("", _AROUND.sub(r"\1", plain.casefold().strip()))
    if found := _WHOLE_NUMBER.fullmatch(plain):
        return f"{'-' if found['sign'] == '-' else ''}{found['digits'].lstrip('0') or '0'}"
    return _BETWEEN_LETTERS.sub("", _BETWEEN_WORDS.sub(" ", plain))


def _joined_without_accents(spellings: Mapping[str, list[str]]) -> Iterable[list[str]]:
    """The spellings, where a label typed without any accent joins the one with accents. Only for long Latin labels with
    a single accented form: in Vietnamese, or between "si" and "sí", an accent makes another word."""
    bare: dict[str, list[str]] = defaultdict(list)
    for plain in spellings:
        bare[_without_accents(plain)].append(plain)
    for key, forms in bare.items():
        if len(forms) == 2 and key in forms and len(key) >= _FEWEST_LETTERS_WITH_ACCENTS:
            yield [label for form in forms for label in spellings[form]]
        else:
            yield from (spellings[form] for form in forms)


def _without_accents(text: str) -> str:
    """The text without the accents of Latin letters, but the same if it has a Vietnamese one."""
    apart = unicodedata.normalize("NFD", text)
    return text if text.isascii() or _VIETNAMESE.search(apart) else _ACCENTS.sub("", apart)


def odd_ratings(task: Task) -> tuple[str, ...]:
    """The few rows whose ratings are further from the others than those are from each other, such as 55 or 99 among 1
    to 5."""
    if task.kind is not Kind.NUMBER or not task.labels:
        return ()
    ratings = {example.id: number_in(example.target) or 0.0 for example in task.examples}
    values = sorted(set(ratings.values()))
    gap, at = max(((high - low, at) for at, (low, high) in enumerate(pairwise(values), start=1)), default=(0.0, 0))
    parts = (values[:at], values[at:])
    for part, others in (parts, parts[::-1]):
        rows = tuple(row for row, value in ratings.items() if value in part)
        if len(others) > 2 and gap > others[-1] - others[0] and len(rows) <= _ODD_SHARE * len(ratings):
            return rows
    return ()


def rare_labels(task: Task) -> tuple[str, ...]:
    """The rows with a label that has fewer than `FEW_ROWS_A_LABEL` of them, in any spelling."""
    rare = _rare_labels(task)
    return tuple(row.id for row in task.examples if not rare.isdisjoint(given_labels(task.kind, row))) if rare else ()


def _rare_labels(task: Task) -> set[str]:
    uses = Counter(label for row in task.examples for label in given_labels(task.kind, row))
    if not uses:
        return set()
    merged = label_spellings(task)
    counts: Counter[str] = Counter()
    for label, count in uses.items():
        counts[merged.get(label, label)] += count
    return {label for label in uses if counts[merged.get(label, label)] < FEW_ROWS_A_LABEL}
