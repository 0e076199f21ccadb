"""Answer with the GGUF file: python example_gguf.py "a new input", or --check for the test rows in check.jsonl.

It needs llama-cpp-python, and nothing of Threeways.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from llama_cpp import Llama

HERE = Path(__file__).parent
REQUEST = json.loads((HERE / "request.json").read_text("utf-8"))
SETTINGS = json.loads((HERE / "settings.json").read_text("utf-8"))
model: Any = Llama(str(next(HERE.glob("*.gguf"))), n_ctx=SETTINGS["context_tokens"], verbose=False)


def answer(text: str) -> str:
    for mark in SETTINGS["form"]["special"]:  # no input can end its turn
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    messages: Any = [{**turn, "content": turn["content"].replace("{{input}}", text)} for turn in REQUEST["messages"]]
    given: Any = model.create_chat_completion(
        messages, max_tokens=REQUEST["max_tokens"], temperature=0, repeat_penalty=1.0
    )
    return str(given["choices"][0]["message"]["content"]).strip()


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
