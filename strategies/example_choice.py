"""From the log-probabilities of all labels after a prompt to the answer, as was best on the dev rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def choose(scores: Sequence[float], settings: dict[str, Any]) -> str:
    labels, choice = settings["labels"], settings["choice"]
    if choice["normalisation"] == "mean":
        lengths = [len(tokens) for tokens in settings["label_tokens"]]
        scores = [score / length for score, length in zip(scores, lengths, strict=True)]
    elif choice["offsets"]:
        scores = [round(score - offset, 4) for score, offset in zip(scores, choice["offsets"], strict=True)]
    highest = max(scores)
    best = labels[list(scores).index(highest)]
    if choice["way"] == "likeliest label":
        return str(best)
    if choice["way"] == "expected value":
        shares = [math.exp(score - highest) for score in scores]
        value = sum(share * value for share, value in zip(shares, settings["values"], strict=True)) / sum(shares)
        written = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.6f}"
        return written.rstrip("0").rstrip(".") if float(written) else "0"
    least = choice["threshold"] + (highest if choice["way"] == "distance from the likeliest label" else 0.0)
    given = [label for label, score in zip(labels, scores, strict=True) if score >= least]
    some = [label for label in given if label != settings["no_label"]]
    if best == settings["no_label"] or not some:
        some = [best]
    return "; ".join(label.replace(";", ",") for label in some)
