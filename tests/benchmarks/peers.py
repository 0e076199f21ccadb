"""What people would use instead of our engine: transformers by itself, TRL, vLLM. TRL and vLLM are imported where they
are used, because few machines have both."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from strategies.engine.adapter_shape import USUAL
from strategies.engine.loss import Pair
from strategies.engine.training import LARGEST_GRADIENT, ROWS_A_BATCH
from tests.benchmarks.side_by_side import seconds_of

SFT_RATE = 1e-3  # the better one of 2e-3 and 1e-3 (docs/benchmarks.md)
IGNORED = -100  # a position without a loss, as transformers counts it


def lora() -> LoraConfig:
    """An adapter of our rank on all linear parts, which is what people start from."""
    return LoraConfig(r=USUAL.rank, lora_alpha=USUAL.alpha, target_modules="all-linear", task_type="CAUSAL_LM")


def train_plainly(
    network: PreTrainedModel, pairs: Sequence[Pair], seed: int, learning_rate: float
) -> tuple[PeftModel, float]:
    """One epoch of the usual loop: shuffled batches, padded on the right, with the loss of transformers. Returns the
    network with its adapter, and seconds."""
    torch.manual_seed(seed)
    adapted = get_peft_model(network, lora())
    adapted.train()
    weights = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=learning_rate, weight_decay=0.0, fused=True)
    order = Random(seed).sample(pairs, len(pairs))

    def epoch() -> None:
        for start in range(0, len(order), ROWS_A_BATCH):
            batch = order[start : start + ROWS_A_BATCH]
            width = max(pair.tokens for pair in batch)
            spare = [width - pair.tokens for pair in batch]
            rows = {
                "input_ids": [pair.prompt + pair.answer + [0] * more for pair, more in zip(batch, spare, strict=True)],
                "attention_mask": [[1] * pair.tokens + [0] * more for pair, more in zip(batch, spare, strict=True)],
                "labels": [
                    [IGNORED] * len(pair.prompt) + pair.answer + [IGNORED] * more
                    for pair, more in zip(batch, spare, strict=True)
                ],
            }
            given = {name: torch.tensor(values, device=network.device) for name, values in rows.items()}
            adapted(**given).loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, LARGEST_GRADIENT)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

    _, seconds = seconds_of(epoch)
    return adapted, seconds


def train_with_trl(
    network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, pairs: Sequence[Pair], seed: int
) -> tuple[Any, float]:
    """One epoch with TRL's SFTTrainer, loss on the answer only. Returns the network with its adapter, and seconds.
    Raises ImportError without TRL."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [
        {"input_ids": pair.prompt + pair.answer, "completion_mask": [0] * len(pair.prompt) + [1] * len(pair.answer)}
        for pair in pairs
    ]
    has_gpu = network.device.type == "cuda"
    with TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            network,
            SFTConfig(
                folder, use_cpu=not has_gpu, bf16=has_gpu, report_to=[], save_strategy="no", num_train_epochs=1,
                seed=seed, per_device_train_batch_size=ROWS_A_BATCH, learning_rate=SFT_RATE,
                completion_only_loss=True, disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=lora(),
        )  # fmt: skip
        _, seconds = seconds_of(trainer.train)
    return trainer.model, seconds


def seconds_of_vllm(
    folder: Path, prompts: Sequence[list[int]], labels: Sequence[list[int]], tokens: int
) -> dict[str, float]:
    """Seconds to write `tokens` after each prompt, and to score each label after each prompt. In a process of its own,
    which gives all its GPU memory back. Raises RuntimeError if that process fails."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_vllm, args=(str(folder), list(prompts), list(labels), tokens, theirs))
    child.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    except EOFError:
        raise RuntimeError("vLLM ended without a result.") from None
    finally:
        child.join()
    return found


def _vllm(folder: str, prompts: list[list[int]], labels: list[list[int]], tokens: int, answer: Any) -> None:
    from vllm import LLM, SamplingParams

    served = LLM(model=folder, dtype="bfloat16", gpu_memory_utilization=0.5, enable_prefix_caching=True)
    alone = [{"prompt_token_ids": prompt} for prompt in prompts]
    labelled = [{"prompt_token_ids": prompt + label} for prompt in prompts for label in labels]
    writing = SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True)
    scoring = SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0)
    served.generate(alone[:2], SamplingParams(temperature=0, max_tokens=2), use_tqdm=False)
    seconds = {}
    for what, asked, how in (("labels", labelled, scoring), ("writing", alone, writing)):
        served.reset_prefix_cache()
        started = time.perf_counter()
        served.generate(asked, how, use_tqdm=False)
        seconds[what] = time.perf_counter() - started
    answer.send(seconds)
