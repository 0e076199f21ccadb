"""A person's own metric: a function in their own file, `score(output, expected, input) -> float` in [0, 1].

The person's code can do anything a program can. So it can only be named on the command line, and only the child process
that scores loads it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.task import BadInput, Metric

_SHAPE = "file.py:function"


def own_metric(named: str) -> Metric:
    """The metric of "file.py:function". A changed file makes another metric. Raises BadInput if there is no such file.
    Runs nothing in it."""
    path, _, function = named.rpartition(":")
    file = Path(path).expanduser()
    if not path or not function.isidentifier():
        raise BadInput(f"'{named}' doesn't name a function: give your metric as {_SHAPE}.")
    if not file.is_file():
        raise BadInput(f"There is no file {file}: give your metric as {_SHAPE}.")
    return Metric(_name(file, function), own=f"{file.resolve()}:{function}")


def _name(file: Path, function: str) -> str:
    return f"{file.name}:{function} ({hashlib.sha256(file.read_bytes()).hexdigest()[:8]})"


def load_own(metric: Metric) -> Callable[[str, str, str], float]:
    """The function of a person's metric. It raises BadInput if the code fails or returns anything but a number from 0
    to 1. Raises BadInput if the file is gone, has changed, or can't be loaded."""
    path, _, name = (metric.own or "").rpartition(":")
    if not Path(path).is_file() or _name(Path(path), name) != metric.name:
        raise BadInput(
            f"Your metric {path} is gone or has changed since the run was planned: start the comparison again."
        )
    function = _function(Path(path), name)

    def score(output: str, expected: str, input: str) -> float:
        try:
            value = function(output, expected, input)
        except Exception as wrong:
            raise BadInput(
                f"Your metric {name} in {path} failed for the input {input[:60]!r} "
                f"({type(wrong).__name__}: {wrong}): fix it and run again."
            ) from wrong
        if isinstance(value, bool) or not isinstance(value, int | float):
            value = float(value) if isinstance(value, bool) or hasattr(value, "__float__") else math.nan
        if not 0 <= value <= 1:  # also catches NaN
            raise BadInput(
                f"Your metric {name} in {path} returned {value!r} for the input {input[:60]!r}: "
                "it must return a number from 0 to 1."
            )
        return float(value)

    return score


def _function(path: Path, name: str) -> Callable[..., Any]:
    spec = importlib.util.spec_from_file_location("own_metric_file", path)
    try:
        if spec is None or spec.loader is None:
            raise ImportError("it isn't a Python file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        function: object = getattr(module, name)
    except Exception as wrong:
        raise BadInput(f"Your metric {name} can't be loaded from {path} ({wrong}): fix the file.") from wrong
    if not callable(function):
        raise BadInput(f"'{name}' in {path} isn't a function: name one that takes output, expected and input.")
    return function
