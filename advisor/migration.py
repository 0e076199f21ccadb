"""Convert reports of earlier versions to the current schema. No other module knows an earlier shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from advisor.schema import REPORT, SCHEMA, Report

Stored = dict[str, Any]


def read_report(content: bytes) -> Report | None:
    """None if the content isn't a report, or comes from a later version."""
    try:
        stored = json.loads(content)
        if stored["schema"] == 1:
            stored = _from_schema_1(stored)
        return REPORT.of(stored) if stored["schema"] == SCHEMA else None
    except (ValidationError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _from_schema_1(stored: Stored) -> Stored:
    """Schema 1 used one shape for measured and unmeasured candidates, with null for every figure. It named candidates
    after their strategy. It gained keys over time, so most may be missing."""
    model = stored["model"]
    verdict = stored["recommendation"]
    if verdict.get("floor_line") and not verdict.get("baseline"):
        verdict = {**verdict, "caveats": [verdict["floor_line"], *verdict["caveats"]]}
    return {
        **stored,
        "schema": SCHEMA,
        "candidates": [_candidate(one, model) for one in stored["candidates"]],
        "baselines": [_candidate(one, model) for one in stored.get("floors", [])],
        "crossings": stored.get("crossings", []),
        "recommendation": {
            "runner_up": None,
            "baseline": None,
            "rows_needed": None,
            **verdict,
            "probabilities": verdict.get("probabilities") or {},
        },
        "curves": [_curve(one) for one in stored["curves"]] if stored.get("curves") is not None else None,
    }


def _candidate(one: Stored, model: str) -> Stored:
    named: Stored = {"id": one["name"], "strategy": one["name"], "model": model}
    if one["status"] != "done" or one["score"]["mean"] is None:
        status = one["status"] if one["status"] != "done" else "failed"
        kept: Stored = {key: one[key] for key in ("reason", "notes", "seconds", "estimated_seconds") if key in one}
        return {"reason": None, **named, "status": status, **kept}
    latency = one.get("latency_seconds") or {}
    known = {key: value for key, value in one.items() if value is not None}
    return {**known, **named, "latency_seconds": latency if latency.get("p50") is not None else None}


def _curve(one: Stored) -> Stored:
    named = {"id": one["name"], "strategy": one["name"]}
    if not one["line"]:
        return {**named, "reason": one["reason"] or "it was not measured."}
    return {**named, "points": one["points"], "line": one["line"], "gain": one["gain"], "reason": one["reason"],
            "ahead": list(_ahead(one))}  # fmt: skip


def _ahead(one: Stored) -> Iterator[Stored]:
    for each in one["ahead"]:
        yield {**each, "by": each.get("by", [])}
