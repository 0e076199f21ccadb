"""What a language model was sent, as the text of prompts.jsonl: first each piece on a line of its own, once, then for
each example the numbers of its pieces, counted from 0."""

from __future__ import annotations

import json
from collections.abc import Iterator

from eval.sent import Part, Piece, SentPrompts

_COMPACT = (",", ":")


def prompts_to_text(prompts: SentPrompts) -> str:
    return "".join(f"{json.dumps(line, separators=_COMPACT)}\n" for line in _lines(prompts))


def prompts_of_text(text: str) -> SentPrompts:
    """Raises ValueError, KeyError or TypeError if another program wrote it."""
    prompts = SentPrompts()
    for line in map(json.loads, text.splitlines()):
        if "example" in line:
            prompts.examples[line["example"]] = tuple(line["pieces"])
        else:
            piece = Piece(Part(line["part"]), line["text"], tuple(line["ids"]), tuple(line["lengths"]))
            prompts.pieces.append(piece)
    return prompts


def _lines(prompts: SentPrompts) -> Iterator[dict[str, object]]:
    for piece in prompts.pieces:
        yield {"part": piece.part, "text": piece.text, "ids": piece.ids, "lengths": piece.lengths}
    for example, numbers in prompts.examples.items():
        yield {"example": example, "pieces": numbers}
