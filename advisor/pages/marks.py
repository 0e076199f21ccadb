"""Small pieces of HTML and Markdown that several pages show; every word of a person or a model is escaped here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from advisor.palette import colour_variable, mark_of
from advisor.sections.answers import CUT_OFF_MEANS
from advisor.wording import name_of


def mark(strategy: str) -> str:
    """The colour and shape of a strategy, as a small sign beside its name."""
    colour = colour_variable(strategy)
    return f'<i class="mark {mark_of(strategy).shape}" style="--mark:{colour}" aria-hidden="true"></i>'


def marked_name(strategy: str, name: str | None = None) -> str:
    """With its usual name, or with another one."""
    return f'<span class="marked">{mark(strategy)}{escape(name or name_of(strategy))}</span>'


def cut_off_tag(is_cut_off: bool | None) -> str:
    """A tag on an answer that reached the limit of tokens; nothing on others, and where that wasn't recorded."""
    return f'<span class="tag" title="{CUT_OFF_MEANS}">cut off</span>' if is_cut_off else ""


def plain(text: str) -> str:
    """Text that Markdown shows as it stands."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """What is spoken of, and what is said of it."""
    items = "".join(f"<dt>{escape(heading)}</dt><dd>{escape(said)}</dd>" for heading, said in pairs)
    return f'<dl class="method">{items}</dl>'


def split_bar(train: int, dev: int, test: int) -> str:
    """How many rows each part of the split has, as one bar with its three parts named under it."""
    parts = (
        ("train", train, "training rows"),
        ("dev", dev, "dev rows, to choose settings"),
        ("test", test, "test rows"),
    )
    bar = "".join(f'<i class="{side}" style="flex-grow:{rows}"></i>' for side, rows, _ in parts)
    words = "".join(f'<li class="{side}"><b>{rows:,}</b> {purpose}</li>' for side, rows, purpose in parts)
    return f'<div class="split" aria-hidden="true">{bar}</div><ul class="split-words">{words}</ul>'
