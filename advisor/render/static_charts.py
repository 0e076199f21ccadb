"""The charts of the page as pictures, for what is no page: the same Altair chart, drawn by vl-convert."""

from __future__ import annotations

import re
from typing import Any

import vl_convert

from advisor.palette import LIGHT, Theme
from advisor.sections.blocks import Chart

WIDTH = 760  # pixels
NARROW = 500  # beside a text, or on a telephone
_PADDING = {"left": 40, "right": 30, "top": 5, "bottom": 5}  # a reader's font may be wider than the one measured with


def chart_svg(chart: Chart, theme: Theme = LIGHT, width: int = WIDTH) -> str | None:
    """None where there is nothing to draw."""
    if (drawn := chart.draw(theme)) is None:
        return None
    spec = drawn.to_dict()
    spec |= {"width": width, "autosize": {"type": "fit", "contains": "padding"}, "padding": _PADDING}
    spec["config"] = {**spec.get("config", {}), "axis": _axis(theme), "font": "sans-serif"}
    return str(vl_convert.vegalite_to_svg(spec))


def inline_svg(chart: Chart, place: str, width: int = WIDTH) -> str | None:
    """To stand in a document whose styles give ink and paper their colours (`.chart`). `place` tells its ids from those
    of other charts there."""
    if (svg := chart_svg(chart, width=width)) is None:
        return None
    # The figure around it says what it shows; its parts would be symbols without a name.
    svg = svg.replace("<svg ", '<svg aria-hidden="true" ', 1)
    return re.sub(r'(id="|url\(#)', rf"\1{place}-", svg)


def ink_and_paper() -> str:
    """CSS by which inline charts follow the document's own colours."""
    return " ".join(
        f'.chart svg [{role}="{colour}" i] {{ {role}: var(--{name}); }}'
        for name, colour in (("ink", LIGHT.ink), ("paper", LIGHT.paper))
        for role in ("fill", "stroke")
    )


def _axis(theme: Theme) -> dict[str, Any]:
    quiet = {"labelColor": theme.ink, "titleColor": theme.ink, "titleFontWeight": "normal"}
    return {**quiet, "gridColor": theme.ink, "gridOpacity": 0.12, "domainOpacity": 0.3, "tickOpacity": 0.3}
