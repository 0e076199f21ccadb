"""Baselines: answers without a language model. A strategy that isn't better than these isn't worth its cost.

Each keeps its training rows and trains again when loaded. That takes a second and needs no file format.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.outcomes import EXAMPLE_SOURCE, Effort, Prediction
from eval.scoring import scorer_while_learning
from eval.task import Brief, Document, Example, Kind, LearningSplit
from eval.words import usual_length
from strategies.contract import Progress, ReportProgress
from strategies.declaration import Declaration, Words
from strategies.presets import Budget
from strategies.search.embedder import Embedder, load_embedder
from strategies.search.passages import cut_passages
from strategies.search.vector_index import VectorIndex

if TYPE_CHECKING:  # takes a second to import, and a page only needs the declarations
    from sklearn.feature_extraction.text import TfidfVectorizer

# The inverse regularisation strength of a linear classifier; tried in this order.
STRENGTHS_ON_WORDS, STRENGTHS_ON_EMBEDDING = (1.0, 0.1, 10.0), (10.0, 1.0, 100.0)
MOST_STEPS = 1000  # of the optimiser
MOST_FEATURES = 100_000  # most frequent character sequences: each label has a weight for each
MOST_ROWS = 20_000  # training rows; more would take minutes and hardly help a baseline

Answer = tuple[str, tuple[str, ...]]  # and the ids of its sources


class _Baseline(ABC):
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

    @abstractmethod
    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None: ...

    @abstractmethod
    def answer(self, inputs: Sequence[str]) -> list[Answer]: ...

    def fit(self, split: LearningSplit, documents: Sequence[Document], report_progress: ReportProgress) -> None:
        started = time.perf_counter()
        self._train, self._documents = list(split.train[:MOST_ROWS]), list(documents)
        if len(split.train) > MOST_ROWS:
            self.notes.append(f"Only the first {MOST_ROWS:,} training rows were used.")
        tried = self.tried[: self.budget.settings]
        scorer = scorer_while_learning(self.brief, split, documents)
        for done, settings in enumerate(tried):
            report_progress(Progress("learning", done, len(tried)))
            self.learn(self._train, documents, settings)
            answers = self.answer([row.input for row in split.dev])
            dev_score = scorer.overall([text for text, _ in answers], split.dev)
            self.choices.append({**settings, "dev_score": round(dev_score, 4)})
        best = max(range(len(tried)), key=lambda at: self.choices[at]["dev_score"])
        self.settings = dict(tried[best])
        if best < len(tried) - 1:
            self.learn(self._train, documents, self.settings)
        report_progress(Progress("learning", len(tried), len(tried)))
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

    def load(self, folder: Path) -> None:
        learned_from = json.loads((folder / "baseline.json").read_text())
        self.settings = learned_from["settings"]
        self._train = [Example(**row) for row in learned_from["train"]]
        self._documents = [Document(**document) for document in learned_from["documents"]]
        self.learn(self._train, self._documents, self.settings)


class MajorityLabel(_Baseline):
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


class NearestExample(_Baseline):
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
        self._index = VectorIndex(self._embedder.embed([row.input for row in train]))

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        near = self._index.search(self._embedder.embed(inputs), 1)
        return [(self._rows[row].target, (EXAMPLE_SOURCE + self._rows[row].id,)) for (row,) in near]


class TfidfLinear(_Baseline):
    """A linear classifier on the words and pairs of words in an input."""

    name = "tfidf_linear"
    declaration = Declaration(
        words=Words(
            "Word classifier",
            "",
            "A linear classifier on TF-IDF weights of words.",
        ),
        kinds=(Kind.CLASSIFICATION,),
    )
    tried = tuple({"strength": strength} for strength in STRENGTHS_ON_WORDS)

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import LinearSVC

        inputs = [row.input for row in train]
        self._classifier = make_pipeline(
            self.features(inputs), LinearSVC(C=settings["strength"], max_iter=MOST_STEPS, random_state=self.seed)
        )
        self._classifier.fit(inputs, [row.target for row in train])

    def features(self, inputs: Sequence[str]) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+")

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [(str(label), ()) for label in self._classifier.predict(list(inputs))]


class CharLinear(TfidfLinear):
    """A linear classifier on the sequences of one to four characters in an input, within words if the script has
    spaces. It needs no words, so it works with any script, with endings and with typos."""

    name = "char_linear"
    declaration = Declaration(
        words=Words(
            "Character classifier",
            "",
            "A linear classifier on TF-IDF weights of character n-grams. It works in any script.",
        ),
        kinds=(Kind.CLASSIFICATION,),
    )

    def features(self, inputs: Sequence[str]) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer

        _, unit = usual_length(inputs)
        analyzer = "char" if unit == "character" else "char_wb"
        return TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 4), analyzer=analyzer, max_features=MOST_FEATURES, dtype=np.float32
        )


class EmbeddingLinear(_Baseline):
    """A linear classifier on the embedding of an input: a frozen encoder with a trained last layer."""

    name = "embedding_linear"
    declaration = Declaration(
        words=Words(
            "Embedding classifier",
            "",
            "A linear classifier on sentence embeddings.",
        ),
        kinds=(Kind.CLASSIFICATION,),
    )
    tried = tuple({"strength": strength} for strength in STRENGTHS_ON_EMBEDDING)

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        from sklearn.linear_model import LogisticRegression

        self._embedder = self.load_embedder()
        if not hasattr(self, "_vectors"):
            self._vectors = self._embedder.embed([row.input for row in train])
        self._classifier = LogisticRegression(C=settings["strength"], max_iter=MOST_STEPS)
        self._classifier.fit(self._vectors, [row.target for row in train])

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        return [(str(label), ()) for label in self._classifier.predict(self._embedder.embed(inputs))]


class BestSentence(_Baseline):
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
        self._index = VectorIndex(self._embedder.embed([sentence.titled for sentence in self._sentences]))

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        near = self._index.search(self._embedder.embed(inputs), 1)
        return [(self._sentences[at].text, (self._sentences[at].document_id,)) for (at,) in near]
