"""What a strategy sent for one answer: the exact prompt with its tokens coloured by part, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

import streamlit as st

from advisor.pages import frame
from advisor.pages.marks import plain
from advisor.pages.sources import marked_html
from advisor.pairing import strategy_of
from advisor.sections.answers import AnsweredRow
from advisor.storage.stored import StoredRun
from advisor.storage.trial_files import read_prompts
from advisor.wording import count_text, name_of
from eval.outcomes import Outcome
from eval.sent import Part, Piece, SentPrompt, SentPrompts
from eval.shared_words import Span, shared_words
from strategies.registry import STRATEGIES

_HEADINGS = {
    Part.INSTRUCTION: "Instruction",
    Part.EXAMPLE: "Solved examples",
    Part.PASSAGE: "Retrieved passages",
    Part.INPUT: "Input",
    Part.TEMPLATE: "Chat template",
    Part.WHOLE: "Whole prompt",
}
_NAMES = {
    Part.INSTRUCTION: "instruction",
    Part.EXAMPLE: "example",
    Part.PASSAGE: "passage",
    Part.INPUT: "input",
    Part.TEMPLATE: "",  # it stands between all the others
    Part.WHOLE: "",
}
_SAID = tuple(part for part, name in _NAMES.items() if name)
_FOUND = (Part.PASSAGE, Part.EXAMPLE)  # by searching with the input
_INPUT_SHOWN = 50  # characters of an input in a label
_NOT_RECORDED = (
    "Not recorded: an earlier version of Threeways made this run and kept no prompts. Run it again to see them."
)


def show_sent(run: StoredRun, row: AnsweredRow) -> None:
    """Offers the prompt of each strategy with a language model; nothing where there is none."""
    asked = {name: outcome for name, outcome in row.outcomes.items() if strategy_of(name) in STRATEGIES}
    if asked:
        _offer(run, row.example.id, row.example.input, asked)


@st.fragment
def _offer(run: StoredRun, example_id: str, asked: str, outcomes: dict[str, Outcome]) -> None:
    frame.check_seen(run.id)
    words = " ".join(asked.split())
    shown = words if len(words) <= _INPUT_SHOWN else f"{words[: _INPUT_SHOWN - 1]}…"
    chosen = st.pills(
        f"What was sent for “{plain(shown)}”",
        list(outcomes),
        format_func=name_of,
        key=f"sent-{run.id}-{example_id}",
    )
    if chosen is None:
        return
    prompts = _prompts(frame.store().home.as_posix(), run.id, run.ended_at, chosen)
    prompt = prompts.of(example_id) if prompts else None
    if prompt is not None:
        show_prompt(prompt)
    elif prompts and outcomes[chosen].error:
        st.text(f"Nothing was sent. {outcomes[chosen].error}")
    else:
        st.text(_NOT_RECORDED)


def show_prompt(prompt: SentPrompt) -> None:
    st.html(sent_html(prompt))
    with st.expander("Plain text, to copy"):
        st.code("".join(piece.text for piece in prompt), language=None, wrap_lines=True)


@st.cache_resource(show_spinner="Reading the prompts", max_entries=8)
def _prompts(home: str, run_id: str, ended_at: float | None, strategy: str) -> SentPrompts | None:
    """`home` and `ended_at` are part of the key."""
    return read_prompts(frame.store().run_folder(run_id) / strategy)


def sent_html(prompt: SentPrompt) -> str:
    """A legend with the tokens of each part, then the prompt. In passages and solved examples, the words that are also
    in the input are marked."""
    counted = {part: sum(len(piece.ids) for piece in prompt if piece.part is part) for part in Part}
    there = [part for part in Part if counted[part] or (part in _SAID and any(piece.part is part for piece in prompt))]
    legend = "".join(
        f'<li class="part {part}"><b>{_HEADINGS[part]}</b>{_tokens_text(counted[part])}</li>' for part in there
    )
    asked = "".join(piece.text for piece in prompt if piece.part is Part.INPUT)
    pieces = "".join(_piece(piece, asked) for piece in prompt)
    marked = " Marked words are also in the input." if "<mark>" in pieces else ""
    return (
        f'<p class="quiet small">{_told(prompt, sum(counted.values()))}{marked}</p>'
        f'<ul class="sent-parts">{legend}</ul><div class="sent">{pieces}</div>'
    )


def _tokens_text(tokens: int) -> str:
    return f" {count_text(tokens, 'token')}" if tokens else ""


def _told(prompt: SentPrompt, tokens: int) -> str:
    if not tokens:
        return "The messages that were sent. The server adds its chat template, and only it knows the tokens."
    if not all(piece.lengths for piece in prompt):
        return f"The exact prompt, {count_text(tokens, 'token')}. This model's tokenizer doesn't say where each begins."
    return f"The exact prompt, {count_text(tokens, 'token')}. The shade alternates from token to token."


def _piece(piece: Piece, asked: str) -> str:
    name = f"<b>{_NAMES[piece.part]}</b>" if _NAMES[piece.part] else ""
    shared = shared_words(asked, piece.text) if piece.part in _FOUND else ()
    tokens = "".join(f"<i>{marked_html(piece.text, shared, *token)}</i>" for token in _tokens(piece))
    return f'<span class="part {piece.part}">{name}{tokens}</span>'


def _tokens(piece: Piece) -> Iterator[Span]:
    """Where each token is in the text; the whole text if that is unknown."""
    ends = accumulate(piece.lengths, initial=0) if piece.lengths else (0, len(piece.text))
    return ((start, end) for start, end in pairwise(ends) if start < end)
