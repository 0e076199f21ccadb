"""A chat template that writes the prompts of a run from plain messages, whoever renders it.

The run renders a model's own template with variables, on a fixed day, and adds what the template leaves out
(`chat_template.py`). A server knows nothing of that, so an exported model brings a template in which all of it is
written down. And the same for Ollama, whose templates are in Go's language.
"""

from __future__ import annotations

import json
from typing import Any

from strategies.engine.chat_template import PLAIN_ANSWER, PLAIN_TURN, ChatTemplate, Frame

_IF_ASKED = "{% if add_generation_prompt %}"


def own_template(template: ChatTemplate, start: str) -> str:
    """In Jinja. `start` is what the tokenizer puts in front of a text, which only plain turns need."""
    frame = template.frame_of("system", "user")
    if template.source is None or frame.way.turns == "plain":
        role, content = PLAIN_TURN.partition("{content}")[0].split("{role}"), PLAIN_TURN.partition("{content}")[2]
        parts = [_quoted(role[0]), "message['role']", _quoted(role[1]), "message['content']", _quoted(content)]
        turn = " + ".join(parts)
        written = f"{{% for message in messages %}}{{{{ {turn} }}}}{{% endfor %}}"
        return f"{{{{ {_quoted(start)} }}}}{written}{_IF_ASKED}{{{{ {_quoted(PLAIN_ANSWER)} }}}}{{% endif %}}"
    switches = switches_of(template, frame)
    sets = "".join(f"{{% set {name} = {json.dumps(value)} %}}" for name, value in switches.items())
    # A line break right after `set` would be dropped as part of it, and an empty text isn't.
    source = f'{sets}{{{{ "" }}}}{template.source}' if sets else template.source
    added = f"{_IF_ASKED}{{{{ {_quoted(frame.added)} }}}}{{% endif %}}" if frame.added else ""
    if not frame.lead:
        return source + added
    # The space in front of an answer belongs to the answer's first token.
    ends = f"add_generation_prompt and whole.endswith({_quoted(frame.lead)})"
    cut = f"{{{{ whole[:-{len(frame.lead)}] if {ends} else whole }}}}"
    return f"{{% set whole %}}{source}{added}{{% endset %}}{cut}"


def switches_of(template: ChatTemplate, frame: Frame) -> dict[str, Any]:
    """The variables that the prompts of a run set, and that the template reads."""
    return {name: value for name, value in template.variables(frame.way).items() if name in (template.source or "")}


def go_template(template: ChatTemplate) -> str | None:
    """In Go's language, for conversations that begin with a system turn. None if the prompts aren't what stands around
    each message."""
    longer = template.frame_of("system", "user", "assistant", "user")
    alone = template.frame_of("system", "user")
    if longer.contents != (0, 1, 2, 3) or alone.contents != (0, 1):
        return None
    after_system, after_asked, after_answer, opening = longer.after
    if (alone.before, alone.after) != (longer.before, (after_system, opening)):
        return None
    asked = _go(opening)
    if after_asked != opening:
        asked = (
            f"{{{{ if eq (len (slice $.Messages $at)) 1 }}}}{_go(opening)}{{{{ else }}}}{_go(after_asked)}{{{{ end }}}}"
        )
    return (
        "{{ range $at, $_ := .Messages }}"
        f'{{{{ if eq .Role "system" }}}}{_go(longer.before)}{{{{ .Content }}}}{_go(after_system)}'
        f'{{{{ else if eq .Role "user" }}}}{{{{ .Content }}}}{asked}'
        f"{{{{ else }}}}{{{{ .Content }}}}{_go(after_answer)}"
        "{{ end }}{{ end }}"
    )


def _quoted(text: str) -> str:
    """Without escapes for other scripts and emoji, which Jinja would read as halves of a character."""
    return json.dumps(text, ensure_ascii=False)


def _go(text: str) -> str:
    """Written out, so that nothing trims it."""
    return f"{{{{ {_quoted(text)} }}}}" if text else ""
