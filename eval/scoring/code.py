"""Compare code and SQL after formatting."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eval.scoring.words import folded

_FENCE = re.compile(r"\A\s*```\w*\n(.*?)\n?```\s*\Z", re.DOTALL)
_BLOCK = re.compile(r"^```\w*\n(.*?)\n?```[ \t]*$", re.DOTALL | re.MULTILINE)
_SQL_COMMENT = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|--[^\n]*|/\*.*?\*/", re.DOTALL)
_COMMENT = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?:^|(?<=\s))#(?:\s.*)?$|^\s*//.*$")
_NEEDLESS = re.compile(r"\b(?:inner|outer) (?=join\b)| asc\b")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`|\w+|[<>!=]=|<>|[-+*/]=|->|::|&&|\|\||[^\w\s]")
_SQL = re.compile(
    r"\s*(?:select|insert\s+into|update\s+\S+\s+set|delete\s+from|with\s+\w+\s+as|create\s+table)\b", re.I
)
_OTHER_CODE = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+|import \w+|from \w+ import|return\b.*|(?:async )?function \w+\(|"
    r"(?:export )?(?:interface|enum|type) \w+ ?[{=]|export |(?:const|let|var) \w+ ?=|"
    r"public |#include|package \w+|func \w+\()", re.MULTILINE
)  # fmt: skip

_STATEMENT = re.compile(
    r"^[ \t]*(?:\w+\.)+\w+\(.*\);?[ \t]*$|^[ \t]*print\(|"
    r"^(?:find|grep|ls|cat|awk|sed|tar|git|docker|kubectl|curl) .*[-|/]",
    re.MULTILINE,
)
_WHOLE = re.compile(
    r"\s*(?:<(\w+)\b[^>]*>.*</\1>|=\s*[A-Z]+\(.*\)|[A-Za-z_][\w.$]*\(.*\);?|MATCH\s*\(.*\bRETURN\b.*)\s*", re.DOTALL
)  # markup, a formula, a call, a graph query
_SIGNS_OF_CODE = re.compile(r"[=*;(){}\n]")
_MOSTLY = 0.5


def is_code(text: str) -> bool:
    """Whether a text is SQL, a program or a command."""
    text = unfenced(text)
    if _STATEMENT.search(text) or _WHOLE.fullmatch(text):
        return True
    is_sentence = text[:1].isupper() and text[1:2].islower() and not _SIGNS_OF_CODE.search(text)  # "Select one from …"
    return bool(_SQL.match(text) or _OTHER_CODE.search(text)) and not is_sentence


def language_of(texts: Sequence[str]) -> str:
    """ "SQL", "code", or "" if most texts are neither."""
    codes = [text for text in texts if is_code(text)]
    if len(codes) <= _MOSTLY * len(texts):
        return ""
    return "SQL" if sum(bool(_SQL.match(unfenced(text))) for text in codes) > _MOSTLY * len(codes) else "code"


def unfenced(text: str) -> str:
    """Remove the Markdown fence that models like to put around code."""
    found = _FENCE.match(text)
    return found[1] if found else text


def formatted(text: str) -> str:
    """The form that two notations of the same code share: tokens, one blank apart, without comments and a final
    semicolon. If there is prose around one fenced block, the block is the code.

    In SQL, letter case only matters within quotes, and words that change nothing are left out. Other code keeps its
    case and its indentation, because in some languages that carries meaning.
    """
    blocks = _BLOCK.findall(text)
    text = blocks[0] if len(blocks) == 1 else unfenced(text)
    sql = _SQL_COMMENT.sub(lambda found: found[1] or " ", text)
    if _SQL.match(sql):
        return _plain_sql(" ".join(map(_sql_token, _TOKEN.findall(sql))))
    if not is_code(text):
        return " ".join(folded(text).casefold().split())
    lines = [_COMMENT.sub(lambda found: found[1] or "", line).expandtabs(4).rstrip() for line in text.splitlines()]
    lines = [line for line in lines if line.strip()]
    indents = sorted({len(line) - len(line.lstrip()) for line in lines})
    depths = [indents.index(len(line) - len(line.lstrip())) for line in lines]
    return "\n".join(
        f"{depth} {' '.join(map(_code_token, _TOKEN.findall(line)))}".rstrip("; ")
        for depth, line in zip(depths, lines, strict=True)
    )


def _sql_token(token: str) -> str:
    if token[0] == "`":
        return token.strip("`").casefold()
    if token[0] == '"' and "'" not in token:  # many dialects allow both around a text
        return f"'{token[1:-1]}'"
    return token if token[0] in "'\"" else "<>" if token == "!=" else token.casefold()


def _plain_sql(tokens: str) -> str:
    parts = re.split(r"('(?:[^']|'')*')", tokens)
    return "".join(part if part[:1] == "'" else _NEEDLESS.sub("", part) for part in parts).rstrip("; ")


def _code_token(token: str) -> str:
    is_plain = token[0] in "'\"" and not re.search(r"[$\\`'\"]", token[1:-1])
    return f'"{token[1:-1]}"' if is_plain else token
