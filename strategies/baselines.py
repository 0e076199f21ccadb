"""Baselines: answers without a language model. A strategy that isn't better than these isn't worth its cost.

Each keeps its training rows and trains again when loaded. That takes a second and needs no file format. Only embeddings
are kept too, because computing them again takes longer. The linear models are in linear_baselines.py.
"""

from __future__ import annotations

import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eval.mapping.label_sets import NO_LABEL, as_answer, labels_in
from eval.outcomes import EXAMPLE_SOURCE, Effort, Prediction
from eval.scoring import scorer_while_learning
from eval.scoring.closeness import number_in, number_text
from eval.task import Brief, Document, Example, Kind, LearningSplit
from strategies.contract import LEARNING, Progress, ReportProgress
from strategies.declaration import Declaration, Words
from strategies.presets import Budget
from strategies.search.embedder import Embedder, load_embedder
from strategies.search.passages import cut_passages
from strategies.search.vector_index import VectorIndex
from strategies.search.vectors_kept import embed

MOST_ROWS = 20_000  # training rows; more would take minutes and hardly help a baseline

_EMBEDDINGS = "embeddings-"  # how the names of their files begin

Answer = tuple[str, tuple[str, ...]]  # and the ids of its sources


class Baseline(ABC):
    """What all baselines share: choosing settings on dev, if there are any, and saving."""

    name: ClassVar[str]
    declaration: ClassVar[Declaration]
    tried: ClassVar[tuple[dict[str, Any], ...]] = ({},)

    def __init__(
        self, brief: Brief, budget: Budget, seed: int = 0, load_embedder: Callable[[], Embedder] = load_embedder
    ) -> None:
        import_module("sklearn.svm")  # takes a second, which shouldn't count as fitting
        self.brief, self.budget, self.seed, self.load_embedder = brief, budget, seed, load_embedder
        self.settings: dict[str, Any] = {}
        self.choices: list[dict[str, Any]] = []
        self.effort = Effort()
        self.notes: list[str] = []
        self._embeddings: dict[str, NDArray[np.float32]] = {}  # by the hash of their texts

    @property
    def settings_to_try(self) -> Sequence[dict[str, Any]]:
        return self.tried

    @abstractmethod
    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None: ...

    @abstractmethod
    def answer(self, inputs: Sequence[str]) -> list[Answer]: ...

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        started = time.perf_counter()
        self._train, self._documents = list(split.train[:MOST_ROWS]), list(documents)
        if len(split.train) > MOST_ROWS:
            self.notes.append(f"Only the first {MOST_ROWS:,} training rows were used.")
        tried = self.settings_to_try[: self.budget.settings]
        scorer = scorer_while_learning(self.brief, split, documents)
        for done, settings in enumerate(tried):
            report_progress(Progress(LEARNING, done, len(tried)))
            self.learn(self._train, documents, settings)
            answers = self.answer([row.input for row in split.dev])
            dev_score = scorer.overall([text for text, _ in answers], split.dev)
            self.choices.append({**settings, "dev_score": round(dev_score, 4)})
        best = max(range(len(tried)), key=lambda at: self.choices[at]["dev_score"])
        self.settings = dict(tried[best])
        if best < len(tried) - 1:
            self.learn(self._train, documents, self.settings)
        report_progress(Progress(LEARNING, len(tried), len(tried)))
        self.effort = Effort(len(self.choices), len(split.dev), time.perf_counter() - started)

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return [Prediction(text, 0, 0, sources) for text, sources in self.answer(inputs)]

    def save(self, folder: Path) -> None:
        learned_from = {
            "settings": self.settings,
            "train": [asdict(row) for row in self._train],
            "documents": [asdict(document) for document in self._documents],
        }
        (folder / "baseline.json").write_text(json.dumps(learned_from, ensure_ascii=False))
        for of_texts, vectors in self._embeddings.items():
            np.save(_embeddings_path(folder, of_texts), vectors)

    def load(self, folder: Path) -> None:
        learned_from = json.loads((folder / "baseline.json").read_text())
        self.settings = learned_from["settings"]
        self._train = [Example(**row) for row in learned_from["train"]]
        self._documents = [Document(**document) for document in learned_from["documents"]]
        self._embeddings = {
            path.stem.removeprefix(_EMBEDDINGS): np.load(path) for path in folder.glob(f"{_EMBEDDINGS}*.npy")
        }
        self.learn(self._train, self._documents, self.settings)

    def embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What to learn from as vectors, [texts, dimensions]. They are computed once and saved with the baseline."""
        of_texts = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if of_texts not in self._embeddings:
            self._embeddings = {of_texts: embed(self.load_embedder(), texts)}
        return self._embeddings[of_texts]


class MajorityLabel(Baseline):
    """Always the most common label of the training rows."""

    name = "majority_label"
    declaration = Declaration(
        words=Words(
            "Most common label",
            "",
            "Always answers with the most common label of the training rows.",
        ),
        kinds=(Kind.CLASSIFICATION,),
    )

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        counts = Counter(row.target for row in train)
        self._label = max(sorted(counts), key=lambda label: counts[label])

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [(self._label, ()) for _ in inputs]


class CommonestLabels(Baseline):
    """Always the most common labels of the training rows, as many as score best on dev."""

    name = "commonest_labels"
    declaration = Declaration(
        words=Words("Most common labels", "", "Always answers with the most common labels of the training rows."),
        kinds=(Kind.MULTI_LABEL,),
    )
    tried = tuple({"labels": count} for count in (1, 2, 3))

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        counts = Counter(label for row in train for label in labels_in(row.target) or (NO_LABEL,))
        commonest = sorted(counts, key=lambda label: (-counts[label], label))[: settings["labels"]]
        is_none = commonest[:1] == [NO_LABEL]
        self._answer = as_answer(() if is_none else [label for label in commonest if label != NO_LABEL])

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [(self._answer, ()) for _ in inputs]


class MedianNumber(Baseline):
    """Always the median of the training rows, which has the smallest absolute error of all constant answers."""

    name = "median_number"
    declaration = Declaration(
        words=Words("Median", "", "Always answers with the median number of the training rows."),
        kinds=(Kind.NUMBER,),
    )

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        self._median = number_text(float(np.median([number_in(row.target) or 0.0 for row in train])))

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [(self._median, ()) for _ in inputs]


class NearestExample(Baseline):
    """The answer of the training row whose input is most similar in meaning."""

    name = "nearest_example"
    declaration = Declaration(
        words=Words(
            "Nearest example",
            "",
            "Copies the answer of the most similar training row.",
        ),
    )

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        self._embedder = self.load_embedder()
        self._rows = list(train)
        self._index = VectorIndex(self.embedded([row.input for row in train]))

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        near = self._index.search(self._embedder.embed(inputs), 1)
        return [(self._rows[row].target, (EXAMPLE_SOURCE + self._rows[row].id,)) for (row,) in near]


class BestSentence(Baseline):
    """The sentence of the documents that is most similar in meaning to the input."""

    name = "best_sentence"
    declaration = Declaration(
        words=Words(
            "Best sentence",
            "",
            "Quotes the sentence of the documents that is most similar to the question.",
        ),
        kinds=(Kind.ANSWERING, Kind.WRITING),
        needs_documents=True,
    )

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        self._embedder = self.load_embedder()
        self._sentences = cut_passages(documents, words=1)
        self._index = VectorIndex(self.embedded([sentence.titled for sentence in self._sentences]))

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        near = self._index.search(self._embedder.embed(inputs), 1)
        return [(self._sentences[at].text, (self._sentences[at].document_id,)) for (at,) in near]


def _embeddings_path(folder: Path, of_texts: str) -> Path:
    return folder / f"{_EMBEDDINGS}{of_texts}.npy"
