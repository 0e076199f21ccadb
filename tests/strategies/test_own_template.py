"""The chat template of an exported model writes what the run was asked, from messages alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import pytest

from eval.task import Example
from strategies.engine.language_model import Prompt
from strategies.engine.rendering import ChatForm
from strategies.prompts import build_prompt
from tests.strategies.chat_templates import FAMILIES, tokenizer_for

SHOWN = (Example("a", "My lamp broke", "refund"), Example("b", "Where is it? {{ now }}", "delivery"))
PROMPTS: dict[str, Prompt] = {
    "alone": build_prompt("Sort the message.", "A “cup”\n\nwith <b>tea</b>"),
    "with examples": build_prompt("Sort the message.", "A cup", SHOWN),
    "a conversation": build_prompt(
        "Sort the message.", "user: It broke\nassistant: What?\nuser: My lamp", is_conversation=True
    ),
}


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("asked", PROMPTS)
def test_it_writes_the_prompt_of_the_run(name: str, asked: str) -> None:
    form, prompt = ChatForm(tokenizer_for(FAMILIES[name])), PROMPTS[asked]
    tokenizer = deepcopy(form.tokenizer)
    tokenizer.chat_template = form.own_template
    written = tokenizer.apply_chat_template(form.messages(prompt), tokenize=False, add_generation_prompt=True)
    assert tokenizer(written, add_special_tokens=False)["input_ids"] == form.render(prompt).ids
    loaded = ChatForm(tokenizer)  # by Threeways again, with its own variables
    assert loaded.render(prompt).ids == form.render(prompt).ids
    assert loaded.end == form.end or form.end is None


RENDERER = """
package main

import ("encoding/json"; "os"; "text/template")

type Message struct { Role, Content string }
type Asked struct { Template string; Messages []Message }

func main() {
	var asked []Asked
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil { panic(err) }
	for _, one := range asked {
		made := template.Must(template.New("").Parse(one.Template))
		if err := made.Execute(os.Stdout, map[string]any{"Messages": one.Messages}); err != nil { panic(err) }
		os.Stdout.WriteString("\\x00")
	}
}
"""


@pytest.mark.skipif(shutil.which("go") is None, reason="Go isn't installed, whose templates Ollama uses")
def test_what_ollama_renders_is_the_prompt_of_the_run(tmp_path: Path) -> None:
    asked, expected, without = [], [], []
    for name, family in FAMILIES.items():
        form = ChatForm(tokenizer_for(family))
        if form.go_template is None:
            without.append(name)
            continue
        for prompt in (PROMPTS["alone"], PROMPTS["with examples"]):
            messages = [{"Role": turn.role, "Content": turn.content.strip()} for turn in prompt]
            asked.append({"Template": form.go_template, "Messages": messages})
            expected.append(form.render(prompt).text)
    (tmp_path / "main.go").write_text(RENDERER)
    said = subprocess.run(
        ["go", "run", "main.go"], input=json.dumps(asked), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout.split("\0")[:-1] == expected
    assert len(without) < len(FAMILIES) / 4, without
