"""Turn prompts into answers, in the way the kind of task asks for.

Where a task has labels, they are scored, so every answer is valid. A served model that can't score them is asked for
one in the best way it has; an answer that it writes is matched with the labels. Everything else is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.outcomes import Prediction
from eval.task import Brief, Example, Kind
from strategies.drafting import without_meanings
from strategies.engine.language_model import (
    Compare,
    Decides,
    LabelWay,
    LanguageModel,
    Message,
    Prompt,
    RowsDone,
    Scores,
    Written,
)
from strategies.json_bounds import bounded_schema_of
from strategies.json_shape import schema_of
from strategies.label_choice import LabelChoice, Numbers, continuations_of
from strategies.label_matching import match_answer
from strategies.presets import SENTENCE_TOKENS
from strategies.witness import shares_of, watched

ANSWER_LENGTH_SHARE = 0.95  # answers may be as long as this share of training targets needs, and a sentence longer
ANSWER_LENGTH_SLACK = 1.1
ESTIMATED_LENGTH_SLACK = 1.6  # where tokens are only estimated; German needs half as many again as English


@dataclass(frozen=True, slots=True)
class Asking:
    """Prompts, and how the solved examples nearest to each input vote: the logarithm of each label's share of them,
    [prompts, labels]; None if nobody votes."""

    prompts: Sequence[Prompt]
    votes: Numbers | None = None


@dataclass(slots=True)
class Answerer:
    """A language model applied to one kind of task.

    `answer_tokens` limits written answers; `choice` says how scored labels become an answer; `schema` is what written
    JSON is held to, None if nothing holds it.
    """

    model: LanguageModel
    brief: Brief
    answer_tokens: int = 1
    choice: LabelChoice = field(default_factory=LabelChoice)
    schema: dict[str, Any] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What was learned about answering, as the report shows it."""
        way = self.label_way
        if self.scores_labels:
            asked = {} if way is LabelWay.SCORED else {"labels asked by": way.value}
            return {**asked, **self.choice.settings}
        # One answer of several labels can't be chosen from a list of single ones, so it is written.
        way = LabelWay.WRITTEN if self.brief.kind is Kind.MULTI_LABEL else way
        named = {"labels asked by": way.value} if self.brief.labels else {}
        held = {} if self.schema is None else {"JSON held to a schema": "yes"}
        return {**named, **held, "answer_tokens": self.answer_tokens}

    @property
    def label_way(self) -> LabelWay:
        return self.model.way_for(len(self.brief.labels))

    @property
    def scores_labels(self) -> bool:
        return bool(self.brief.labels) and self.label_way.gives_scores

    def to_json(self) -> dict[str, Any]:
        return {
            "answer_tokens": self.answer_tokens,
            "choice": asdict(self.choice),
            "schema": self.schema,
            "form": self.model.form_to_json(),
        }

    @staticmethod
    def from_json(model: LanguageModel, brief: Brief, stored: dict[str, Any]) -> Answerer:
        choice = LabelChoice.from_json(stored)
        return Answerer(model, brief, stored["answer_tokens"], choice, stored.get("schema"))

    def learn_length(self, train: Sequence[Example], most_tokens: int) -> None:
        """Set the length limit: the longest label, or that of `longest_answer`, within the budget. Also finds the
        schema of JSON, for a model that follows one."""
        if self.scores_labels:
            self.answer_tokens = max(self.model.count_tokens(continuations_of(self.brief)))
            return
        slack = ANSWER_LENGTH_SLACK if self.model.counts_tokens else ESTIMATED_LENGTH_SLACK
        self.answer_tokens = longest_answer(self.brief, train, self.model.count_tokens, slack, most_tokens)
        if self.brief.kind is Kind.EXTRACTION and self.model.follows_schema:
            find_schema = bounded_schema_of if self.model.follows_bounds else schema_of
            self.schema = find_schema(example.target for example in train)

    def answer(
        self, prompts: Sequence[Prompt], rows_done: RowsDone | None = None, votes: Numbers | None = None
    ) -> list[Prediction]:
        """One prediction per prompt, without sources. It holds an error if the prompt is longer than the model's
        context. `votes` are as in `Asking`."""
        asked = self.ask(Asking(prompts, votes), [self.choice], rows_done)
        if (seen := watched()) is not None:
            compared = () if asked.scores is None else self.choice.compare(asked.scores)
            seen.shares += [shares_of(self.brief.labels, row) for row in compared]
        return self.predict(asked, self.choice)

    def after_nothing(self, prompts: Sequence[Prompt]) -> list[float]:
        """Each label's log-probability after a prompt with an empty input; [] if a server has none. Zeros if that is
        already longer than the context: then no prompt with an input fits either."""
        if self.model.count_prompt_tokens(prompts)[0] > self.model.context_tokens - self.answer_tokens:
            return [0.0] * len(self.brief.labels)
        scores = self._scores(prompts)
        found: list[float] = [] if any(scores.errors) else scores.log_probabilities[0].tolist()
        return found

    def ask(self, asking: Asking, ways: Sequence[LabelChoice] = (), rows_done: RowsDone | None = None) -> Asked:
        """What the model says to all prompts that fit its context. Only the labels that are the best in one of these
        ways need to be scored; without ways, all are."""
        prompts, votes = asking.prompts, asking.votes
        lengths = self.model.count_prompt_tokens(prompts)
        room = self.model.context_tokens - self.answer_tokens
        too_long = f"The prompt is longer than the {room:,} tokens that fit this model."
        fits = [length <= room or not self.model.counts_tokens for length in lengths]
        asked = Asked(lengths, [None if each else too_long for each in fits])
        fitting = [prompt for prompt, each in zip(prompts, fits, strict=True) if each]
        if not fitting:
            return asked
        if not self.scores_labels:
            asked.written = [self._prediction(one) for one in self._write(fitting, rows_done)]
            return asked

        if votes is not None:
            votes = votes[np.array(fits)]

        def compare(scores: Scores) -> list[NDArray[np.float64]]:
            rows = slice(None) if scores.rows is None else scores.rows
            told = scores if votes is None else replace(scores, votes=votes[rows])
            return [way.compare(told) for way in ways]

        needs_all = not ways or any(way.needs_all for way in ways) or watched() is not None
        scores = self._scores(fitting, rows_done, None if needs_all else compare)
        asked.scores = asked.without_errors(replace(scores, votes=votes))
        return asked

    def _scores(
        self, prompts: Sequence[Prompt], rows_done: RowsDone | None = None, compare: Compare | None = None
    ) -> Scores:
        if self.label_way is LabelWay.DECIDED and isinstance(self.model, Decides):
            meanings = dict(self.brief.meanings)
            options = {label: meanings.get(label) for label in self.brief.labels}
            return self.model.decide([self._bare(prompt) for prompt in prompts], options, rows_done)
        return self.model.score(prompts, continuations_of(self.brief), rows_done, compare)

    def _bare(self, prompt: Prompt) -> Prompt:
        """The prompt without what the labels mean, which stands beside the options."""
        first, *rest = prompt
        if first.role != "system":
            return prompt
        instruction = without_meanings(first.content, self.brief.kind, self.brief.meanings)
        return (Message("system", instruction), *rest)

    def _write(self, prompts: Sequence[Prompt], rows_done: RowsDone | None) -> list[Written]:
        if self.brief.labels and self.brief.kind is not Kind.MULTI_LABEL:
            return self.model.name_labels(prompts, self.brief.labels, self.answer_tokens, rows_done)
        if self.schema is not None:
            return self.model.write_json(prompts, self.schema, self.answer_tokens, rows_done)
        return self.model.write(prompts, self.answer_tokens, rows_done)

    def _prediction(self, written: Written) -> Prediction:
        text, unmatched = written.text, False
        if self.brief.labels and written.error is None:
            label = match_answer(text, self.brief.labels, self.brief.kind)
            text, unmatched = (text, True) if label is None else (label, False)
        return Prediction(
            text,
            written.tokens_in,
            written.tokens_out,
            error=written.error,
            cut_off=written.cut_off,
            sent=written.sent,
            thinking_tokens=written.thinking_tokens,
            unmatched=unmatched,
        )

    def predict(self, asked: Asked, way: LabelChoice) -> list[Prediction]:
        given = iter(asked.written if asked.scores is None else self._chosen(asked.scores, way))
        return [
            next(given) if error is None else Prediction("", length, 0, error=error)
            for length, error in zip(asked.lengths, asked.errors, strict=True)
        ]

    def _chosen(self, scores: Scores, way: LabelChoice) -> list[Prediction]:
        answers = way.answers(way.compare(scores), self.brief.labels)
        sent = scores.sent or [None] * len(answers)
        written = scores.tokens_written
        if written is None:
            written = np.array([scores.tokens_out[labels].sum() for _, labels in answers], dtype=np.int64)
        return [
            Prediction(text, int(tokens_in), int(tokens_out), sent=each)
            for (text, _), tokens_in, tokens_out, each in zip(answers, scores.tokens_in, written, sent, strict=True)
        ]


