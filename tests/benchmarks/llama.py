"""Our engine and llama.cpp on the embedded model: the same prompts as token ids, the same cores, one after the other.

Ours is float32, as in the product. llama.cpp runs the packaged GGUF file (Q4_1: 4-bit weights, activations rounded to
8 bits) and the same weights written out as F16 and F32. It reads and writes all rows at once with the library's own
batches, one sequence per row, which is what its server does with parallel slots, without the server's overhead.

On a busy machine, OMP_NUM_THREADS=1 counts the processor's seconds of one thread on each side instead of the time of
day: other programs hardly change those, while threads that wait for each other become many times slower.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import gguf
import numpy as np
import torch

from strategies.engine.key_values import Prefix
from strategies.engine.models import embedded_gguf
from strategies.engine.transformer import Transformer
from strategies.engine.weights import load_language_model
from strategies.prompts import build_prompt, instruction_of
from tests.benchmarks.llama_clock import clock
from tests.benchmarks.shared_tasks import Skipped, shared_task
from tests.benchmarks.side_by_side import by_sum, label_tokens, rates
from tests.benchmarks.writing import with_examples

PACKAGED = "Q4_1"
FORMS = (PACKAGED, "F16", "F32")
READ = ((100, 1), (100, 8), (500, 1), (500, 4))  # tokens of a prompt, rows in a call
WRITTEN = (1, 8, 32)  # rows in a call, after prompts of 100 tokens
TOKENS_WRITTEN = 32
LABELLED = 16  # rows in a call
ANSWERED = ("restaurant8k", "xquad_en")
ROWS = 120  # of each, with at most that many test rows; with FULL all
ROWS_AT_ONCE = 8  # of llama.cpp, for these answers


class Peer:
    """llama.cpp on one file, in a process that does nothing while ours works (`llama_peer.py`)."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.llama_peer", str(file), str(torch.get_num_threads())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, do: str, **arguments: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True, slots=True)
class Work:
    """What both do in a round, each on its side. `next_rows` gives the ids of the next round's prompts; the others
    return the seconds. `amount` is in tokens or, for labels, rows."""

    what: str
    amount: int
    next_rows: Callable[[], list[list[int]]]
    ours: Callable[[list[list[int]]], float]
    theirs: Callable[[Peer, list[list[int]]], float]


def run(full: bool) -> list[dict[str, Any]]:
    packaged = embedded_gguf()
    if packaged is None or importlib.util.find_spec("llama_cpp") is None:
        raise Skipped("llama-cpp-python isn't installed; `make bench NAMES=llama` builds it where a C++ compiler is")
    model = load_language_model("embedded")
    assert isinstance(model, Transformer)
    with llama_on(FORMS) as peers:
        rows = [_compare(work, peers, rounds=5 if full else 3) for work in (*reading(model), *writing(model))]
        rows.append(_compare(labelling(model), peers, rounds=5 if full else 3))
        return rows + [row for name in ANSWERED for row in same_answers(name, model, peers, None if full else ROWS)]


@contextmanager
def llama_on(forms: Sequence[str]) -> Iterator[dict[str, Peer]]:
    """A process of llama.cpp for each form of the weights."""
    packaged = embedded_gguf()
    assert packaged is not None
    with TemporaryDirectory() as folder, ExitStack() as opened:
        yield {
            form: opened.enter_context(Peer(packaged if form == PACKAGED else written_as(form, packaged, Path(folder))))
            for form in forms
        }


def written_as(form: str, packaged: Path, folder: Path) -> Path:
    """The same weights as 16- or 32-bit numbers, in a new GGUF file with the same description."""
    source = gguf.GGUFReader(packaged)
    file = folder / f"{form}.gguf"
    target = gguf.GGUFWriter(file, str(source.fields["general.architecture"].contents()))
    for name, field in source.fields.items():
        if name == "general.file_type":
            target.add_file_type({"F16": gguf.LlamaFileType.MOSTLY_F16, "F32": gguf.LlamaFileType.ALL_F32}[form])
        elif not name.startswith("GGUF.") and name != "general.architecture":
            inner = field.types[1] if len(field.types) > 1 else None
            target.add_key_value(name, field.contents(), field.types[0], inner)
    for tensor in source.tensors:
        weights = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        target.add_tensor(tensor.name, weights.astype(np.float16) if form == "F16" and weights.ndim > 1 else weights)
    target.write_header_to_file()
    target.write_kv_data_to_file()
    target.write_tensors_to_file()
    target.close()
    return file


def reading(model: Transformer) -> Iterator[Work]:
    """Prompts of exactly so many tokens, which share no beginning."""
    for tokens, count in READ:
        yield Work(
            f"reading {tokens} tokens, {_rows(count)} in a call: tokens a second",
            tokens * count,
            partial(_cut, _texts(model), tokens, count),
            lambda rows: _seconds(partial(model.write_tokens, rows, 1)),
            lambda peer, rows: float(peer.ask("write", rows=rows, limit=1, ends=[])["reading"]),
        )


