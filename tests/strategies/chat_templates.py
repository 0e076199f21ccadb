"""Chat templates in the style of many families of models, written for these tests, with the special tokens they use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

TOKENIZER = Path(__file__).parents[1] / "fixtures" / "tiny_tokenizer"
ONE_ROLE_AFTER_THE_OTHER = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Family:
    """`opening` is how a prompt ends, `end` the token that ends an answer: None for the tokenizer's own. `tokens` are
    the special tokens besides; `bos` and `eos` are among them. `lead` is the space in front of an answer."""

    template: str | dict[str, str]
    opening: str
    end: str | None = None
    tokens: tuple[str, ...] = ()
    bos: str | None = None
    eos: str | None = None
    lead: str = ""
    told: str = ""  # what must be in the prompt
    closes: bool = False  # whether the prompt ends with a thought that we closed


def tokenizer_for(family: Family) -> PreTrainedTokenizerBase:
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(TOKENIZER)
    tokenizer.add_tokens(list(family.tokens), special_tokens=True)
    if family.bos:
        tokenizer.bos_token = family.bos
    if family.eos:
        tokenizer.eos_token = family.eos
    tokenizer.chat_template = family.template
    return tokenizer


def _chatml(generation: str = "", before: str = "") -> str:
    return (
        before
        + "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
        + generation
        + "{% endif %}"
    )


def _turns(system: str, user: str, assistant: str, generation: str = "") -> str:
    """Each turn as a Jinja expression of `c`, its content."""
    return (
        "{% for m in messages %}{% set c = m['content'] %}"
        f"{{% if m['role'] == 'system' %}}{{{{ {system} }}}}"
        f"{{% elif m['role'] == 'user' %}}{{{{ {user} }}}}"
        f"{{% else %}}{{{{ {assistant} }}}}{{% endif %}}{{% endfor %}}"
        f"{{% if add_generation_prompt %}}{{{{ {generation or repr('')} }}}}{{% endif %}}"
    )


FAMILIES = {
    "default system turn": Family(
        _chatml(
            before="{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}"
            "{% endif %}"
        ),
        "<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "raises at a system turn, trims": Family(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}" + ONE_ROLE_AFTER_THE_OTHER + "{% for m in messages %}"
        "{{ '<start_of_turn>' + ('model' if m['role'] == 'assistant' else m['role']) + '\n' + m['content'] | trim "
        "+ '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        "<end_of_turn>\n<start_of_turn>model\n",
        "<end_of_turn>",
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
        bos="<bos>",
        eos="<eos>",
    ),
    "turns must alternate, no generation prompt": Family(
        "{{ bos_token }}" + ONE_ROLE_AFTER_THE_OTHER + _turns("c", "'[INST] ' + c + ' [/INST]'", "' ' + c + eos_token"),
        " [/INST]",
        "</s>",
        ("<s>", "</s>", "[INST]", "[/INST]"),
        bos="<s>",
        eos="</s>",
        lead=" ",
    ),
    "instruction in the last user turn": Family(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set said = messages[0]['content'] %}"
        "{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST]' }}"
        "{% if loop.last and said is defined %}{{ said + '\n\n' }}{% endif %}{{ m['content'] + '[/INST]' }}"
        "{% else %}{{ m['content'] + eos_token }}{% endif %}{% endfor %}",
        "[/INST]",
        "</s>",
        ("<s>", "</s>", "[INST]", "[/INST]"),
        bos="<s>",
        eos="</s>",
    ),
    "system turn within the first user turn": Family(
        "{% if messages[0]['role'] == 'system' %}"
        "{% set said = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
        "{% set messages = messages[1:] %}{% else %}{% set said = '' %}{% endif %}{% for m in messages %}"
        "{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + (said if loop.first else '') + m['content'] | trim "
        "+ ' [/INST]' }}{% else %}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{% endif %}{% endfor %}",
        " [/INST]",
        "</s>",
        ("<s>", "</s>"),
        bos="<s>",
        eos="</s>",
        lead=" ",
        told="<<SYS>>",
    ),
    "dates, tools": Family(
        "{{ bos_token }}{% if not date_string is defined %}{% if strftime_now is defined %}"
        '{% set date_string = strftime_now("%d %b %Y") %}{% endif %}{% endif %}'
        "{% if not tools is defined %}{% set tools = none %}{% endif %}"
        "{{ '<|start_header_id|>system<|end_header_id|>\n\nToday Date: ' + date_string + '\n\n' }}"
        "{% if tools is not none %}{{ 'You have tools.' + tools | tojson }}{% endif %}"
        "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] | trim }}{% set messages = messages[1:] %}"
        "{% endif %}{{ '<|eot_id|>' }}{% for m in messages %}{% if m['role'] == 'tool' or 'tool_calls' in m %}"
        "{{ '<|python_tag|>' + m.tool_calls | length }}{% else %}{{ '<|start_header_id|>' + m['role'] "
        "+ '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        bos="<|begin_of_text|>",
        eos="<|end_of_text|>",
        told="Today Date: 26 Jul 2024",
    ),
    "another token ends turns": Family(
        _turns(
            "'<|system|>\n' + c + '<|end|>\n'",
            "'<|user|>\n' + c + '<|end|>\n'",
            "'<|assistant|>\n' + c + '<|end|>\n'",
            "'<|assistant|>\n'",
        ),
        "<|end|>\n<|assistant|>\n",
        "<|end|>",
        ("<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"),
        eos="<|endoftext|>",
    ),
    "the line break is left to the model": Family(
        "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}"
        "{% if loop.last and add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}{% endfor %}",
        "</s>\n<|assistant|>\n",
        "</s>",
        ("</s>",),
        eos="</s>",
    ),
    "a space before the answer": Family(
        _turns("c + ' '", "'USER: ' + c + ' '", "'ASSISTANT: ' + c + eos_token", "'ASSISTANT:'"),
        " ASSISTANT:",
        "</s>",
        ("</s>",),
        eos="</s>",
        lead=" ",
    ),
    "generation prompt ends in a space": Family(
        _turns("c + '\n'", "'Human: ' + c + '\n'", "'Assistant: ' + c + eos_token", "'Assistant: '"),
        "\nAssistant:",
        "</s>",
        ("</s>",),
        eos="</s>",
        lead=" ",
    ),
    "generation prompt ends within a word": Family(
        _turns("c + '\n'", "'<user>' + c + '\n'", "'<assistant>' + c + eos_token", "'<ass'"),
        "\n<assistant>",
        "</s>",
        ("</s>",),
        eos="</s>",
    ),
    "nothing ends an answer": Family(
        _turns(
            "c + '\n\n'",
            "'### Instruction:\n' + c + '\n\n'",
            "'### Response:\n' + c + '\n\n'",
            "'### Response:\n'",
        ),
        "\n\n### Response:\n",
    ),
    "drops system turns": Family(
        "{% for m in messages if m['role'] != 'system' %}{{ '<' + m['role'] + '>' + m['content'] + eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
        "</s><assistant>",
        "</s>",
        ("</s>",),
        eos="</s>",
    ),
    "shows only the last turn": Family(
        "{{ messages[-1]['content'] }}{% if add_generation_prompt %}{{ '\n=>' }}{% else %}{{ eos_token }}{% endif %}",
        "\n=>",
        "</s>",
        ("</s>",),
        eos="</s>",
    ),
    "contents in parts": Family(
        "{% for m in messages %}{{ '<' + m['role'] + '>' }}{% for part in m['content'] %}"
        "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{{ eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}",
        "</s><assistant>",
        "</s>",
        ("</s>",),
        eos="</s>",
    ),
    "counts tools and documents": Family(
        _chatml(
            before="{% if tools is defined and tools | length + documents | length > 0 %}{{ tools[0].name }}"
            "{% endif %}"
        ),
        "<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "several templates": Family(
        {"tool_use": "{{ tools[0]['name'] }}", "default": _chatml(), "rag": "{{ documents[0]['text'] }}"},
        "<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "several templates, none the default": Family(
        {"tool_use": "{{ tools[0]['name'] }}", "chat": _chatml()},
        "<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "fails": Family("{{ no_such_function(messages) }}", "\nassistant:\n"),
    "thinking can be switched off": Family(
        _chatml(
            "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}"
            "{% endif %}",
            "{% if tools %}{{ '# Tools' }}{% endif %}",
        ).replace("m['content'] +", "m['content'].split('</think>')[-1].lstrip('\n') +"),
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
    ),
    "thinks, and shows empty thoughts": Family(
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
        "{% if m['role'] == 'assistant' and loop.last %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
        "{{ m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}",
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
        closes=True,
    ),
    "generation prompt opens a thought": Family(
        "{{ bos_token }}"
        + _turns(
            "c",
            "'<｜User｜>' + c",
            "'<｜Assistant｜>' + c.split('</think>')[-1] + '<｜end of sentence｜>'",
            "'<｜Assistant｜><think>\n'",
        ),
        "<｜Assistant｜><think>\n\n</think>\n\n",
        "<｜end of sentence｜>",
        ("<｜begin of sentence｜>", "<｜end of sentence｜>", "<｜User｜>", "<｜Assistant｜>"),
        bos="<｜begin of sentence｜>",
        eos="<｜end of sentence｜>",
        closes=True,
    ),
    "thinks if asked": Family(
        "{% if not thinking is defined %}{% set thinking = true %}{% endif %}{{ bos_token }}"
        + _turns(
            "c",
            "'<｜User｜>' + c",
            "'<｜Assistant｜></think>' + c + '<｜end of sentence｜>'",
            "'<｜Assistant｜>' + ('<think>' if thinking else '</think>')",
        ),
        "<｜Assistant｜></think>",
        "<｜end of sentence｜>",
        ("<｜begin of sentence｜>", "<｜end of sentence｜>", "<｜User｜>", "<｜Assistant｜>"),
        bos="<｜begin of sentence｜>",
        eos="<｜end of sentence｜>",
    ),
    "a word in the system turn, written by the template": Family(
        "{% if enable_thinking is not defined %}{% set enable_thinking = true %}{% endif %}"
        "{{ '<|im_start|>system\nToday Date: ' + strftime_now('%d %B %Y') + '\nReasoning Mode: ' "
        "+ ('/think' if enable_thinking else '/no_think') + '\n\n' }}"
        "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'].replace('/no_think', '') }}"
        "{% set messages = messages[1:] %}{% endif %}{{ '<|im_end|>\n' }}"
        + _chatml("{% if not enable_thinking %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"),
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n",
        "<|im_end|>",
        told="Reasoning Mode: /no_think",
    ),
    "a word in the first turn, written by us": Family(
        "{% set ns = namespace(thinks=true) %}{% for m in messages %}{% if '/no_think' in m['content'] %}"
        "{% set ns.thinks = false %}{% endif %}{% endfor %}"
        + _turns(
            "'<SPECIAL_10>System\n' + c.replace('/no_think', '') | trim + '\n'",
            "'<SPECIAL_11>User\n' + c + '\n'",
            "'<SPECIAL_11>Assistant\n' + c + '\n<SPECIAL_12>\n'",
            "'<SPECIAL_11>Assistant\n' + ('<think>\n' if ns.thinks else '<think></think>')",
        ),
        "<SPECIAL_11>Assistant\n<think></think>",
        "<SPECIAL_12>",
        ("<SPECIAL_10>", "<SPECIAL_11>", "<SPECIAL_12>"),
    ),
    "channels": Family(
        "{% if reasoning_effort is not defined %}{% set reasoning_effort = 'medium' %}{% endif %}"
        "{{ '<|start|>system<|message|>Current date: ' + strftime_now('%Y-%m-%d') + '\nReasoning: ' + reasoning_effort "
        "+ '\n# Valid channels: analysis, commentary, final.<|end|>' }}"
        "{% if messages[0]['role'] == 'system' %}{{ '<|start|>developer<|message|># Instructions\n\n' "
        "+ messages[0]['content'] + '<|end|>' }}{% set messages = messages[1:] %}{% endif %}"
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ '<|start|>user<|message|>' + m['content'] + '<|end|>' }}"
        "{% else %}{% if 'thinking' in m %}{{ '<|start|>assistant<|channel|>analysis<|message|>' + m.thinking }}"
        "{% endif %}"
        "{{ '<|start|>assistant<|channel|>final<|message|>' + m['content'] }}"
        "{{ '<|return|>' if loop.last and not add_generation_prompt else '<|end|>' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        "<|return|>",
        ("<|start|>", "<|message|>", "<|channel|>", "<|end|>", "<|return|>"),
        eos="<|return|>",
        told="Reasoning: low",
        closes=True,
    ),
    "response tokens": Family(
        "{{ bos_token }}{% set reasoning = true if reasoning is undefined else reasoning %}"
        + _turns(
            "'<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>' + c + '<|END_OF_TURN_TOKEN|>'",
            "'<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + c + '<|END_OF_TURN_TOKEN|>'",
            "'<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' + ('' if reasoning else '<|START_THINKING|><|END_THINKING|>')"
            " + '<|START_RESPONSE|>' + c + '<|END_RESPONSE|><|END_OF_TURN_TOKEN|>'",
            "'<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' + ('' if reasoning else '<|START_THINKING|><|END_THINKING|>')",
        ),
        "<|CHATBOT_TOKEN|><|START_THINKING|><|END_THINKING|><|START_RESPONSE|>",
        "<|END_RESPONSE|>",
        (
            "<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>",
            "<|CHATBOT_TOKEN|>", "<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>",
        ),
        bos="<BOS_TOKEN>",
        eos="<|END_OF_TURN_TOKEN|>",
    ),
    "a budget for thoughts": Family(
        "{% if thinking_budget is not defined %}{% set thinking_budget = -1 %}{% endif %}"
        "{% for m in messages %}{{ bos_token + m['role'] + '\n' + m['content'] + eos_token }}{% endfor %}"
        "{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% if thinking_budget == 0 %}"
        "{{ '<seed:think><seed:cot_budget_reflect>No thoughts.</seed:cot_budget_reflect></seed:think>' }}"
        "{% endif %}{% endif %}",
        "assistant\n<seed:think><seed:cot_budget_reflect>No thoughts.</seed:cot_budget_reflect></seed:think>",
        "<seed:eos>",
        ("<seed:bos>", "<seed:eos>", "<seed:think>", "</seed:think>"),
        bos="<seed:bos>",
        eos="<seed:eos>",
    ),
    "told to think in brackets": Family(
        "{{ bos_token + '[SYSTEM_PROMPT]Draft your thoughts first: [THINK]thoughts[/THINK], then answer.\n' }}"
        + _turns("c", "'[/SYSTEM_PROMPT][INST]' + c + '[/INST]'", "c + eos_token"),
        "[/INST][THINK][/THINK]",
        "</s>",
        ("<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[THINK]", "[/THINK]"),
        bos="<s>",
        eos="</s>",
        closes=True,
    ),
    "told to think in tags": Family(
        "{{ '<|im_start|>system<|im_sep|>Structure your response: <think> {Thought} </think> {Solution}. ' }}"
        + _turns(
            "c + '<|im_end|>'",
            "'<|im_start|>user<|im_sep|>' + c + '<|im_end|>'",
            "'<|im_start|>assistant<|im_sep|>' + c + '<|im_end|>'",
            "'<|im_start|>assistant<|im_sep|>'",
        ),
        "<|im_start|>assistant<|im_sep|><think>\n\n</think>\n\n",
        "<|im_end|>",
        ("<|im_sep|>",),
        closes=True,
    ),
    "effort can be none": Family(
        "{% set reasoning_effort = reasoning_effort if reasoning_effort is defined else 'high' %}"
        "{% if reasoning_effort not in ['none', 'high'] %}{{ raise_exception('none or high') }}{% endif %}"
        "{{ bos_token + '[MODEL_SETTINGS]' + reasoning_effort + '[/MODEL_SETTINGS]' }}"
        + _turns("'[SYSTEM_PROMPT]' + c + '[/SYSTEM_PROMPT]'", "'[INST]' + c + '[/INST]'", "c + eos_token"),
        "[/INST]",
        "</s>",
        ("<s>", "</s>", "[INST]", "[/INST]", "[THINK]", "[/THINK]"),
        bos="<s>",
        eos="</s>",
        told="[MODEL_SETTINGS]none[/MODEL_SETTINGS]",
    ),
    "refuses variables that it doesn't know": Family(
        "{% set known = ['medium', 'high'] %}{% if reasoning_effort is defined and not reasoning_effort in known %}"
        "{{ raise_exception('unknown effort') }}{% endif %}"
        + _turns("'<sys>' + c", "'<usr>' + c", "'<bot>' + c + eos_token", "'<bot>'"),
        "<bot>",
        "</s>",
        ("</s>", "<sys>", "<usr>", "<bot>"),
        eos="</s>",
        told="<sys>",
    ),
    "a word in user turns, written by the template": Family(
        "[gMASK]<sop>"
        + _turns(
            "'<|system|>\n' + c",
            "'<|user|>\n' + c + ('/nothink' if enable_thinking is defined and not enable_thinking else '')",
            "'<|assistant|>\n<think></think>\n' + c",
            "'<|assistant|>\n' + ('<think></think>' if enable_thinking is defined and not enable_thinking else '')",
        ),
        "/nothink<|assistant|>\n<think></think>\n",
        "<|user|>",
        ("[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"),
    ),
}  # fmt: skip
