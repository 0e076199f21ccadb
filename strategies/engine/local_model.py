"""What every language model in memory shares, however it is computed: the chat format, the tokens, the labels, and what
becomes of written tokens."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from eval.measuring.phases import READING, phase
from eval.task import BadInput
from strategies.engine.architectures import CONTEXT_NAMES
from strategies.engine.held import Grammar, closed, vocabulary_of
from strategies.engine.json_grammar import grammar_of
from strategies.engine.label_tree import LabelTree
from strategies.engine.language_model import Compare, LabelWay, Prompt, RowsDone, Scores, Written
from strategies.engine.rendering import ChatForm

REWRITES_FROM = 1_000_000_000  # parameters; smaller models hardly write an instruction
UNREADABLE = "What each token of this model stands for can't be read, so nothing holds its JSON to a schema."
REFUSED = "The schema of the training answers is too large to hold answers to it, so they are written freely."
Answer = tuple[list[int], bool]  # tokens without the one that ends the answer; whether the limit came before the end


class LocalModel(ABC):
    """A `LanguageModel` with its network and tokenizer. Greedy and deterministic on one machine. Don't use it from
    several threads at once.

    Raises BadInput if no token ends an answer.

    `slow_because` says in a sentence why the network runs on the code of transformers; None if it runs on our engine.
    """

    slow_because: str | None = None
    labels_by: LabelWay = LabelWay.SCORED
    follows_bounds: bool = True
    counts_tokens: bool = True
    reads_beginnings_once: bool = False

    def __init__(self, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.network = network.eval()
        self.tokens_taken = 0
        self.tokenizer = tokenizer
        self._form = ChatForm(tokenizer)
        self.device = network.device
        config = network.config.get_text_config()
        named = [getattr(config, name, None) for name in CONTEXT_NAMES]
        self.context_tokens = int(next((tokens for tokens in named if tokens), 1 << 20))
        self._trees: dict[tuple[str, ...], LabelTree] = {}
        self._grammars: dict[str, Grammar | None] = {}  # by schema
        self._notes: dict[str, None] = {}
        configured = network.generation_config.eos_token_id if network.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        ends = (*listed, tokenizer.eos_token_id, self._form.end)
        self.ends = {token for token in ends if token is not None}  # each ends an answer
        if not self.ends:
            where = f"The model in {network.name_or_path}"
            raise BadInput(f"{where} names no token that ends a text: set eos_token_id in its config.json.")

    def way_for(self, labels: int) -> LabelWay:
        return self.labels_by

    @cached_property
    def follows_schema(self) -> bool:
        """Reads the vocabulary, so that no answer has to wait for it."""
        readable = vocabulary_of(self.tokenizer, self.ends) is not None
        if not readable:
            self._notes[UNREADABLE] = None
        return readable

    @property
    def end(self) -> int:
        """The token that ends a turn, as in training answers."""
        usual: tuple[int | None, ...] = (self._form.end, self.tokenizer.eos_token_id, min(self.ends, default=None))
        return next(token for token in usual if token is not None)

    @property
    def rewrites(self) -> bool:
        return int(self.network.num_parameters()) >= REWRITES_FROM

    @property
    def notes(self) -> list[str]:
        """Sentences worth knowing about how this model was asked."""
        return [*self._form.notes, *self._notes]

    def form_to_json(self) -> dict[str, Any]:
        """How this model is asked and its answers are read, for `standalone.py`."""
        return self._form.to_json()

    @property
    def form(self) -> ChatForm:
        return self._form

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
            tree = self._tree(tuple(continuations))
            rendered = [self._form.render(prompt) for prompt in prompts]
            encoded = [each.ids for each in rendered]
            results = self.score_tokens(encoded, tree, rows_done, compare)
        tokens_in = np.array([len(tokens) for tokens in encoded], dtype=np.int64)
        return Scores(results, tokens_in, tree.lengths, tuple(each.sent for each in rendered))

    def write(self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None = None) -> list[Written]:
        return self._write(prompts, max_tokens, rows_done, None)

    @torch.inference_mode()
    def _write(
        self, prompts: Sequence[Prompt], max_tokens: int, rows_done: RowsDone | None, grammar: Grammar | None
    ) -> list[Written]:
        with phase(READING):
            rendered = [self._form.render(prompt) for prompt in prompts]
        answers = self.write_tokens([each.ids for each in rendered], max_tokens, rows_done, grammar)
        written = []
        for each, (tokens, cut_off) in zip(rendered, answers, strict=True):
            answer = self._form.read_answer(each, tokens, cut_off)
            text = closed(answer.text) if grammar and cut_off else answer.text
            written.append(Written(text, len(each.ids), len(tokens), answer.cut_off, each.sent, answer.thinking_tokens))
        return written

    def name_labels(
        self, prompts: Sequence[Prompt], labels: Sequence[str], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        """Written freely: this model can score labels instead. It shows what a served model that can't would answer."""
        return self.write(prompts, max_tokens, rows_done)

    def write_json(
        self, prompts: Sequence[Prompt], schema: dict[str, Any], max_tokens: int, rows_done: RowsDone | None = None
    ) -> list[Written]:
        """Answers that follow the schema, in its layout. One that reaches the limit is closed behind its last whole
        value, so that it may lack fields."""
        return self._write(prompts, max_tokens, rows_done, self._grammar(schema))

    @abstractmethod
    def score_tokens(
        self,
        encoded: list[list[int]],
        tree: LabelTree,
        rows_done: RowsDone | None = None,
        compare: Compare | None = None,
    ) -> NDArray[np.float64]:
        """The log-probability of each of the tree's labels after each encoded prompt, [prompts, labels]."""

    @abstractmethod
    def write_tokens(
        self,
        encoded: list[list[int]],
        max_tokens: int,
        rows_done: RowsDone | None = None,
        grammar: Grammar | None = None,
    ) -> list[Answer]:
        """Greedy answers to encoded prompts, held to the grammar if there is one."""

    def _grammar(self, schema: dict[str, Any]) -> Grammar | None:
        """What holds answers to this schema; None, and a note, if nothing can."""
        key = json.dumps(schema)
        if key not in self._grammars:
            self._grammars[key] = None
            vocabulary = vocabulary_of(self.tokenizer, self.ends)
            if vocabulary is not None:
                try:
                    self._grammars[key] = Grammar(vocabulary, grammar_of(schema))
                except ValueError:
                    self._notes[REFUSED] = None
        return self._grammars[key]

    def _tree(self, continuations: tuple[str, ...]) -> LabelTree:
        if continuations not in self._trees:
            encoded = [self.encode_answer(text) for text in continuations]
            alike = {tuple(tokens) for tokens in encoded if not tokens or encoded.count(tokens) > 1}
            if alike:
                named = [text for text, tokens in zip(continuations, encoded, strict=True) if tuple(tokens) in alike]
                raise BadInput(f"This model can't distinguish these labels: {', '.join(named)}; rename them.")
            self._trees[continuations] = LabelTree.grow(encoded, self.end, self.device)
        return self._trees[continuations]
