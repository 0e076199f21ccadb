"""llama.cpp in a process of its own: its threads and torch's would spin for the same cores in one.

Runs as `python -m tests.benchmarks.llama_peer FILE.gguf THREADS`. A request is a line of JSON with the name of a method
of `LlamaCpp` and its arguments; the reply is a line of JSON. Imports no torch.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.llama_clock import clock

OPEN_CONTEXTS = 2  # each holds logits of hundreds of tokens
Asked = tuple[int, int, int]  # a token, its position, its sequence


class LlamaCpp:
    """The library's own functions, with its defaults. Token ids come in and go out; times are in seconds."""

    def __init__(self, gguf: str, threads: int) -> None:
        self._quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
        llama_cpp.llama_log_set(self._quiet, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model = llama_cpp.llama_model_load_from_file(gguf.encode(), llama_cpp.llama_model_default_params())
        if model is None:
            raise SystemExit(f"llama.cpp can't read {gguf}.")
        self._model, self._threads, self._now = model, threads, clock(threads)
        self._vocabulary = llama_cpp.llama_model_get_vocab(model)
        self._contexts: dict[tuple[int, int, bool], _Context] = {}

    def build(self) -> str:
        """Which instructions of the processor llama.cpp was built for."""
        return str(llama_cpp.llama_print_system_info().decode())

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        """Special tokens are read as such."""
        return [self._tokens(text.encode()) for text in texts]

    def write(self, rows: list[list[int]], limit: int, ends: list[int], shared: bool = False) -> dict[str, Any]:
        """Greedy answers to all rows at once, one sequence for each, without the token of `ends` that ends them.

        With `shared`, the rows' common beginning is read once and all sequences refer to it. Without, each sequence has
        a cache of its own, which is faster where little is shared.
        """
        sequences = range(len(rows))
        context = self._context(len(rows), max(map(len, rows)) + limit, shared)
        began = self._now()
        logits = context.read(rows, _common(rows) if shared else 0)
        chosen = dict(zip(sequences, logits.argmax(1).tolist(), strict=True))
        read = self._now()
        answers: list[list[int]] = [[] for _ in sequences]
        for length in range(limit):
            chosen = {sequence: token for sequence, token in chosen.items() if token not in ends}
            for sequence, token in chosen.items():
                answers[sequence].append(token)
            if not chosen or length == limit - 1:
                break
            asked = [(token, len(rows[sequence]) + length, sequence) for sequence, token in chosen.items()]
            chosen = dict(zip(chosen, context.run(asked, range(len(asked))).argmax(1).tolist(), strict=True))
        return {"answers": answers, "reading": read - began, "writing": self._now() - read}

    def score(self, prompts: list[list[int]], labels: list[list[int]]) -> dict[str, Any]:
        """Each label's log-probability after each prompt, [prompts, labels].

        The common beginning of the prompts is read once. The labels stand in full behind one copy of their prompt, each
        in a sequence of its own.
        """
        longest = max(map(len, prompts)) + sum(map(len, labels))
        context = self._context(1 + len(labels), longest, shared=True, tokens=longest)
        began = self._now()
        common = _common(prompts)
        context.run([(token, at, 0) for at, token in enumerate(prompts[0][:common])], [])
        scores = [self._score(context, prompt, common, labels) for prompt in prompts]
        return {"scores": scores, "seconds": self._now() - began}

    def _score(self, context: _Context, prompt: list[int], common: int, labels: list[list[int]]) -> list[float]:
        context.forget(0, common)
        own = [(token, at, 0) for at, token in enumerate(prompt) if at >= common]
        first = _log_softmax(context.run(own, [len(own) - 1]))[0]
        asked = []
        for sequence, label in enumerate(labels, 1):
            context.forget(sequence, 0)
            context.follow(0, sequence)
            asked += [(token, len(prompt) + at, sequence) for at, token in enumerate(label[:-1])]
        after = _log_softmax(context.run(asked, range(len(asked)))) if asked else first[:0]
        scores, start = [], 0
        for label in labels:
            rest = after[range(start, start + len(label) - 1), label[1:]].sum() if len(label) > 1 else 0.0
            scores.append(float(first[label[0]] + rest))
            start += len(label) - 1
        return scores

    def _tokens(self, text: bytes) -> list[int]:
        found = (ctypes.c_int32 * (len(text) + 8))()
        count = llama_cpp.llama_tokenize(self._vocabulary, text, len(text), found, len(found), False, True)
        return list(found[:count])

    def _context(self, sequences: int, tokens_each: int, shared: bool, tokens: int = 0) -> _Context:
        """A context with room for that many tokens; with `shared`, sequences can refer to the same ones. It is kept, so
        that memory isn't allocated while the clock runs."""
        asked = sequences, _padded(tokens) if tokens else sequences * _padded(tokens_each), shared
        if asked in self._contexts:
            self._contexts[asked].clear()
            return self._contexts[asked]
        if len(self._contexts) == OPEN_CONTEXTS:
            self._contexts.pop(next(iter(self._contexts))).close()
        context = self._contexts[asked] = _Context(self._model, self._vocabulary, self._threads, *asked)
        context.run([(0, at, 0) for at in range(min(tokens_each, 64))], [0])  # its memory is touched
        context.clear()
        return context


class _Context:
    """A `llama_context` with its memory, and the batch that is filled for each call."""

    def __init__(self, model: Any, vocabulary: Any, threads: int, sequences: int, tokens: int, shared: bool) -> None:
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = options.n_batch = tokens
        options.n_seq_max, options.kv_unified = sequences, shared
        options.n_threads = options.n_threads_batch = threads
        self._context = llama_cpp.llama_init_from_model(model, options)
        if self._context is None:
            raise SystemExit("llama.cpp can't make a context of this size.")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self._words = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self._ids, self._positions, self._sequences = (np.zeros(tokens, np.int32) for _ in range(3))
        self._wanted, self._one = np.zeros(tokens, np.int8), np.ones(tokens, np.int32)
        self._sequence_of = (self._sequences.ctypes.data + 4 * np.arange(tokens)).astype(np.uintp)  # pointers

    def run(self, asked: Sequence[Asked], wanted: Iterable[int]) -> NDArray[np.float32]:
        """The logits after the wanted of these tokens, [wanted, vocabulary]; they hold until the next call."""
        count = len(asked)
        if count:
            self._ids[:count], self._positions[:count], self._sequences[:count] = np.array(asked, np.int32).T
        self._wanted[:count] = 0
        self._wanted[list(wanted)] = 1
        batch = llama_cpp.llama_batch(
            n_tokens=count,
            token=self._ids.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            pos=self._positions.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            n_seq_id=self._one.ctypes.data_as(ctypes.POINTER(ctypes.c_int32)),
            seq_id=self._sequence_of.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
            logits=self._wanted.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )
        if count and (problem := llama_cpp.llama_decode(self._context, batch)):
            raise SystemExit(f"llama_decode of {count} tokens returned {problem}.")
        shape = int(self._wanted[:count].sum()), self._words
        if not shape[0]:
            return np.zeros(shape, np.float32)
        return np.ctypeslib.as_array(llama_cpp.llama_get_logits(self._context), shape)

    def read(self, rows: list[list[int]], common: int) -> NDArray[np.float32]:
        """Each row in its own sequence, the first `common` tokens once for all; the logits after each, [rows,
        vocabulary]."""
        self.run([(token, at, 0) for at, token in enumerate(rows[0][:common])], [])
        for sequence in range(1, len(rows) if common else 1):
            self.follow(0, sequence)
        asked = [
            (token, at, sequence) for sequence, row in enumerate(rows) for at, token in enumerate(row) if at >= common
        ]
        return self.run(asked, np.cumsum([len(row) - common for row in rows]) - 1)

    def follow(self, sequence: int, other: int) -> None:
        """The other sequence begins with all tokens of this one; nothing is copied if the memory is shared."""
        llama_cpp.llama_memory_seq_cp(self._memory, sequence, other, -1, -1)

    def forget(self, sequence: int, start: int) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1)

    def clear(self) -> None:
        llama_cpp.llama_memory_clear(self._memory, False)

    def close(self) -> None:
        llama_cpp.llama_free(self._context)


def _common(rows: list[list[int]]) -> int:
    """How many tokens all rows begin with, leaving at least one of each."""
    length = min(map(len, rows)) - 1
    return len(list(takewhile(lambda tokens: len(set(tokens)) == 1, zip(*(row[:length] for row in rows), strict=True))))


def _padded(tokens: int) -> int:
    """llama.cpp gives each sequence a multiple of 256."""
    return -(-tokens // 256) * 256


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max(1, keepdims=True)
    found: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return found


def main(gguf: str, threads: str) -> None:
    peer = LlamaCpp(gguf, int(threads))
    methods: dict[str, Callable[..., Any]] = {
        "build": peer.build, "tokenize": peer.tokenize, "write": peer.write, "score": peer.score,
    }  # fmt: skip
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(methods[request.pop("do")](**request)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
