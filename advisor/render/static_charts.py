"""The charts of the page as pictures, for what is no page: the same Altair chart, drawn by vl-convert."""

from __future__ import annotations

import base64
from typing import Any

import vl_convert

from advisor.palette import DARK, LIGHT, Theme
from advisor.sections.blocks import Chart

_WIDTH = 760  # pixels
_PADDING = {"left": 40, "right": 30, "top": 5, "bottom": 5}  # a reader's font may be wider than the one measured with


def chart_svg(chart: Chart, theme: Theme) -> str | None:
    """None where there is nothing to draw."""
    if (drawn := chart.draw(theme)) is None:
        return None
    spec = drawn.to_dict()
    spec |= {"width": _WIDTH, "autosize": {"type": "fit", "contains": "padding"}, "padding": _PADDING}
    spec["config"] = {**spec.get("config", {}), "axis": _axis(theme), "font": "sans-serif"}
    return str(vl_convert.vegalite_to_svg(spec))


def chart_images(chart: Chart) -> tuple[str, str] | None:
    """As data addresses, on light paper and on dark."""
    drawn = [chart_svg(chart, theme) for theme in (LIGHT, DARK)]
    if drawn[0] is None or drawn[1] is None:
        return None
    return _address(drawn[0]), _address(drawn[1])


def _address(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _axis(theme: Theme) -> dict[str, Any]:
    quiet = {"labelColor": theme.ink, "titleColor": theme.ink, "titleFontWeight": "normal"}
    return {**quiet, "gridColor": theme.ink, "gridOpacity": 0.12, "domainOpacity": 0.3, "tickOpacity": 0.3}
