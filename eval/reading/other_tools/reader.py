"""Scores that were measured elsewhere: the file of another tool, known by its content, or a table."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from eval.reading.decoding import check_size, decode, gunzip, json_records
from eval.reading.other_tools import deepeval, inspect_logs, lm_eval, promptfoo, ragas
from eval.reading.other_tools.answers import ToolResults
from eval.reading.table import Table, read_table
from eval.task import BadInput

_GZIP = b"\x1f\x8b"
_JSON_OBJECT = re.compile(rb"(\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[ \t\r\n\0]*\{")  # PowerShell writes UTF-16


def read_scores(name: str, content: bytes, folder: str = "") -> Table | ToolResults:
    """The answers in a tool's file, or the table in any other file. `folder` is the name of the one it lies in.

    Raises BadInput if it can't be read.
    """
    return _of_tool(name, content, folder) or _in_table(read_table(name, content))


def read_if_scores(name: str, content: bytes, folder: str = "") -> Table | ToolResults:
    """The same for a file that nobody chose: a table without rows if it is neither, with the reason as a note if it
    seems damaged. Raises BadInput if it is a tool's, but can't be used."""
    if found := _of_tool(name, content, folder):
        return found
    try:
        return _in_table(read_table(name, content))
    except BadInput as wrong:
        with suppress(ValueError, RecursionError):
            json.loads(content)
            return Table((), ())  # whole, but about something else
        return Table((), (), notes=(str(wrong),))


def _of_tool(name: str, content: bytes, folder: str) -> ToolResults | None:
    check_size(name, content)
    if content.startswith(_GZIP):
        name, content = name.removesuffix(".gz"), gunzip(name, content)
    if inspect_logs.is_zipped_log(content):
        return inspect_logs.read_zipped_log(name, content)
    if name.casefold().endswith(".eval"):
        raise BadInput(f"{name} isn't a whole log of Inspect, perhaps because it was cut off: copy it again.")
    if promptfoo.is_csv(content):
        raise promptfoo.refuse_csv(name)
    return _in_json(name, content, folder) if _JSON_OBJECT.match(content) else None


def _in_table(table: Table) -> Table | ToolResults:
    return ragas.read_results(table) or table


def _in_json(name: str, content: bytes, folder: str) -> ToolResults | None:
    text = decode(name, content, []).text
    first = _first_object(text)
    if lm_eval.is_summary(first):
        raise lm_eval.refuse_summary(name)
    if lm_eval.is_sample(first):
        return lm_eval.read_samples(name, folder, list(json_records(name, text)))
    if inspect_logs.is_log(first):
        return inspect_logs.read_log(name, first)
    if deepeval.is_run(first):
        return deepeval.read_run(name, first)
    if promptfoo.is_output(first):
        return promptfoo.read_output(name, first)
    if promptfoo.is_result(first):
        return promptfoo.read_lines(name, json_records(name, text))
    return None


def _first_object(text: str) -> dict[str, Any]:
    """The object in the first line of JSONL, or a whole document; empty if that is something else."""
    with suppress(ValueError, RecursionError):
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
        if isinstance(value, dict):
            return value
    return {}
