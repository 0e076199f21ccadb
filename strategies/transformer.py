"""A causal language model of transformers behind the protocol `LanguageModel`.

What all prompts of a call share is run once and its key-value cache reused; rows are batched by length under a token
budget; logits are computed only where they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from eval.task import BadInput
from strategies.label_tree import LabelTree
from strategies.language_model import Message, Prompt, RowsDone, Scores, Written

TOKENS_A_BATCH_CPU = 1024  # enough for matrix products at full speed; small enough for the logits to stay in memory
TOKENS_A_BATCH_GPU = 16_384
REMEMBERED_A_BATCH = 8  # times as many tokens may be remembered: each row has its own copy of the shared beginning
LOGITS_A_BATCH = 1 << 28  # 1 GB as float32
WORTH_REMEMBERING = 16  # tokens; running a shorter addition to the shared beginning by itself costs more than it saves
ROWS_A_WRITING_BATCH = 16  # decoding reads all weights for each token, whatever the number of rows
PLAIN_TURN = "{role}:\n{content}\n"  # for models that bring no chat template
NEXT_TURN = "\nuser:"  # where such a model goes on by itself

torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(slots=True)
class _Prefix:
    """Tokens that were run before, with what each layer remembers of them."""

    tokens: list[int]
    layers: list[tuple[Tensor, Tensor]]  # keys and values, each [1, key-value heads, tokens, head size]


class Transformer:
    """Greedy and deterministic on one machine. Not for use from several threads at once."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.device = network.device
        self.context_tokens = int(getattr(network.config, "max_position_embeddings", 1 << 20))
        self._prefix = _Prefix([], [])
        self._last_prompt: list[int] = []
        self._trees: dict[tuple[str, ...], LabelTree] = {}
        configured = network.generation_config.eos_token_id if network.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        self.ends = {token for token in (*listed, tokenizer.eos_token_id) if token is not None}  # each ends an answer

    @property
    def tokens_a_batch(self) -> int:
        return TOKENS_A_BATCH_CPU if self.device.type == "cpu" else TOKENS_A_BATCH_GPU

    @property
    def end(self) -> int:
        """The token that ends a turn, as training answers do."""
        return self.tokenizer.eos_token_id if self.tokenizer.eos_token_id is not None else min(self.ends)

    def encode(self, prompt: Prompt) -> list[int]:
        """The prompt in the model's own chat form, ending where the answer begins."""
        if not self.tokenizer.chat_template:
            text = "".join(PLAIN_TURN.format(role=turn.role, content=turn.content) for turn in prompt) + "assistant:\n"
            return self.tokenizer(text)["input_ids"]
        try:
            text = self._in_chat_form(prompt)
        except TemplateError:  # some models know no system turn
            first, second, *rest = prompt
            text = self._in_chat_form((Message("user", f"{first.content}\n\n{second.content}"), *rest))
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _in_chat_form(self, prompt: Prompt) -> str:
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt]
        # Thinking aloud would use up an answer's tokens before it begins; templates that know no such switch ignore it.
        return str(
            self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        )

    def encode_answer(self, text: str) -> list[int]:
        """An answer as the model would have to write it, without the token that ends it."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return [len(self.encode(prompt)) for prompt in prompts]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.encode_answer(text)) for text in texts]

    @torch.inference_mode()
    def score(
        self, prompts: Sequence[Prompt], continuations: Sequence[str], rows_done: RowsDone | None = None
    ) -> Scores:
        tree = self._tree(tuple(continuations))
        encoded = [self.encode(prompt) for prompt in prompts]
        prefix = self._share_prefix(encoded)
        results = np.zeros((len(prompts), len(continuations)))
        done = 0
        for rows in self._batches(encoded, len(prefix.tokens), extra=len(tree.tokens)):
            own = [encoded[row][len(prefix.tokens) :] for row in rows]
            results[rows] = self._score_batch(prefix, own, tree).double().cpu().numpy()
            done += len(rows)
            if rows_done:
                rows_done(done)
        return Scores(
            log_probabilities=results,
            tokens_in=np.array([len(tokens) for tokens in encoded], dtype=np.int64),
            tokens_out=tree.lengths.cpu().numpy(),
        )

    @torch.inference_mode()
    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        encoded = [self.encode(prompt) for prompt in prompts]
        prefix = self._share_prefix(encoded)
        written: list[Written | None] = [None] * len(prompts)
        done = 0
        for rows in self._batches(encoded, len(prefix.tokens), most_rows=ROWS_A_WRITING_BATCH):
            own = [encoded[row][len(prefix.tokens) :] for row in rows]
            for row, tokens in zip(rows, self._write_batch(prefix, own, max_tokens), strict=True):
                text = str(self.tokenizer.decode(tokens, skip_special_tokens=True))
                if not self.tokenizer.chat_template:
                    text = text.split(NEXT_TURN)[0]
                text = text.strip()
                written[row] = Written(text, len(encoded[row]), len(tokens))
            done += len(rows)
            if rows_done:
                rows_done(done)
        return [answer for answer in written if answer is not None]

    def _tree(self, continuations: tuple[str, ...]) -> LabelTree:
        if continuations not in self._trees:
            encoded = [self.encode_answer(text) for text in continuations]
            alike = {tuple(tokens) for tokens in encoded if not tokens or encoded.count(tokens) > 1}
            if alike:
                named = [text for text, tokens in zip(continuations, encoded, strict=True) if tuple(tokens) in alike]
                raise BadInput(f"This model cannot tell these labels apart: {', '.join(named)}; rename them.")
            self._trees[continuations] = LabelTree.grow(encoded, end=self.end).to(self.device)
        return self._trees[continuations]

    def _batches(
        self, encoded: list[list[int]], shared: int, extra: int = 0, most_rows: int | None = None
    ) -> Iterator[list[int]]:
        """Rows of like length together, under the token budget or `most_rows`, and within what may be remembered; the
        longest first, so that memory runs out at once."""
        order = sorted(range(len(encoded)), key=lambda row: (-len(encoded[row]), row))
        start = 0
        while start < len(order):
            width = len(encoded[order[start]]) - shared + extra
            rows = min(
                most_rows or self.tokens_a_batch // width,
                REMEMBERED_A_BATCH * self.tokens_a_batch // (shared + width),
                LOGITS_A_BATCH // ((1 + extra) * self.network.config.get_text_config().vocab_size),
            )
            rows = max(1, rows)
            yield order[start : start + rows]
            start += rows

    def _share_prefix(self, encoded: list[list[int]]) -> _Prefix:
        """What all these prompts begin with (a single prompt is held against the one before it), run through the model
        if it was not yet. At least one token of each prompt stays out of it, since its logits are needed."""
        compared = encoded if len(encoded) > 1 else [*encoded, self._last_prompt]
        shared = min(_common_length(compared), min(len(tokens) for tokens in encoded) - 1)
        self._last_prompt = encoded[-1]
        tokens = encoded[0][:shared]
        known = _common_length([tokens, self._prefix.tokens])
        if shared - known < WORTH_REMEMBERING:
            tokens, shared = tokens[:known], known
        else:
            cache = _cache_of(self._prefix, known, batch=1)
            self.network(
                input_ids=torch.tensor([tokens[known:]], device=self.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            self._prefix = _Prefix(tokens, _remembered(cache))
        layers = [(keys[:, :, :shared], values[:, :, :shared]) for keys, values in self._prefix.layers]
        return _Prefix(tokens, layers if shared else [])

    def _score_batch(self, prefix: _Prefix, own: list[list[int]], tree: LabelTree) -> Tensor:
        """Log-probabilities [rows, labels] after one pass over: cached prefix | own tokens, padded left | tree."""
        shared, width, nodes = len(prefix.tokens), max(len(tokens) for tokens in own), len(tree.tokens)
        ids, real = self._pad_left(own, width)
        lengths = real.sum(1)
        positions = torch.cat(
            [
                (shared + real.long().cumsum(1) - 1).clamp(min=0),
                shared + lengths[:, None] - 1 + tree.depths[None, :],
            ],
            dim=1,
        )
        sees = torch.zeros(len(own), width + nodes, shared + width + nodes, dtype=torch.bool, device=self.device)
        sees[:, :, :shared] = True
        causal = torch.ones(width, width, dtype=torch.bool, device=self.device).tril()
        sees[:, :width, shared : shared + width] = causal & real[:, None, :]
        sees[:, width:, shared : shared + width] = real[:, None, :]
        sees[:, width:, shared + width :] = tree.sees
        diagonal = torch.arange(width, device=self.device)
        sees[:, diagonal, shared + diagonal] = True  # padding sees itself: a row of nothing would be not-a-number
        output = self.network(
            input_ids=torch.cat([ids, tree.tokens.expand(len(own), -1)], dim=1),
            attention_mask=_additive(sees, self.network.dtype),
            position_ids=positions,
            past_key_values=_cache_of(prefix, shared, batch=len(own)),
            use_cache=True,
            logits_to_keep=torch.arange(width - 1, width + nodes, device=self.device),
        )
        return tree.sum_over_labels(output.logits)

    def _write_batch(self, prefix: _Prefix, own: list[list[int]], max_tokens: int) -> list[list[int]]:
        """Greedy answers, without the token that ends them. A finished row leaves the batch."""
        shared, width = len(prefix.tokens), max(len(tokens) for tokens in own)
        ids, real = self._pad_left(own, width)
        mask = torch.cat([torch.ones(len(own), shared, dtype=torch.bool, device=self.device), real], dim=1)
        positions = (shared + real.long().cumsum(1) - 1).clamp(min=0)
        cache = _cache_of(prefix, shared, batch=len(own))
        answers: list[list[int]] = [[] for _ in own]
        running = list(range(len(own)))
        for step in range(max_tokens):
            output = self.network(
                input_ids=ids,
                attention_mask=mask.long(),
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            chosen = output.logits[:, -1].argmax(-1)
            going = [at for at, token in enumerate(chosen.tolist()) if token not in self.ends]
            for at in going:
                answers[running[at]].append(int(chosen[at]))
            if not going or step == max_tokens - 1:
                break
            if len(going) < len(running):
                keep = torch.tensor(going, device=self.device)
                cache.batch_select_indices(keep)
                chosen, mask, positions = chosen[keep], mask[keep], positions[keep]
                running = [running[at] for at in going]
            ids = chosen[:, None]
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
            positions = positions[:, -1:] + 1
        return answers

    def _pad_left(self, rows: list[list[int]], width: int) -> tuple[Tensor, Tensor]:
        """Token ids and a mask of the real ones, both [rows, width]; padding stands on the left."""
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        for at, row in enumerate(rows):
            ids[at, width - len(row) :] = torch.tensor(row)
            real[at, width - len(row) :] = True
        return ids.to(self.device), real.to(self.device)


def _common_length(rows: list[list[int]]) -> int:
    shortest, longest = min(rows), max(rows)  # in dictionary order: what these two share, all share
    length = 0
    for one, other in zip(shortest, longest, strict=False):
        if one != other:
            break
        length += 1
    return length


def _cache_of(prefix: _Prefix, length: int, batch: int) -> DynamicCache:
    cache = DynamicCache()
    for at, (keys, values) in enumerate(prefix.layers if length else []):
        shape = (batch, -1, -1, -1)
        cache.update(keys[:, :, :length].expand(shape), values[:, :, :length].expand(shape), at)
    return cache


def _remembered(cache: DynamicCache) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of each layer. Raises BadInput for networks that remember in another way (state-space models)."""
    layers = [(getattr(layer, "keys", None), getattr(layer, "values", None)) for layer in cache.layers]
    if any(keys is None or values is None for keys, values in layers):
        raise BadInput("This model is not a plain attention network, which is what Threeways runs; choose another.")
    return [(keys, values) for keys, values in layers if keys is not None and values is not None]


def _additive(sees: Tensor, dtype: torch.dtype) -> Tensor:
    """What attention adds to its scores: 0 where a query may look, the smallest number where not; [rows, 1, q, k]."""
    return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, torch.finfo(dtype).min)[:, None]
