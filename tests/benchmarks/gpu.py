"""What changes on a GPU: `make gpu` measures answers, throughput, training and a larger network with random weights.

Names of these, as in `python -m tests.benchmarks.gpu training`, measure only some. Skipped without a GPU.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from rich.console import Console
from rich.table import Table
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from eval.splitting.split import split_task
from eval.task import LearningSplit, Split, Task
from strategies.engine.adapter import add_adapter
from strategies.engine.few_rows import hasten_few_rows
from strategies.engine.language_model import Prompt
from strategies.engine.models import EMBEDDED
from strategies.engine.training import ROWS_A_BATCH, train
from strategies.engine.transformer import Transformer
from strategies.engine.weights import device_name, load_language_model, model_folder
from strategies.finetuning import Finetuning
from strategies.presets import PRESETS, Preset
from strategies.prompts import build_prompt, instruction_of
from strategies.registry import TRAINED, build_strategy
from tests.benchmarks.reporting import RESULTS
from tests.benchmarks.shared_tasks import NoSharedData, shared_task
from tests.benchmarks.side_by_side import label_tokens, plain_network, score_plainly, seconds_of

ASKED, ANSWER_TOKENS = 200, 16
GPU_ROWS_A_CALL, CPU_ROWS_A_CALL = (1, 8, 32, 128), (1, 32)
TRAINED_ROWS, LEARNING_RATE = 400, 2e-3
SEEDS = (0, 0)  # the same one twice: training should give the same loss
LARGER = {
    "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32, "num_key_value_heads": 32,
    "intermediate_size": 8192, "head_dim": 64,
}  # fmt: skip  # 1.7 billion parameters

Rows = list[dict[str, Any]]


def main(names: Sequence[str]) -> int:
    if not torch.cuda.is_available():
        sys.stdout.write("Skipped: torch finds no GPU on this machine.\n")
        return 0
    try:
        task, _ = shared_task("clinc_banking15")
    except NoSharedData as absent:
        sys.stdout.write(f"Skipped: {absent}.\n")
        return 0
    split = split_task(task, seed=0, max_test=500, max_dev=100)
    measured: dict[str, Any] = {
        "device": device_name(),
        "versions": {package: version(package) for package in ("torch", "transformers", "peft")},
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    for measure in (answers, training, larger, throughput):
        name = measure.__name__
        if not names or name in names:
            measured[name] = measure(task, split)
            (RESULTS / "gpu.json").write_text(json.dumps(measured, indent=2))
            _show(name, measured[name])
    return 0


def answers(task: Task, split: Split) -> Rows:
    """Written answers and label scores on the GPU against those of the CPU, and of the plain computation."""
    prompts = _prompts(task, split)[:ASKED]
    reference = model_on("cpu", torch.float32)
    texts = _written(reference, prompts)
    scores = reference.score(prompts, task.labels).log_probabilities
    rows = []
    for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        model = model_on("cuda", dtype)
        found = model.score(prompts, task.labels).log_probabilities
        labels, network = label_tokens(model, task.labels), plain_network(dtype)
        plain = np.array([score_plainly(network, model.encode(prompt), labels) for prompt in prompts])
        rows.append(
            {
                "on the GPU in": name,
                "same text as on the CPU": _same(_written(model, prompts), texts),
                "same label as on the CPU": _same(found.argmax(1), scores.argmax(1)),
                "same label as plain scoring": _same(found.argmax(1), plain.argmax(1)),
                "label scores, largest difference from the CPU": float(np.abs(found - scores).max()),
                "from plain scoring": float(np.abs(found - plain).max()),
                "plain scoring from the CPU": float(np.abs(plain - scores).max()),
            }
        )
    return rows


def training(task: Task, split: Split) -> Rows:
    """An adapter trained on the same rows in both precisions, then saved, loaded and merged."""
    reader = model_on("cpu", torch.float32)
    strategy = Finetuning(task.brief, lambda: reader, PRESETS["quick"].budget(task.kind))
    learned = split.train[:TRAINED_ROWS]
    pairs, dev = (
        strategy._pairs(rows, strategy._ask([row.input for row in rows], reader), 1, reader)
        for rows in (learned, split.dev)
    )
    asked = strategy._ask([row.input for row in split.test], reader)

    def train_once(model: Transformer, rows: int, seed: int) -> Any:
        adapted = add_adapter(model.network, seed)
        tokens = sum(pair.tokens for pair in pairs[:rows])
        trained, seconds = seconds_of(
            lambda: train(
                adapted, pairs[:rows], dev, learning_rate=LEARNING_RATE, tokens=tokens, epochs=1, evaluations=1,
                seed=seed, tokens_done=lambda read: None,
            )
        )  # fmt: skip
        return adapted, trained, seconds

    rows: Rows = []
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        train_once(model_on("cuda", dtype), 4 * ROWS_A_BATCH, seed=1)  # warm-up
        for seed in SEEDS:
            with gpu_memory() as peak:
                model = model_on("cuda", dtype)
                adapted, trained, seconds = train_once(model, len(pairs), seed)
            before = _labels(model, asked, task)
            fresh = model_on("cuda", dtype)
            with TemporaryDirectory() as folder:
                adapted.save_pretrained(folder)
                fresh.network = PeftModel.from_pretrained(fresh.network, folder).merge_and_unload().eval()
            after = _labels(fresh, asked, task)
            rows.append(
                {
                    "base model in": name,
                    "seed": seed,
                    "milliseconds a step": 1000 * seconds * ROWS_A_BATCH / len(pairs),
                    "dev loss": trained.dev_loss,
                    "accuracy": fmean(label == row.target for label, row in zip(before, split.test, strict=True)),
                    "accuracy once loaded": fmean(
                        label == row.target for label, row in zip(after, split.test, strict=True)
                    ),
                    "same answers once loaded": _same(before, after),
                    "peak GPU GB": peak[0],
                }
            )
            del model, adapted, fresh  # they would count in the next one's peak
    return rows


def larger(task: Task, split: Split) -> Rows:
    """A network of the size that people serve, with random weights: it answers, trains, and loads what was saved."""
    few = Split(split.train[:64], split.dev[:16], split.test[:32])
    budget = replace(PRESETS["quick"].budget(task.kind), training_tokens=6_000)
    preset = replace(PRESETS["quick"], budgets={task.kind: budget})
    prompts = _prompts(task, few)
    rows: Rows = []

    def measured(what: str, peak: list[float], seconds: float, figures: str) -> None:
        rows.append({"what": what, "peak GPU GB": peak[0], "seconds": seconds, "figures": figures})

    with TemporaryDirectory() as folder:
        parameters = _save_random(Path(folder))
        with gpu_memory() as peak:
            model, loading = seconds_of(lambda: load_language_model(folder))
            model.score(prompts[:2], task.labels)  # warm-up
            _, scoring = seconds_of(partial(model.score, prompts, task.labels))
            written, writing = seconds_of(partial(model.write, prompts, ANSWER_TOKENS))
        del model
        labelled, tokens = len(prompts) / scoring, sum(one.tokens_out for one in written) / writing
        measured(
            f"answers, {parameters / 1e9:.2f} billion parameters", peak, loading + scoring + writing,
            f"loaded in {loading:.1f} s, {labelled:.0f} labelled rows and {tokens:.0f} written tokens a second",
        )  # fmt: skip
        for name in (name for name in TRAINED if name != "retrieval_finetuning"):
            with gpu_memory() as peak:
                figures, seconds = seconds_of(partial(_fit, name, folder, task, few, preset))
            measured(name, peak, seconds, figures)
    return rows


def throughput(task: Task, split: Split) -> Rows:
    """Rows a second by how many are handed over in a call, the median of three rounds; on a CPU one round."""
    prompts = _prompts(task, split)
    rows: Rows = []
    for device, dtype, sizes, rounds in (
        ("cuda", torch.bfloat16, GPU_ROWS_A_CALL, 3),
        ("cpu", torch.float32, CPU_ROWS_A_CALL, 1),
    ):
        model = model_on(device, dtype)
        rows += [
            {"device": device, **_rows_a_second(model, task, prompts[: max(16, 2 * size)], size, rounds)}
            for size in sizes
        ]
    return rows


def _rows_a_second(model: Transformer, task: Task, asked: Sequence[Prompt], size: int, rounds: int) -> dict[str, float]:
    calls = [asked[at : at + size] for at in range(0, len(asked), size)]
    scoring = _median_seconds(lambda: [_labels(model, call, task) for call in calls], rounds)
    writing = _median_seconds(lambda: [_written(model, call) for call in calls], rounds)
    return {
        "rows a call": size,
        "labelled rows a second": len(asked) / scoring,
        "written rows a second": len(asked) / writing,
    }


def model_on(device: str, dtype: torch.dtype) -> Transformer:
    """The embedded model, fresh."""
    folder = model_folder(EMBEDDED)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    network.to(torch.device(device))  # type: ignore[arg-type]  # the stub of a decorated method loses its self
    if device == "cpu":
        hasten_few_rows(network)
    return Transformer(network, AutoTokenizer.from_pretrained(folder))


@contextmanager
def gpu_memory() -> Iterator[list[float]]:
    """The most GB of GPU memory held inside the block, in a list that is filled at its end."""
    peak: list[float] = []
    _free_memory()
    torch.cuda.reset_peak_memory_stats()
    yield peak
    peak.append(torch.cuda.max_memory_allocated() / 1e9)


def _fit(name: str, model: str, task: Task, split: Split, preset: Preset) -> str:
    """Fit, save, load and answer, as a run does."""
    inputs = [row.input for row in split.test]
    strategy = build_strategy(name, task.brief, model, preset, 0)
    strategy.fit(LearningSplit(split.train, split.dev), (), lambda progress: None)
    before = [one.text for one in strategy.predict(inputs)]
    losses = [choice["dev_loss"] for choice in strategy.choices if "dev_loss" in choice]
    with TemporaryDirectory() as folder:
        strategy.save(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        del strategy
        _free_memory()
        again = build_strategy(name, task.brief, model, preset, 0)
        again.load(Path(folder))
        after = [one.text for one in again.predict(inputs)]
    saved = f"{size / 1e6:,.0f} MB saved, {_same(before, after)} answers the same once loaded"
    return f"dev loss {losses[0]:.2f} to {losses[-1]:.2f}, {saved}"


def _save_random(folder: Path) -> int:
    """Writes a model folder with random weights and the embedded model's tokenizer; returns its parameters."""
    config = AutoConfig.from_pretrained(model_folder(EMBEDDED))
    config.update(LARGER)
    torch.manual_seed(0)
    with torch.device("cuda"):
        network = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    network.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model_folder(EMBEDDED)).save_pretrained(folder)
    return sum(weight.numel() for weight in network.parameters())


