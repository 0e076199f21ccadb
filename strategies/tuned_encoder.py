"""A baseline at its best: a small sentence encoder, fine-tuned on pairs of rows, with a linear classifier on top (as in
SetFit; Tunstall et al., 2022). It is a twentieth of the size of the smallest language model here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from eval.task import Brief, Document, Example, Kind
from eval.words import about_tokens
from strategies.declaration import Declaration, Words
from strategies.linear_baselines import STRENGTHS_ON_EMBEDDING, EmbeddingLinear
from strategies.presets import Budget
from strategies.search.embedder import SentenceEmbedder, load_sentence_embedder

if TYPE_CHECKING:  # imports torch
    from torch import Tensor

FOLDER = "encoder"
LABELS_A_STEP, ROWS_A_LABEL = 8, 2  # the rows of a step: all pairs of them are compared
MOST_READ = 20  # times, of each row: as SetFit does by default
LEARNING_RATE = 1e-4
TOKENS_SHARE = 0.5  # of those that a language model trains on: on twice as many it scores no better
WARM_UP_SHARE = 0.1  # of the steps
TOKENS_A_ROW = 2  # that begin and end each text


class TunedEncoder(EmbeddingLinear):
    """Trains on a share of the tokens that the budget has for fine-tuning a language model."""

    name = "tuned_encoder"
    declaration = Declaration(
        words=Words(
            "Fine-tuned encoder",
            "",
            "A sentence encoder fine-tuned on pairs of your rows, then a linear classifier (SetFit).",
        ),
        kinds=(Kind.CLASSIFICATION,),
    )
    strengths = STRENGTHS_ON_EMBEDDING

    def __init__(
        self,
        brief: Brief,
        budget: Budget,
        seed: int = 0,
        load_encoder: Callable[[], SentenceEmbedder] = load_sentence_embedder,
    ) -> None:
        self._tuned: SentenceEmbedder | None = None
        self._load_encoder = load_encoder
        super().__init__(brief, budget, seed, self._encoder)

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        if self._tuned is None:
            self._tuned = self._load_encoder()
            tune(
                self._tuned, [row.input for row in train], [row.target for row in train], self._steps(train), self.seed
            )
        super().learn(train, documents, settings)

    def save(self, folder: Path) -> None:
        super().save(folder)
        self._encoder().save(folder / FOLDER)

    def load(self, folder: Path) -> None:
        self._tuned = SentenceEmbedder(str(folder / FOLDER))
        super().load(folder)

    def _encoder(self) -> SentenceEmbedder:
        assert self._tuned is not None, "it embeds after it has learned"
        return self._tuned

    def _steps(self, train: Sequence[Example]) -> int:
        return count_steps([row.input for row in train], self.budget.training_tokens)


def count_steps(texts: Sequence[str], tokens: float) -> int:
    """So many as read `TOKENS_SHARE` of these tokens, or each text `MOST_READ` times on average."""
    a_row = sum(about_tokens(text) + TOKENS_A_ROW for text in texts) / len(texts)
    read = min(TOKENS_SHARE * tokens / a_row, MOST_READ * len(texts))
    return max(1, int(read / (LABELS_A_STEP * ROWS_A_LABEL)))


def tune(encoder: SentenceEmbedder, texts: Sequence[str], labels: Sequence[str], steps: int, seed: int) -> None:
    """Trains the encoder so that texts of one label have a cosine of 1, and others of 0. Nothing happens if there is
    only one label."""
    import torch

    by_label: dict[str, list[str]] = {}
    for text, label in zip(texts, labels, strict=True):
        by_label.setdefault(label, []).append(text)
    if len(by_label) < 2:
        return
    chance = Random(f"{seed}-pairs")
    # The table of word embeddings is half of all weights; a step with it takes twice as long and teaches few of them.
    for name, weight in encoder.network.named_parameters():
        weight.requires_grad_("word_embeddings" not in name)
    weights = [weight for weight in encoder.network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    encoder.network.train()
    torch.manual_seed(seed)  # of the dropout
    for _ in range(steps):
        drawn = chance.sample(sorted(by_label), min(LABELS_A_STEP, len(by_label)))
        rows = [(text, label) for label in drawn for text in chance.choices(by_label[label], k=ROWS_A_LABEL)]
        loss = pair_loss(encoder.vectors([text for text, _ in rows]), [label for _, label in rows])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
    encoder.network.eval()


def pair_loss(vectors: Tensor, labels: Sequence[str]) -> Tensor:
    """The mean squared difference of the cosines of all pairs from 1 for the same label and 0 for another. Pairs of the
    same label are as many as the others, by their weight. `vectors` are [texts, dimensions]."""
    import torch

    unit = torch.nn.functional.normalize(vectors, dim=1)
    number = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    place = torch.tensor([number[label] for label in labels], device=vectors.device)
    upper = torch.triu(torch.ones(len(labels), len(labels), dtype=torch.bool, device=vectors.device), diagonal=1)
    same = place[:, None] == place[None]
    off = (unit @ unit.T - same.to(unit.dtype)) ** 2
    halves = [off[upper & of] for of in (same, ~same) if bool((upper & of).any())]
    return torch.stack([half.mean() for half in halves]).mean()


def _rate(step: int, steps: int) -> float:
    warm_up = max(1, round(WARM_UP_SHARE * steps))
    return min((step + 1) / warm_up, (steps - step) / max(1, steps - warm_up + 1))