@dataclass(slots=True)
class Asked:
    """What the model said to the prompts without an error: the `scores` of all labels, or `written` answers. `lengths`
    are the tokens of each prompt, `errors` the sentence on each that has no answer."""

    lengths: list[int]
    errors: list[str | None]
    scores: Scores | None = None
    written: list[Prediction] = field(default_factory=list)

    def without_errors(self, scores: Scores) -> Scores | None:
        """The scores of the prompts that have some, None if none has. `scores` are those of the prompts without an
        error so far; theirs are taken over."""
        if not any(scores.errors):
            return scores
        found = iter(scores.errors)
        self.errors = [error if error is not None else next(found) for error in self.errors]
        kept = np.array([error is None for error in scores.errors])
        if not kept.any():
            return None
        sent = tuple(one for one, keep in zip(scores.sent, kept, strict=True) if keep) if scores.sent else ()
        return replace(
            scores,
            log_probabilities=scores.log_probabilities[kept],
            tokens_in=scores.tokens_in[kept],
            sent=sent,
            errors=(),
            tokens_written=None if scores.tokens_written is None else scores.tokens_written[kept],
            votes=None if scores.votes is None else scores.votes[kept],
        )


def longest_answer(
    brief: Brief,
    train: Sequence[Example],
    count_tokens: Callable[[Sequence[str]], Sequence[float]],
    slack: float,
    most_tokens: int,
) -> int:
    """The tokens that a written answer may have: as many as almost all training targets need, or the longest label, and
    a sentence, since a label may stand in one too. `slack` is how many times as long an answer may be."""
    targets = [example.target for example in train]
    if brief.labels:
        several = targets if brief.kind is Kind.MULTI_LABEL else []
        return int(max(count_tokens([*brief.labels, *several])) * slack) + SENTENCE_TOKENS
    usual = float(np.quantile(count_tokens(targets), ANSWER_LENGTH_SHARE))
    return min(most_tokens, int(usual * slack) + SENTENCE_TOKENS)
