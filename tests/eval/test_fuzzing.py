"""Damaged files end in a result or in one sentence. `python -m tests.benchmarks.fuzz_uploads` tries thousands."""

from __future__ import annotations

import time
from pathlib import Path

from eval.reading.encodings import decoded
from eval.scoring.closeness import is_number, number_in
from tests.benchmarks.fuzz_uploads import mutants, seeds_in, use_apart

TESTS = Path(__file__).parents[1]
MUTANTS = 40


def test_damaged_files_end_in_a_result_or_one_sentence() -> None:
    seeds = seeds_in([TESTS / "cases", TESTS / "fixtures" / "cases"])
    small = [(name, content) for name, content in seeds if len(content) < 10_000]
    ends = [(name, use_apart(name, content)) for name, content in mutants(small, MUTANTS, seed=18)]
    assert [(name, end) for name, end in ends if end not in ("read", "refused", "killed")] == []
    assert {end for _, end in ends} >= {"read", "refused"}


def test_a_long_line_in_no_known_encoding_is_read_in_linear_time() -> None:
    content = b"text,label " + b"a, b " * 200_000 + b"\xff\x81\x8d"
    start = time.process_time()
    decoded(content)
    assert time.process_time() - start < 5


def test_a_number_too_large_to_compute_with_is_none() -> None:
    for text in ("1e999", "9" * 5_000, f"{'9' * 400} euros"):
        assert number_in(text) is None
    assert not is_number("1e999")
