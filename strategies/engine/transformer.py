"""The fast path: a causal language model from transformers on our own engine.

The shared beginning of a call's prompts runs once, and its key-value cache is reused. Rows are batched by length within
a token limit. Logits are computed only where they are read. In a label tree, only what can still win runs.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from eval.measuring.phases import READING, WRITING, phase
from strategies.engine.attention import behind, own_attention, share_beginnings
from strategies.engine.batches import Limits
from strategies.engine.held import Choosing, Freely, Grammar
from strategies.engine.key_values import Prefix, RoomyCache
from strategies.engine.label_search import LabelSearch
from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Compare, RowsDone
from strategies.engine.local_model import Answer, LocalModel
from strategies.engine.plain import PlainModel

WORTH_REMEMBERING = 16  # tokens; running a shorter addition to the shared beginning separately costs more than it saves
WORTH_DROPPING = 0.75  # idle rows leave a batch if a smaller share is still active, because leaving copies the cache

if "OMP_NUM_THREADS" not in os.environ:  # a value set by the person is respected
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Transformer(LocalModel):
    """Runs on our own masks, cache and attention. `self_check.py` says whether that is right for a network."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__(network, tokenizer)
        self.reads_beginnings_once = share_beginnings(network)
        self._prefix = Prefix([], [])
        self._limits = Limits.of(network)
        self._last_prompt: list[int] = []
        self._longest = positions_hold_to(network)

    @torch.inference_mode()
    def score_tokens(
        self,
        encoded: list[list[int]],
        tree: LabelTree,
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> NDArray[np.float64]:
        tokens_in = np.array([len(tokens) for tokens in encoded], dtype=np.int64)
        if tokens_in.max() + tree.lengths.max() > self._longest:
            with self._as_transformers_does() as plain:
                return plain.score_tokens(encoded, tree, rows_done, compare)
        prefix = self._share_prefix(encoded)
        results = np.zeros((len(encoded), len(tree.lengths)))
        done = 0
        for rows in self._limits.batches((tokens_in - len(prefix) + len(tree.tokens)).tolist()):
            search = LabelSearch(tree, tokens_in[rows], compare, rows)
            self._score_batch(prefix, [encoded[row][len(prefix) :] for row in rows], tree, search)
            results[rows] = search.scores()
            done += len(rows)
            if rows_done:
                rows_done(done)
        return results

    @torch.inference_mode()
    def write_tokens(
        self,
        encoded: list[list[int]],
        max_tokens: int,
        rows_done: RowsDone | None = None,
        grammar: Grammar | None = None,
    ) -> list[Answer]:
        if max(map(len, encoded)) + max_tokens > self._longest:
            with self._as_transformers_does() as plain:
                return plain.write_tokens(encoded, max_tokens, rows_done, grammar)
        with phase(READING):
            prefix = self._share_prefix(encoded)
        answers: list[Answer] = [([], False)] * len(encoded)
        done = 0
        for rows in self._limits.batches([len(tokens) - len(prefix) + max_tokens for tokens in encoded]):
            own = [encoded[row][len(prefix) :] for row in rows]
            choosing = grammar.hold(len(rows)) if grammar else Freely()
            for row, answer in zip(rows, self._write_batch(prefix, own, max_tokens, choosing), strict=True):
                answers[row] = answer
            done += len(rows)
            if rows_done:
                rows_done(done)
        return answers

    @contextmanager
    def _as_transformers_does(self) -> Iterator[PlainModel]:
        """For prompts so long that they change the positions of all tokens, which rows of a batch can't share."""
        with own_attention(self.network):
            plain = PlainModel(self.network, self.tokenizer)
            plain.ends = self.ends
            yield plain
            self.tokens_taken += plain.tokens_taken

    def _share_prefix(self, encoded: list[list[int]]) -> Prefix:
        """The shared beginning of all these prompts (a single prompt is compared with the one before it), run through
        the model if it wasn't yet. It leaves at least one token of each prompt, because its logits are needed."""
        if not self.reads_beginnings_once:
            return self._prefix
        compared = encoded if len(encoded) > 1 else [*encoded, self._last_prompt]
        shared = min(common_length(compared), min(len(tokens) for tokens in encoded) - 1)
        self._last_prompt = encoded[-1]
        tokens = encoded[0][:shared]
        known = common_length([tokens, self._prefix.tokens])
        if shared - known < WORTH_REMEMBERING:
            shared = known
        else:
            prefix = self._prefix.first(known)
            _, batch = self._read(prefix, [tokens[known:]], room=0)
            self._prefix = prefix.followed_by(tokens[known:], batch.cache)
        return self._prefix.first(shared)

    def _read(self, prefix: Prefix, own: list[list[int]], room: int) -> tuple[Tensor, _Batch]:
        """Logits after each row's last token, [rows, vocabulary], and the rows with their keys and values, with space
        for `room` more tokens. Rows are aligned right and read a few at a time, the longest first."""
        self.tokens_taken += sum(map(len, own))
        width = max(len(tokens) for tokens in own)
        ids, real = self._pad_left(own, width)
        positions = (len(prefix) + real.long().cumsum(1) - 1).clamp(min=0)
        batch = _Batch(prefix, RoomyCache(len(own), width + room), real, positions[:, -1:])
        logits = []
        for part in self._limits.passes([len(tokens) for tokens in own]):
            first = width - len(own[part.start])
            batch.cache.turn_to(part, first, first)
            sees = None if real[part, first:].all() else _sees_before(real[part, first:])
            logits.append(self._run(batch, ids[part, first:], positions[part, first:], sees))
        batch.cache.turn_to(slice(0, len(own)), 0, width)
        return torch.cat(logits)[:, -1], batch

    def _score_batch(self, prefix: Prefix, own: list[list[int]], tree: LabelTree, search: LabelSearch) -> None:
        """Run what the search asks for, round after round, and report the results to it."""
        logits, batch = self._read(prefix, own, room=len(tree.tokens))
        at_prompt = torch.full((len(own), 1 + len(tree.tokens)), -1, device=self.device)
        at_prompt[:, 0] = 0
        search.learn(tree.read(logits[:, None], at_prompt))
        rows = np.arange(len(own))  # rows in the batch
        columns = torch.full((len(own), len(tree.tokens)), -1, device=self.device)  # of each row's nodes in the cache
        while (wanted := search.next_nodes()).any():
            counts = wanted[rows].sum(axis=1)
            order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
            if counts.sum() <= WORTH_DROPPING * counts.max() * len(rows):  # rows with similar demand together
                keep = torch.tensor(order, device=self.device)
                batch.keep(keep)
                rows, columns = rows[order], columns[keep]
            found = np.full((len(own), len(tree.sources)), np.nan)
            found[rows] = self._run_nodes(batch, tree, torch.tensor(wanted[rows], device=self.device), columns)
            search.learn(found)

    def _run_nodes(self, batch: _Batch, tree: LabelTree, wanted: Tensor, columns: Tensor) -> NDArray[np.float64]:
        """Log-probabilities of the edges below the wanted nodes, [rows, E]. Records their cache columns in `columns`.
        `wanted` and `columns` are [rows, N]."""
        counts, end = wanted.sum(1), batch.cache.end
        self.tokens_taken += int(counts.sum())
        widest = int(counts.max())
        nodes = (~wanted).int().argsort(dim=1, stable=True)[:, :widest]  # the wanted ones of each row, then others
        order = torch.arange(widest, device=self.device).expand_as(nodes)
        asked = order < counts[:, None]
        columns.scatter_(1, nodes, torch.where(asked, end + order, columns.gather(1, nodes)))
        at = torch.full((len(wanted), 1 + len(tree.tokens)), -1, device=self.device)
        at.scatter_(1, 1 + nodes, torch.where(asked, order, -1))

        sees = torch.zeros(len(wanted), widest, end + widest + 1, dtype=torch.bool, device=self.device)
        standing = torch.where(columns < 0, end + widest, columns)  # without one: to a column that is cut off
        sees.scatter_(2, standing[:, None].expand(-1, widest, -1), tree.sees[nodes] & asked[..., None])
        sees[..., : batch.real.shape[1]] = batch.real[:, None]

        found = []
        # The maximum from each row on, and 1 if only rows without wanted nodes follow: no network runs on no tokens.
        widths = np.maximum.accumulate(counts.tolist()[::-1]).clip(min=1)[::-1].tolist()
        for part in self._limits.passes(widths, logits_a_row=widest):
            width = widths[part.start]
            batch.cache.turn_to(part, 0, end)
            positions = batch.last_positions[part] + tree.depths[nodes[part, :width]]
            ids = tree.tokens[nodes[part, :width]]
            logits = self._run(batch, ids, positions, sees[part, :width, : end + width], keep=width)
            found.append(tree.read(logits, at[part]))
        batch.cache.turn_to(slice(0, len(wanted)), 0, end + widest)
        return np.concatenate(found)

    def _write_batch(self, prefix: Prefix, own: list[list[int]], max_tokens: int, choosing: Choosing) -> list[Answer]:
        """Greedy answers, without the token that ends them, and whether they reached the limit before it."""
        with phase(READING):
            logits, batch = self._read(prefix, own, room=max_tokens)
            chosen = choosing.choose(logits, range(len(own)))
            chosen.tolist()  # wait: a GPU call returns before its work is done
        with phase(WRITING):
            return self._go_on(batch, chosen, max_tokens, choosing)

    def _go_on(self, batch: _Batch, chosen: Tensor, max_tokens: int, choosing: Choosing) -> list[Answer]:
        """As `_write_batch`: the answers that start with the chosen tokens, [rows]."""
        rows, unfinished = list(range(len(chosen))), set(range(len(chosen)))  # in the batch; still being written
        answers: list[list[int]] = [[] for _ in rows]
        for length in range(1, max_tokens + 1):
            for row, token in zip(rows, chosen.tolist(), strict=True):
                if token in self.ends:
                    unfinished.discard(row)
                elif row in unfinished:
                    answers[row].append(token)
                    if choosing.is_complete(row):
                        unfinished.discard(row)
            if not unfinished or length == max_tokens:
                break
            if len(unfinished) <= WORTH_DROPPING * len(rows):
                keep = torch.tensor([at for at, row in enumerate(rows) if row in unfinished], device=self.device)
                batch.keep(keep)
                chosen, rows = chosen[keep], [row for row in rows if row in unfinished]
            sees = torch.nn.functional.pad(batch.real, (0, length), value=True)[:, None]
            logits = self._run(batch, chosen[:, None], batch.last_positions + length, sees)
            chosen = choosing.choose(logits[:, -1], rows)
        self.tokens_taken += sum(map(len, answers))
        return [(answer, row in unfinished) for row, answer in enumerate(answers)]

    def _run(self, batch: _Batch, ids: Tensor, positions: Tensor, sees: Tensor | None, keep: int = 1) -> Tensor:
        """The logits after the last `keep` tokens of each row. `sees` [rows, width, columns] says which columns of its
        row each token may see; by default, everything before it."""
        mask = None if sees is None else additive(sees, self.network.dtype)
        with behind(batch.prefix, positions, batch.cache.place(positions)):
            output = self.network(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=batch.cache,
                use_cache=True,
                logits_to_keep=keep,
            )
        logits: Tensor = output.logits
        return logits

    def _pad_left(self, rows: list[list[int]], width: int) -> tuple[Tensor, Tensor]:
        """Token ids and a mask of the real ones, both [rows, width]; padding is on the left."""
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        for at, row in enumerate(rows):
            ids[at, width - len(row) :] = torch.tensor(row)
            real[at, width - len(row) :] = True
        return ids.to(self.device), real.to(self.device)


@dataclass(slots=True)
class _Batch:
    """Rows in progress: the prefix before them, their keys and values, which columns hold their prompts' own tokens
    ([rows, width] bool), and the position of each prompt's last token, [rows, 1]."""

    prefix: Prefix
    cache: RoomyCache
    real: Tensor
    last_positions: Tensor

    def keep(self, rows: Tensor) -> None:
        self.cache.batch_select_indices(rows)
        self.real, self.last_positions = self.real[rows], self.last_positions[rows]


def positions_hold_to(network: PreTrainedModel) -> float:
    """Up to how many tokens a network encodes each position in one way, whatever comes after it. LongRoPE (Phi-3) has
    one way for short texts and another one for long texts; dynamic scaling has another way for each length beyond the
    context that a network was trained with."""
    config = network.config.get_text_config()
    given: dict[str, Any] = getattr(config, "rope_parameters", None) or {}
    lengths = [
        min(one.get("original_max_position_embeddings", math.inf), config.max_position_embeddings)
        for one in (given, *given.values())
        if isinstance(one, dict) and one.get("rope_type") in ("longrope", "dynamic")
    ]
    return min(lengths, default=math.inf)


def common_length(rows: Sequence[list[int]]) -> int:
    """How many tokens all rows have in common at the beginning."""
    shortest, longest = min(rows), max(rows)  # in lexicographic order: what these two share, all rows share
    length = 0
    for one, other in zip(shortest, longest, strict=False):
        if one != other:
            break
        length += 1
    return length


def _sees_before(real: Tensor) -> Tensor:
    """What each token of left-padded rows may see, [rows, width, width], given which tokens are real."""
    width = real.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=real.device).tril()
    itself = torch.eye(width, dtype=torch.bool, device=real.device)  # padding: softmax needs at least one entry
    return (causal & real[:, None]) | itself


def additive(sees: Tensor, dtype: torch.dtype) -> Tensor:
    """The attention mask: 0 where a query may look, the smallest number elsewhere; [rows, 1, q, k]."""
    return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, torch.finfo(dtype).min)[:, None]
