"""Answer with the exported model: python example.py "a new input", or --check for the test rows in check.jsonl.

It needs torch and transformers, and nothing of Threeways.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
REQUEST = json.loads((HERE / "request.json").read_text("utf-8"))
tokenizer: Any = AutoTokenizer.from_pretrained(HERE / "model")
network: Any = AutoModelForCausalLM.from_pretrained(HERE / "model", dtype="auto").eval()


def answer(text: str) -> str:
    for mark in sorted(tokenizer.all_special_tokens, key=len, reverse=True):  # no input can end its turn
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    messages = [{**turn, "content": turn["content"].replace("{{input}}", text)} for turn in REQUEST["messages"]]
    prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    asked = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        written = network.generate(**asked, max_new_tokens=REQUEST["max_tokens"], do_sample=False)
    return str(tokenizer.decode(written[0, asked["input_ids"].shape[1] :], skip_special_tokens=True)).strip()


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
