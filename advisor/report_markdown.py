"""The report as Markdown, to paste into a document or a ticket. Reads the JSON of `advisor.report` only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from advisor.method import method_of
from advisor.wording import duration_text, money_text, name_of, score_text, seconds_text

_COLUMNS = ("Strategy", "Score (95 % range)", "Seconds an answer (p50, p95)", "Per 1,000 requests", "One-off", "Fit")


def render_markdown(report: dict[str, Any]) -> str:
    """Verdict, table, why, what would change it, caveats, how it was measured; ends with a line break."""
    verdict = report["recommendation"]
    lines = [
        f"# {escaped(verdict['headline'])}",
        "",
        f"**{escaped(verdict['confidence_line'])}**",
        "",
    ]
    if verdict["runner_up_line"]:
        lines += [escaped(verdict["runner_up_line"]), ""]
    lines += _table(report)
    for title, sentences in (
        ("Why", verdict["reasons"]),
        ("What would change this", verdict["changes"]),
        ("Before you act", verdict["caveats"]),
        ("Warnings about the data", report["warnings"]),
        ("How it was measured", [f"{heading}: {text}" for heading, text in method_of(report)]),
    ):
        if sentences:
            lines += [f"## {title}", "", *(f"- {escaped(sentence)}" for sentence in sentences), ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text that Markdown shows as it stands, on one line, also inside a table."""
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def _table(report: dict[str, Any]) -> list[str]:
    rows = [_row(candidate) for candidate in report["candidates"]]
    return [_line(_COLUMNS), _line(["---"] * len(_COLUMNS)), *map(_line, rows), ""]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(candidate: dict[str, Any]) -> list[str]:
    name = escaped(name_of(candidate["name"]))
    if candidate["status"] != "done":
        return [name, escaped(f"{candidate['status']}: {candidate['reason'] or 'no reason given'}"), "", "", "", ""]
    score, latency, cost = candidate["score"], candidate["latency_seconds"], candidate["cost"]
    currency = cost["currency"]
    return [
        name,
        f"{score_text(score['mean'])} ({score_text(score['low'])} to {score_text(score['high'])})",
        f"{seconds_text(latency['p50'])}, {seconds_text(latency['p95'])}",
        escaped(money_text(cost["per_1000"], currency)),
        escaped(money_text(cost["one_off"], currency)),
        _fit_time(candidate["fit_seconds"]),
    ]


def _fit_time(seconds: float | None) -> str:
    return duration_text(seconds) if seconds is not None and seconds >= 60 else seconds_text(seconds)