def writing(model: Transformer) -> Iterator[Work]:
    """The same number of tokens for all rows, whatever they say; the first of them comes with reading."""
    limit = TOKENS_WRITTEN + 1
    for count in WRITTEN:
        yield Work(
            f"writing {_rows(count)} at once: tokens a second",
            TOKENS_WRITTEN * count,
            partial(_cut, _texts(model), 100, count),
            partial(_write_on, model, limit),
            lambda peer, rows: float(peer.ask("write", rows=rows, limit=limit, ends=[])["writing"]),
        )


def labelling(model: Transformer) -> Work:
    """Prompts with an instruction, which they share, and the most probable of 15 labels."""
    task, split = shared_task("clinc_banking15")
    instruction = instruction_of(task.brief, split.train)
    encoded = cycle(model.encode(build_prompt(instruction, row.input)) for row in split.test)
    tree, labels = model._tree(tuple(task.labels)), label_tokens(model, task.labels)
    return Work(
        f"choosing among {len(labels)} labels, {LABELLED} rows in a call: rows a second",
        LABELLED,
        lambda: list(islice(encoded, LABELLED)),
        lambda rows: _seconds(partial(model.score_tokens, rows, tree, compare=by_sum)),
        lambda peer, rows: float(peer.ask("score", prompts=rows, labels=labels)["seconds"]),
    )


def same_answers(name: str, model: Transformer, peers: dict[str, Peer], count: int | None) -> Iterator[dict[str, Any]]:
    """How many prompts have the same tokens on both sides, and how many greedy answers."""
    prompts, limit = with_examples(name, model)
    encoded = [model.encode(prompt) for prompt in prompts[:count]]
    texts = [model.tokenizer.decode(ids) for ids in encoded]
    yield _row(
        f"{name}: prompts with the same tokens",
        {form: _same(peer.ask("tokenize", texts=texts), encoded) for form, peer in peers.items()},
    )
    ours = [tokens for tokens, _ in model.write_tokens(encoded, limit)]
    found: dict[str, list[list[int]]] = {form: [] for form in peers}
    for start in range(0, len(encoded), ROWS_AT_ONCE):
        part = encoded[start : start + ROWS_AT_ONCE]
        for form, peer in peers.items():
            written = peer.ask("write", rows=part, limit=limit, ends=sorted(model.ends), shared=True)
            found[form] += written["answers"]
    yield _row(f"{name}: same answers as ours", {form: _same(answers, ours) for form, answers in found.items()})


def _compare(work: Work, peers: dict[str, Peer], rounds: int) -> dict[str, Any]:
    """One round more than is counted: the first touches memory that the others find in place."""
    seconds: list[list[float]] = []
    for _ in range(rounds + 1):
        rows = work.next_rows()
        seconds.append([work.ours(rows), *(work.theirs(peer, rows) for peer in peers.values())])
    ours, *theirs = (list(taken) for taken in zip(*seconds[1:], strict=True))
    row = _row(work.what, {form: rates(work.amount, taken) for form, taken in zip(peers, theirs, strict=True)})
    for form, taken in zip(peers, theirs, strict=True):
        each = [one / other for one, other in zip(ours, taken, strict=True)]
        row[f"{form}, times as fast"] = f"{median(each):.2f} ({min(each):.2f} to {max(each):.2f})"
    return row | {"ours, float32": rates(work.amount, ours)}


def _row(what: str, theirs: dict[str, str]) -> dict[str, Any]:
    columns = {"what": what, "ours, float32": ""}
    for form, value in theirs.items():
        columns |= {f"llama.cpp, {form}": value, f"{form}, times as fast": ""}
    return columns


@torch.inference_mode()
def _write_on(model: Transformer, limit: int, rows: list[list[int]]) -> float:
    """The seconds of writing alone, with no token that ends an answer."""
    logits, batch = model._read(Prefix([], []), rows, room=limit)
    ends, model.ends = model.ends, set()
    seconds = _seconds(partial(model._go_on, batch, logits.argmax(-1), limit))
    model.ends = ends
    return seconds


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    now = clock(torch.get_num_threads())
    began = now()
    work()
    return now() - began


def _texts(model: Transformer) -> Iterator[int]:
    """The tokens of the documents of xquad_en, over and over."""
    task, _ = shared_task("xquad_en")
    return cycle([token for document in task.documents for token in model.encode_answer(document.text)])


def _cut(tokens: Iterator[int], length: int, count: int) -> list[list[int]]:
    return [list(islice(tokens, length)) for _ in range(count)]


def _same(found: Sequence[list[int]], wanted: Sequence[list[int]]) -> str:
    return f"{sum(one == other for one, other in zip(found, wanted, strict=True))} of {len(wanted)}"


def _rows(count: int) -> str:
    return "one row" if count == 1 else f"{count} rows"
