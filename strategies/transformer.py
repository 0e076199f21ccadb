"""A causal language model of transformers behind the protocol `LanguageModel`.

What all prompts of a call share is run once and its key-value cache reused; rows are batched by length under a token
budget; logits are computed only where they are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jinja2 import TemplateError
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

from eval.task import BadInput
from strategies.key_values import Prefix, RoomyCache, bytes_a_token
from strategies.label_tree import LabelTree
from strategies.language_model import Message, Prompt, RowsDone, Scores, Written

TOKENS_A_BATCH_CPU = 1024  # enough for matrix products at full speed; small enough for the logits to stay in memory
TOKENS_A_BATCH_GPU = 16_384
CACHE_A_BATCH = 3 << 28  # 0.8 GB of keys and values: each row has its own copy of the shared beginning
LOGITS_A_BATCH = 1 << 28  # 1 GB as float32
WORTH_REMEMBERING = 16  # tokens; running a shorter addition to the shared beginning by itself costs more than it saves
ROWS_A_WRITING_BATCH = 32  # each token written reads all weights once, whatever the number of rows
WORTH_DROPPING = 0.75  # share of rows still being written below which the others leave: that copies the cache
PLAIN_TURN = "{role}:\n{content}\n"  # for models that bring no chat template
NEXT_TURN = "\nuser:"  # where such a model goes on by itself

torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Transformer:
    """Greedy and deterministic on one machine. Not for use from several threads at once."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.device = network.device
        self.context_tokens = int(getattr(network.config, "max_position_embeddings", 1 << 20))
        self._prefix = Prefix([], [])
        self._bytes_a_token = bytes_a_token(network)
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
        for rows in self._batches(encoded, len(prefix), len(tree.tokens)):
            own = [encoded[row][len(prefix) :] for row in rows]
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
        for rows in self._batches(encoded, len(prefix), max_tokens, ROWS_A_WRITING_BATCH):
            own = [encoded[row][len(prefix) :] for row in rows]
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
        self, encoded: list[list[int]], shared: int, extra: int, most_rows: int | None = None
    ) -> Iterator[list[int]]:
        """Rows of like length together, `extra` tokens added to each, under the token budget or `most_rows`, and
        within what may be remembered; the longest first, so that memory runs out at once."""
        order = sorted(range(len(encoded)), key=lambda row: (-len(encoded[row]), row))
        start = 0
        while start < len(order):
            width = len(encoded[order[start]]) - shared + extra
            rows = min(
                most_rows or self.tokens_a_batch // width,
                CACHE_A_BATCH // (self._bytes_a_token * (shared + width)),
                LOGITS_A_BATCH // self.network.config.get_text_config().vocab_size // (1 if most_rows else 1 + extra),
            )
            rows = max(1, rows)
            yield order[start : start + rows]
            start += rows

    def _share_prefix(self, encoded: list[list[int]]) -> Prefix:
        """What all these prompts begin with (a single prompt is held against the one before it), run through the model
        if it was not yet. At least one token of each prompt stays out of it, since its logits are needed."""
        compared = encoded if len(encoded) > 1 else [*encoded, self._last_prompt]
        shared = min(_common_length(compared), min(len(tokens) for tokens in encoded) - 1)
        self._last_prompt = encoded[-1]
        tokens = encoded[0][:shared]
        known = _common_length([tokens, self._prefix.tokens])
        if shared - known < WORTH_REMEMBERING:
            shared = known
        else:
            cache = self._prefix.first(known).fill(DynamicCache(), rows=1)
            self.network(
                input_ids=torch.tensor([tokens[known:]], device=self.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            self._prefix = Prefix.of(tokens, cache)
        return self._prefix.first(shared)

    def _score_batch(self, prefix: Prefix, own: list[list[int]], tree: LabelTree) -> Tensor:
        """Log-probabilities [rows, labels] after one pass over: cached prefix | own tokens, padded left | tree."""
        shared, width, nodes = len(prefix), max(len(tokens) for tokens in own), len(tree.tokens)
        ids, real = self._pad_left(own, width)
        own_positions = _positions(shared, real)
        sees = torch.zeros(len(own), width + nodes, shared + width + nodes, dtype=torch.bool, device=self.device)
        sees[:, :width, : shared + width] = _sees(shared, real)
        sees[:, width:, :shared] = True
        sees[:, width:, shared : shared + width] = real[:, None, :]
        sees[:, width:, shared + width :] = tree.sees
        output = self.network(
            input_ids=torch.cat([ids, tree.tokens.expand(len(own), -1)], dim=1),
            attention_mask=_additive(sees, self.network.dtype),
            position_ids=torch.cat([own_positions, own_positions[:, -1:] + tree.depths], dim=1),
            past_key_values=prefix.fill(DynamicCache(), rows=len(own)),
            use_cache=True,
            logits_to_keep=torch.arange(width - 1, width + nodes, device=self.device),
        )
        return tree.sum_over_labels(output.logits)

    def _write_batch(self, prefix: Prefix, own: list[list[int]], max_tokens: int) -> list[list[int]]:
        """Greedy answers, without the token that ends them. The prompts are read a few rows at a time, as fits the
        token budget, and then answered all together."""
        shared, width = len(prefix), max(len(tokens) for tokens in own)
        ids, real = self._pad_left(own, width)
        positions = _positions(shared, real)
        cache = RoomyCache(len(own), shared + width + max_tokens)
        rows_at_once = max(1, self.tokens_a_batch // width)
        read = []
        for start in range(0, len(own), rows_at_once):
            part = slice(start, min(start + rows_at_once, len(own)))
            cache.turn_to(part, tokens=0)
            prefix.fill(cache, rows=part.stop - start)
            read.append(self._choose(ids[part], _sees(shared, real[part]), positions[part], cache))
        cache.turn_to(slice(0, len(own)), shared + width)

        may_see = torch.ones(len(own), shared + width + max_tokens, dtype=torch.bool, device=self.device)
        may_see[:, shared : shared + width] = real
        chosen, positions = torch.cat(read), positions[:, -1:]
        answers: list[list[int]] = [[] for _ in own]
        rows, unfinished = list(range(len(own))), set(range(len(own)))  # rows in the cache; those still being written
        for length in range(1, max_tokens + 1):
            for row, token in zip(rows, chosen.tolist(), strict=True):
                if token in self.ends:
                    unfinished.discard(row)
                elif row in unfinished:
                    answers[row].append(token)
            if not unfinished or length == max_tokens:
                break
            if len(unfinished) <= WORTH_DROPPING * len(rows):
                keep = torch.tensor([at for at, row in enumerate(rows) if row in unfinished], device=self.device)
                cache.batch_select_indices(keep)
                chosen, may_see, positions = chosen[keep], may_see[keep], positions[keep]
                rows = [row for row in rows if row in unfinished]
            positions = positions + 1
            chosen = self._choose(chosen[:, None], may_see[:, None, : shared + width + length], positions, cache)
        return answers

    def _choose(self, ids: Tensor, sees: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """The likeliest token after each row, [rows]; what was run is remembered in the cache."""
        output = self.network(
            input_ids=ids,
            attention_mask=_additive(sees, self.network.dtype),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].argmax(-1)

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


def _positions(shared: int, real: Tensor) -> Tensor:
    """Where each token of left-padded rows stands behind a shared beginning: [rows, width]."""
    return (shared + real.long().cumsum(1) - 1).clamp(min=0)


def _sees(shared: int, real: Tensor) -> Tensor:
    """What each token of left-padded rows may look at: [rows, width, shared + width]."""
    rows, width = real.shape
    sees = torch.ones(rows, width, shared + width, dtype=torch.bool, device=real.device)
    causal = torch.ones(width, width, dtype=torch.bool, device=real.device).tril()
    sees[:, :, shared:] = causal & real[:, None, :]
    diagonal = torch.arange(width, device=real.device)
    sees[:, diagonal, shared + diagonal] = True  # padding sees itself: a row of nothing would be not-a-number
    return sees


def _additive(sees: Tensor, dtype: torch.dtype) -> Tensor:
    """What attention adds to its scores: 0 where a query may look, the smallest number where not; [rows, 1, q, k]."""
    return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, torch.finfo(dtype).min)[:, None]
