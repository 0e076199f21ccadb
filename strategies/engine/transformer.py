"""A causal language model from transformers, as a `LanguageModel`.

The shared beginning of a call's prompts runs once, and its key-value cache is reused. Rows are batched by length within
a token limit. Logits are computed only where they are read. In a label tree, only what can still win runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from eval.measuring.phases import READING, WRITING, phase
from eval.task import BadInput
from strategies.engine.attention import behind, share_beginnings
from strategies.engine.batches import Limits
from strategies.engine.key_values import Prefix, RoomyCache
from strategies.engine.label_search import LabelSearch
from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Compare, Prompt, RowsDone, Scores, Written
from strategies.engine.rendering import ChatForm

WORTH_REMEMBERING = 16  # tokens; running a shorter addition to the shared beginning separately costs more than it saves
WORTH_DROPPING = 0.75  # idle rows leave a batch if a smaller share is still active, because leaving copies the cache

if "OMP_NUM_THREADS" not in os.environ:  # a value set by the person is respected
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Transformer:
    """Greedy and deterministic on one machine. Don't use it from several threads at once."""

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = network.eval()
        self.tokenizer = tokenizer
        self._form = ChatForm(tokenizer)
        self.device = network.device
        self.context_tokens = int(getattr(network.config, "max_position_embeddings", 1 << 20))
        self._shares_beginnings = share_beginnings(network)
        self._prefix = Prefix([], [])
        self._limits = Limits.of(network)
        self._last_prompt: list[int] = []
        self._trees: dict[tuple[str, ...], LabelTree] = {}
        configured = network.generation_config.eos_token_id if network.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        ends = (*listed, tokenizer.eos_token_id, self._form.end)
        self.ends = {token for token in ends if token is not None}  # each ends an answer

    @property
    def end(self) -> int:
        """The token that ends a turn, as in training answers."""
        usual: tuple[int | None, ...] = (self._form.end, self.tokenizer.eos_token_id, min(self.ends, default=None))
        return next(token for token in usual if token is not None)

    @property
    def notes(self) -> list[str]:
        """Sentences worth knowing about how this model was asked."""
        return self._form.notes

    def form_to_json(self) -> dict[str, Any]:
        """How this model is asked and its answers are read, for `standalone.py`."""
        return self._form.to_json()

    def encode(self, prompt: Prompt) -> list[int]:
        """The prompt in the model's own chat format, up to where the answer starts."""
        return self._form.render(prompt).ids

    def encode_answer(self, text: str) -> list[int]:
        """An answer as the model would write it, without the token that ends it."""
        return self._form.encode_answer(text)

    def count_prompt_tokens(self, prompts: Sequence[Prompt]) -> list[int]:
        return [len(self.encode(prompt)) for prompt in prompts]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.encode_answer(text)) for text in texts]

    @torch.inference_mode()
    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> Scores:
        with phase(READING):  # labels are compared while reading
            return self._score(prompts, self._tree(tuple(continuations)), rows_done, compare)

    def _score(
        self, prompts: Sequence[Prompt], tree: LabelTree, rows_done: RowsDone | None, compare: Compare | None
    ) -> Scores:
        rendered = [self._form.render(prompt) for prompt in prompts]
        encoded = [each.ids for each in rendered]
        tokens_in = np.array([len(tokens) for tokens in encoded], dtype=np.int64)
        prefix = self._share_prefix(encoded)
        results = np.zeros((len(prompts), len(tree.lengths)))
        done = 0
        for rows in self._limits.batches((tokens_in - len(prefix) + len(tree.tokens)).tolist()):
            search = LabelSearch(tree, tokens_in[rows], compare)
            self._score_batch(prefix, [encoded[row][len(prefix) :] for row in rows], tree, search)
            results[rows] = search.scores()
            done += len(rows)
            if rows_done:
                rows_done(done)
        return Scores(results, tokens_in, tree.lengths, tuple(each.sent for each in rendered))

    @torch.inference_mode()
    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        with phase(READING):
            rendered = [self._form.render(prompt) for prompt in prompts]
            encoded = [each.ids for each in rendered]
            prefix = self._share_prefix(encoded)
        written: list[Written | None] = [None] * len(prompts)
        done = 0
        for rows in self._limits.batches([len(tokens) - len(prefix) + max_tokens for tokens in encoded]):
            own = [encoded[row][len(prefix) :] for row in rows]
            for row, (tokens, cut_off) in zip(rows, self._write_batch(prefix, own, max_tokens), strict=True):
                answer = self._form.read_answer(rendered[row], tokens, cut_off)
                written[row] = Written(
                    answer.text,
                    len(encoded[row]),
                    len(tokens),
                    answer.cut_off,
                    rendered[row].sent,
                    answer.thinking_tokens,
                )
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
                raise BadInput(f"This model can't distinguish these labels: {', '.join(named)}; rename them.")
            self._trees[continuations] = LabelTree.grow(encoded, self.end, self.device)
        return self._trees[continuations]

    def _share_prefix(self, encoded: list[list[int]]) -> Prefix:
        """The shared beginning of all these prompts (a single prompt is compared with the one before it), run through
        the model if it wasn't yet. It leaves at least one token of each prompt, because its logits are needed."""
        if not self._shares_beginnings:
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
        widths = np.maximum.accumulate(counts.tolist()[::-1])[::-1].tolist()  # the maximum from each row on
        for part in self._limits.passes(widths, logits_a_row=widest):
            width = widths[part.start]
            batch.cache.turn_to(part, 0, end)
            positions = batch.last_positions[part] + tree.depths[nodes[part, :width]]
            ids = tree.tokens[nodes[part, :width]]
            logits = self._run(batch, ids, positions, sees[part, :width, : end + width], keep=width)
            found.append(tree.read(logits, at[part]))
        batch.cache.turn_to(slice(0, len(wanted)), 0, end + widest)
        return np.concatenate(found)

    def _write_batch(self, prefix: Prefix, own: list[list[int]], max_tokens: int) -> list[tuple[list[int], bool]]:
        """Greedy answers, without the token that ends them, and whether they reached the limit before it."""
        with phase(READING):
            logits, batch = self._read(prefix, own, room=max_tokens)
            chosen = logits.argmax(-1)
            chosen.tolist()  # wait: a GPU call returns before its work is done
        with phase(WRITING):
            return self._go_on(batch, chosen, max_tokens)

    def _go_on(self, batch: _Batch, chosen: Tensor, max_tokens: int) -> list[tuple[list[int], bool]]:
        """As `_write_batch`: the answers that start with the chosen tokens, [rows]."""
        rows, unfinished = list(range(len(chosen))), set(range(len(chosen)))  # in the batch; still being written
        answers: list[list[int]] = [[] for _ in rows]
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
                batch.keep(keep)
                chosen, rows = chosen[keep], [row for row in rows if row in unfinished]
            sees = torch.nn.functional.pad(batch.real, (0, length), value=True)[:, None]
            chosen = self._run(batch, chosen[:, None], batch.last_positions + length, sees)[:, -1].argmax(-1)
        return [(answer, row in unfinished) for row, answer in enumerate(answers)]

    def _run(self, batch: _Batch, ids: Tensor, positions: Tensor, sees: Tensor | None, keep: int = 1) -> Tensor:
        """The logits after the last `keep` tokens of each row. `sees` [rows, width, columns] says which columns of its
        row each token may see; by default, everything before it."""
        mask = None if sees is None else _additive(sees, self.network.dtype)
        with behind(batch.prefix):
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


def _additive(sees: Tensor, dtype: torch.dtype) -> Tensor:
    """The attention mask: 0 where a query may look, the smallest number elsewhere; [rows, 1, q, k]."""
    return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, torch.finfo(dtype).min)[:, None]
