"""What kind of task a dataset is, from how its answers look."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from eval.answers import is_code
from eval.scoring import read_json
from eval.task import Kind, normalised
from eval.words import count_words, usual_length

MAX_ANSWER_WORDS = 12  # a longer answer is written text, not a label or a short fact


@dataclass(frozen=True, slots=True)
class KindGuess:
    """A kind and the reason for it, one sentence with its numbers."""

    kind: Kind
    reason: str


def infer_kind(inputs: Sequence[str], targets: Sequence[str], has_documents: bool) -> KindGuess:
    """The kind of task that `targets` (one for each of `inputs`) look like.

    With documents, a few answers may repeat by chance, so they must repeat more often to count as labels.
    """
    rows = len(targets)
    objects = sum(target[:1] in ("{", "`") and isinstance(read_json(target), dict) for target in targets)
    if objects >= 0.9 * rows:
        return KindGuess(Kind.EXTRACTION, f"{objects:,} of {rows:,} answers are JSON objects.")
    words = sorted(map(count_words, targets))
    # A repeated row doesn't mean that answers repeat, so each pair counts once.
    pairs = {(normalised(source), target.strip().casefold()) for source, target in zip(inputs, targets, strict=True)}
    uses = Counter(target for _, target in pairs)
    repeated = sum(count for count in uses.values() if count > 1)
    named = sum(any(map(str.isalpha, target)) for target in targets) > rows / 2  # numbers repeat by chance
    rows_per_label = 5 if has_documents else 2 if named else 2.5
    short = words[int(0.95 * (rows - 1))] <= MAX_ANSWER_WORDS
    if short and len(uses) * rows_per_label <= len(pairs) and repeated >= 0.9 * len(pairs):
        fewest = min(Counter(target.strip().casefold() for target in targets).values())
        each = f"each at least {fewest:,} times" if fewest > 1 else "most of them many times"
        return KindGuess(Kind.CLASSIFICATION, f"The {rows:,} rows have {len(uses):,} different answers, {each}.")
    code = sum(map(is_code, targets))
    if code >= 0.8 * rows:
        return KindGuess(Kind.WRITING, f"{code:,} of {rows:,} answers are code or SQL.")
    length, unit = usual_length(targets)
    usual = f"{length:g} {unit}" if length == 1 else f"{length:g} {unit}s"
    if statistics.median(words) <= MAX_ANSWER_WORDS:
        return KindGuess(
            Kind.ANSWERING,
            f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at most {usual}.",
        )
    return KindGuess(
        Kind.WRITING,
        f"The {rows:,} rows have {len(uses):,} different answers. Half of them have at least {usual}.",
    )
