"""What a server was seen to do, and what that means for a comparison, in plain words."""

from __future__ import annotations

from advisor.wording import seconds_text
from strategies.engine.language_model import LabelWay
from strategies.served.capabilities import MOST_OPTIONS, Capabilities

_WORDS_A_TOKEN = 0.75  # of English

_LABELS = {
    LabelWay.SCORED: "The server says how likely each whole label is, and the likeliest one is the answer. So every "
    "answer is one of your labels, as with a model on this machine.",
    LabelWay.DECIDED: "The server says how likely each of your labels is as a whole, without writing it, and the "
    "likeliest one is the answer. So every answer is one of your labels.",
    LabelWay.CHOSEN: "The server lets the model write nothing but one of your labels, so every answer is one of them.",
    LabelWay.FIRST_TOKEN: "The server says how likely each first token is, and the label that begins with the "
    "likeliest is the answer. Where two labels begin alike, the model writes freely, and we look for the label in its "
    "answer.",
    LabelWay.WRITTEN: "The model writes freely, and we look for a label in its answer. An answer without a label "
    "counts as wrong, so the score may be lower than with a server that can be held to labels.",
}


def capabilities_in_words(can: Capabilities, first_token_seconds: float | None) -> list[tuple[str, str]]:
    """Each capability by its name, with what it means. What is as it should be, and changes nothing, is left out."""
    said = [
        ("Labels", _LABELS[can.labels_by]),
        *_more_labels(can),
        ("JSON", _json(can)),
        ("First token", _first_token(can, first_token_seconds)),
        ("Tokens", _tokens(can)),
        ("Context", _context(can)),
    ]
    if not can.repeats:
        said.append(("Repeats", "The same question got different answers, so a repeated run may score differently."))
    if not can.temperature:
        said.append(("Temperature", "The server takes no temperature, so answers vary as its own settings say."))
    if not can.reads_system:
        said.append(("Instruction", "The server reads no system turn, so the instruction comes before the input."))
    if can.thinks:
        said.append(
            (
                "Thoughts",
                f"The model thinks before it answers, up to {can.thought_tokens:,} tokens. They cost time and money in "
                "every request, and we count them.",
            )
        )
    return said


def _more_labels(can: Capabilities) -> list[tuple[str, str]]:
    """How one of many labels is asked for, where that isn't how one of few is."""
    many = can.way_for(MOST_OPTIONS + 1)
    return [] if many is can.labels_by else [(f"More than {MOST_OPTIONS} labels", _LABELS[many])]


def _json(can: Capabilities) -> str:
    if can.follows_schema:
        return (
            "The server holds answers to a schema, which we make from your training answers. So every answer has the "
            "right fields, and only their values can be wrong."
        )
    return "The server doesn't hold answers to a schema. An answer that isn't valid JSON counts as wrong."


def _first_token(can: Capabilities, seconds: float | None) -> str:
    if seconds is not None:
        return f"It takes {seconds_text(seconds)} from here, including the network."
    if can.streams:
        return "The server streams its answers, so a run can measure the time to the first token."
    return "The server sends answers whole. The report has their latency, but no time to the first token."


def _tokens(can: Capabilities) -> str:
    if can.counts:
        return "The server counts the tokens of each request, so costs are exact where you know the prices."
    return "The server doesn't count tokens. We estimate them from the words, so costs are estimates."


def _context(can: Capabilities) -> str:
    if can.context_tokens is None:
        return "The server doesn't say how much the model can read. A prompt that is too long gets no answer."
    words = int(_WORDS_A_TOKEN * can.context_tokens)
    words = round(words, 2 - len(str(words)))
    return (
        f"The model reads up to {can.context_tokens:,} tokens, about {words:,} English words. Passages and examples "
        "have to fit in."
    )
