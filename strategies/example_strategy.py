"""Answer as the run did: python example.py "a new input", or --check for the test rows in check.jsonl.

answer.py beside this file does the work: it searches, builds the prompt and reads the answer. Both need what
requirements.txt lists, and nothing of Threeways. --model takes the base model, or the GGUF file of this folder.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from answer import Strategy

HERE = Path(__file__).parent


def check(strategy: Strategy) -> None:
    rows = [json.loads(line) for line in (HERE / "check.jsonl").read_text("utf-8").splitlines()]
    same = sum(strategy.answer(row["input"]) == row["answer"] for row in rows)
    print(f"{same} of {len(rows)} answers are those of the run.")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("input", nargs="*")
    arguments.add_argument("--model", help="a folder, a .gguf file or a hub id")
    arguments.add_argument("--check", action="store_true")
    given = arguments.parse_args()
    if given.check:
        check(Strategy(model=given.model))
    else:
        strategy = Strategy(model=given.model)
        for text in given.input:
            print(strategy.answer(text))
