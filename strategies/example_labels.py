"""Answer with the exported model: python example.py "a new input", or --check for the test rows in check.jsonl.

It compares how probable each label is after the prompt, so an answer is always a label. It needs torch and
transformers, and nothing of Threeways.
"""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import torch
from choice import choose
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
REQUEST = json.loads((HERE / "request.json").read_text("utf-8"))
SETTINGS = json.loads((HERE / "settings.json").read_text("utf-8"))
tokenizer: Any = AutoTokenizer.from_pretrained(HERE / "model")
network: Any = AutoModelForCausalLM.from_pretrained(HERE / "model", dtype="auto").eval()


@torch.inference_mode()
def answer(text: str) -> str:
    for mark in sorted(tokenizer.all_special_tokens, key=len, reverse=True):  # no input can end its turn
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    messages = [{**turn, "content": turn["content"].replace("{{input}}", text)} for turn in REQUEST["messages"]]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")["input_ids"]
    read = network(input_ids=asked, use_cache=True)
    scores = []
    for tokens in SETTINGS["label_tokens"]:
        logits = read.logits[:, -1:]
        if len(tokens) > 1:
            cache = copy.deepcopy(read.past_key_values)
            rest = network(input_ids=torch.tensor([tokens[:-1]]), past_key_values=cache, use_cache=True)
            logits = torch.cat([logits, rest.logits], dim=1)
        steps = logits[0].float().log_softmax(-1)
        scores.append(sum(float(steps[at, token]) for at, token in enumerate(tokens)))
    chosen: str = choose(scores, SETTINGS)
    return chosen


def check() -> None:
    rows = [json.loads(line) for line in (HERE / "check.jsonl").read_text("utf-8").splitlines()]
    same = sum(answer(row["input"]) == row["answer"] for row in rows)
    print(f"{same} of {len(rows)} answers are those of the run.")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        check()
    else:
        for text in sys.argv[1:] or map(str.strip, sys.stdin):
            print(answer(text))
