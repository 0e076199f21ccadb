"""The turns of a prompt as a server gets them, and as a person sees them."""

from __future__ import annotations

from eval.sent import Part, Piece, SentPrompt
from strategies.engine.language_model import Message, Prompt

_BETWEEN = "\n\n"


def without_system(prompt: Prompt) -> Prompt:
    """The instruction before the words of the first user, for a model that doesn't read one apart."""
    if len(prompt) < 2 or prompt[0].role != "system":
        return prompt
    system, user, *rest = prompt
    return (
        Message(user.role, f"{system.content}{_BETWEEN}{user.content}", (*system.parts, *user.parts)),
        *rest,
    )


def as_messages(prompt: Prompt) -> list[dict[str, str]]:
    """As requests and training files hold them. A tool's result is a user's turn: services take a result only with the
    number of the call that it answers, and conversations have the call as a text."""
    roles = {"tool": "user"}
    return [{"role": roles.get(message.role, message.role), "content": message.content} for message in prompt]


def as_sent(prompt: Prompt) -> SentPrompt:
    """The messages, each under its role. The server's chat template and its tokens are unknown."""
    words = [
        each
        for number, message in enumerate(prompt)
        for each in ((Part.TEMPLATE, f"{_BETWEEN if number else ''}{message.role}\n"), *message.marked_content())
    ]
    return tuple(Piece(part, text, ()) for part, text in words if text)