def _prompts(task: Task, split: Split) -> list[Prompt]:
    return [build_prompt(instruction_of(task.brief, split.train), row.input) for row in split.test]


def _labels(model: Transformer, prompts: Sequence[Prompt], task: Task) -> list[str]:
    found = model.score(prompts, task.labels, compare=lambda scores: [scores.log_probabilities])
    return [task.labels[best] for best in found.log_probabilities.argmax(axis=1)]


def _written(model: Transformer, prompts: Sequence[Prompt]) -> list[str]:
    return [answer.text for answer in model.write(prompts, ANSWER_TOKENS)]


def _same(one: Sequence[Any], other: Sequence[Any]) -> str:
    return f"{sum(first == second for first, second in zip(one, other, strict=True))} of {len(one)}"


def _median_seconds(work: Callable[[], Any], rounds: int) -> float:
    work()  # warm-up
    return median(seconds_of(work)[1] for _ in range(rounds))


def _free_memory() -> None:
    gc.collect()
    torch.cuda.empty_cache()


def _show(name: str, rows: Rows) -> None:
    table = Table(*rows[0], title=f"{name} on {device_name()}")
    for row in rows:
        table.add_row(*(f"{value:,.3g}" if isinstance(value, float) else str(value) for value in row.values()))
    Console(width=160).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
