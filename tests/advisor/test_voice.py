"""No report uses a word that we do not use."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from advisor.render.markdown import render_markdown
from advisor.schema import Report
from eval.task import Kind

MakeReport = Callable[..., Report]
# Of the team's rules for sentences: home-made terms, and words that nobody says.
FORBIDDEN = re.compile(
    r"(?<!/)\b(anew|beside|foreseen|mend(?:ed|s)?|heeded|whoever|baselines?(?!/)|that which|is said once)\b", re.I
)


@pytest.mark.parametrize("kind", Kind)
def test_a_report_uses_no_forbidden_word(synthetic_report: MakeReport, kind: Kind) -> None:
    text = render_markdown(synthetic_report(kind, preset="standard"))
    assert FORBIDDEN.findall(text) == []
