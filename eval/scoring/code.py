"""Compare code and SQL after formatting."""

from __future__ import annotations

import re

from eval.scoring.words import folded

_FENCE = re.compile(r"\A\s*```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\w+|[<>!=]=|<>|[-+*/]=|->|::|&&|\|\||[^\w\s]")
_SQL = re.compile(
    r"\s*(?:select|insert\s+into|update\s+\S+\s+set|delete\s+from|with\s+\w+\s+as|create\s+table)\b", re.I
)
_OTHER_CODE = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+|import \w+|from \w+ import|return\b.*|function \w+\(|(?:const|let|var) \w+ ?=|"
    r"public |#include|package \w+|func \w+\()", re.MULTILINE
)  # fmt: skip


def looks_like_code(text: str) -> bool:
    return bool(_SQL.match(unfenced(text)) or _OTHER_CODE.search(unfenced(text)))


def unfenced(text: str) -> str:
    """Remove the Markdown fence that models like to put around code."""
    found = _FENCE.match(text)
    return found[1] if found else text


def formatted(text: str) -> str:
    """The form that two notations of the same code share: tokens, one blank apart, without a final semicolon. In SQL,
    letter case only matters within quotes. Other code keeps its indentation, because in some languages it carries
    meaning."""
    text = unfenced(text)
    if _SQL.match(text):
        tokens = [token if token[0] in "'\"`" else token.casefold() for token in _TOKEN.findall(text)]
        return " ".join(tokens).rstrip("; ")
    if not looks_like_code(text):
        return " ".join(folded(text).casefold().split())
    lines = [line.expandtabs(4).rstrip() for line in text.splitlines() if line.strip()]
    indents = sorted({len(line) - len(line.lstrip()) for line in lines})
    depths = [indents.index(len(line) - len(line.lstrip())) for line in lines]
    return "\n".join(
        f"{depth} {' '.join(_TOKEN.findall(line))}".rstrip("; ") for depth, line in zip(depths, lines, strict=True)
    )
