"""Answer with the GGUF file: python example_gguf.py "a new input", or --check for the test rows in check.jsonl.

It compares how probable each label is after the prompt, so an answer is always a label. It needs llama-cpp-python, and
nothing of Threeways.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from choice import choose
from llama_cpp import Llama
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

HERE = Path(__file__).parent
REQUEST = json.loads((HERE / "request.json").read_text("utf-8"))
SETTINGS = json.loads((HERE / "settings.json").read_text("utf-8"))
model: Any = Llama(str(next(HERE.glob("*.gguf"))), n_ctx=SETTINGS["context_tokens"], logits_all=True, verbose=False)
start, end = (model.detokenize([token], special=True).decode() for token in (model.token_bos(), model.token_eos()))
render = Jinja2ChatFormatter(model.metadata["tokenizer.chat_template"], bos_token=start, eos_token=end)


def answer(text: str) -> str:
    for mark in SETTINGS["form"]["special"]:  # no input can end its turn
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    messages: Any = [{**turn, "content": turn["content"].replace("{{input}}", text)} for turn in REQUEST["messages"]]
    asked = model.tokenize(render(messages=messages).prompt.encode(), add_bos=False, special=True)
    model.reset()
    model.eval(asked)
    scores = []
    for tokens in SETTINGS["label_tokens"]:
        model.n_tokens = len(asked)  # forgets the label before
        if len(tokens) > 1:
            model.eval(tokens[:-1])
        logits = model.scores[len(asked) - 1 : len(asked) - 1 + len(tokens)].astype(np.float64)
        logits = logits - logits.max(axis=1, keepdims=True)
        steps = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        scores.append(float(steps[range(len(tokens)), tokens].sum()))
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
