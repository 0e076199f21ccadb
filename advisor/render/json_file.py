"""The report as JSON: every figure, and the sections that are told of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from advisor.schema import REPORT, Report
from advisor.sections.blocks import plain
from advisor.sections.contents import SECTIONS, MakeSection, sections_of


def render_json(report: Report, made_by: Sequence[MakeSection] = SECTIONS) -> str:
    """As docs/report.schema.json describes it, and beside it `sections`, which are words for people. In ASCII, so
    that a terminal only shows it."""
    told = [plain(section) for section in sections_of(report, made_by)]
    return json.dumps({**REPORT.plain(report), "sections": told}, indent=2, allow_nan=False)
