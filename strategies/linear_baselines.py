"""Baselines that learn linear models: classifiers of labels, regressions of numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.mapping.label_sets import NO_LABEL, as_answer, labels_in
from eval.scoring.closeness import number_in, number_text
from eval.task import Document, Example, Kind
from eval.words import usual_length
from strategies.baselines import Answer, Baseline
from strategies.declaration import Declaration, Words
from strategies.witness import watched

if TYPE_CHECKING:  # takes a second to import, and a page only needs the declarations
    from sklearn.feature_extraction.text import TfidfVectorizer

# The inverse regularisation strength of a linear model; tried in this order.
STRENGTHS_ON_WORDS, STRENGTHS_ON_EMBEDDING = (1.0, 0.1, 10.0), (10.0, 1.0, 100.0)
THRESHOLDS = (0.3, 0.4, 0.5)  # the least probability of one of several labels; tried in this order
MOST_STEPS = 1000  # of the optimiser
MOST_FEATURES = 100_000  # most frequent character sequences: each label has a weight for each


class Linear(Baseline):
    """A linear model on features of an input."""

    strengths = STRENGTHS_ON_WORDS

    @property
    def settings_to_try(self) -> Sequence[dict[str, Any]]:
        if self.brief.kind is not Kind.MULTI_LABEL:
            return [{"strength": strength} for strength in self.strengths]
        pairs = sorted(product(range(len(THRESHOLDS)), range(len(self.strengths))), key=sum)
        return [{"strength": self.strengths[at], "threshold": THRESHOLDS[least]} for least, at in pairs]

    def learn(self, train: Sequence[Example], documents: Sequence[Document], settings: dict[str, Any]) -> None:
        from threadpoolctl import threadpool_limits

        features = self.features_of([row.input for row in train], is_training=True)
        # Threads of such small products wait for each other: beside a busy program, two take 30 times as long as one.
        with threadpool_limits(1, user_api="blas"):
            self._fit(features, train, settings)
        self._threshold = settings.get("threshold", 0.0)

    def _fit(self, features: Any, train: Sequence[Example], settings: dict[str, Any]) -> None:
        match self.brief.kind:
            case Kind.MULTI_LABEL:
                self._learn_sets(features, train, settings["strength"])
            case Kind.NUMBER:
                from sklearn.linear_model import Ridge

                values = [number_in(row.target) or 0.0 for row in train]
                self._range = min(values), max(values)
                self._model = Ridge(alpha=1 / settings["strength"]).fit(features, values)
            case _:
                labels = [row.target for row in train]
                one = self.classifier(settings["strength"]) if len(set(labels)) > 1 else _always_the_same()
                self._model = one.fit(features, labels)

    def answer(self, inputs: Sequence[str]) -> list[Answer]:
        if self.brief.kind is Kind.MULTI_LABEL and not self._labels:  # all rows have the same
            return [(as_answer(self._always), ()) for _ in inputs]
        features = self.features_of(inputs, is_training=False)
        if (seen := watched()) is not None and hasattr(self._model, "predict_proba"):
            labels = self._labels if self.brief.kind is Kind.MULTI_LABEL else self._model.classes_
            rows = self._model.predict_proba(features).tolist()
            seen.shares += [dict(zip(map(str, labels), row, strict=True)) for row in rows]
        match self.brief.kind:
            case Kind.MULTI_LABEL:
                return [(self._set(row), ()) for row in self._model.predict_proba(features)]
            case Kind.NUMBER:
                return [(number_text(value), ()) for value in np.clip(self._model.predict(features), *self._range)]
            case _:
                return [(str(label), ()) for label in self._model.predict(features)]

    @abstractmethod
    def features_of(self, inputs: Sequence[str], is_training: bool) -> Any:
        """[inputs, features]. Training inputs decide which features there are."""

    def classifier(self, strength: float) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=strength, max_iter=MOST_STEPS, random_state=self.seed)

    def _learn_sets(self, features: Any, train: Sequence[Example], strength: float) -> None:
        """One classifier for each label that some rows have and others lack."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        sets = [labels_in(row.target) or (NO_LABEL,) for row in train]
        found = sorted({label for labels in sets for label in labels})
        self._always = [label for label in found if all(label in labels for labels in sets)]
        self._labels = [label for label in found if label not in self._always]
        if not self._labels:
            return
        has = np.array([[label in labels for label in self._labels] for labels in sets], dtype=int)
        # Without balanced weights, a rare label hardly ever reaches any threshold.
        one = LogisticRegression(C=strength * 10, max_iter=MOST_STEPS, class_weight="balanced")
        self._model = OneVsRestClassifier(one).fit(features, has)

    def _set(self, probabilities: Sequence[float]) -> str:
        best = self._labels[int(np.argmax(probabilities))]
        likely = [label for label, one in zip(self._labels, probabilities, strict=True) if one >= self._threshold]
        some = [label for label in likely if label != NO_LABEL]
        return as_answer([*self._always, *(some or [best])] if best != NO_LABEL else self._always)


def _always_the_same() -> Any:
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="most_frequent")


class OnText(Linear):
    """A linear model on TF-IDF weights."""

    def features_of(self, inputs: Sequence[str], is_training: bool) -> Any:
        if is_training:
            self._vectorizer = self.vectorizer(inputs)
            try:
                return self._vectorizer.fit_transform(inputs)
            except ValueError:  # no input has any word
                self._vectorizer.fit(["a"])
        return self._vectorizer.transform(inputs)

    @abstractmethod
    def vectorizer(self, inputs: Sequence[str]) -> TfidfVectorizer: ...


class TfidfLinear(OnText):
    """A linear classifier on the words and pairs of words in an input."""

    name = "tfidf_linear"
    declaration = Declaration(
        words=Words("Word classifier", "", "A linear classifier on TF-IDF weights of words."),
        kinds=(Kind.CLASSIFICATION, Kind.MULTI_LABEL),
    )

    def vectorizer(self, inputs: Sequence[str]) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer

        return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+")


class CharLinear(OnText):
    """A linear classifier on the sequences of one to four characters in an input, within words if the script has
    spaces. It needs no words, so it works with any script, with endings and with typos."""

    name = "char_linear"
    declaration = Declaration(
        words=Words(
            "Character classifier",
            "",
            "A linear classifier on TF-IDF weights of character n-grams. It works in any script.",
        ),
        kinds=(Kind.CLASSIFICATION, Kind.MULTI_LABEL),
    )

    def vectorizer(self, inputs: Sequence[str]) -> TfidfVectorizer:
        from sklearn.feature_extraction.text import TfidfVectorizer

        _, unit = usual_length(inputs)
        analyzer = "char" if unit == "character" else "char_wb"
        return TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, 4), analyzer=analyzer, max_features=MOST_FEATURES, dtype=np.float32
        )


class EmbeddingLinear(Linear):
    """A linear classifier on the embedding of an input: a frozen encoder with a trained last layer."""

    name = "embedding_linear"
    declaration = Declaration(
        words=Words("Embedding classifier", "", "A linear classifier on sentence embeddings."),
        kinds=(Kind.CLASSIFICATION, Kind.MULTI_LABEL),
    )
    strengths = STRENGTHS_ON_EMBEDDING

    def features_of(self, inputs: Sequence[str], is_training: bool) -> Any:
        if is_training:
            self._embedder = self.load_embedder()
            return self.embedded(inputs)
        return self._embedder.embed(inputs)

    def classifier(self, strength: float) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=strength, max_iter=MOST_STEPS)


class TfidfRegression(TfidfLinear):
    """A linear regression on the words and pairs of words in an input."""

    name = "tfidf_regression"
    declaration = Declaration(
        words=Words("Word regression", "", "A ridge regression on TF-IDF weights of words."),
        kinds=(Kind.NUMBER,),
    )


class CharRegression(CharLinear):
    """A linear regression on sequences of characters."""

    name = "char_regression"
    declaration = Declaration(
        words=Words(
            "Character regression",
            "",
            "A ridge regression on TF-IDF weights of character n-grams. It works in any script.",
        ),
        kinds=(Kind.NUMBER,),
    )


class EmbeddingRegression(EmbeddingLinear):
    """A linear regression on the embedding of an input."""

    name = "embedding_regression"
    declaration = Declaration(
        words=Words("Embedding regression", "", "A ridge regression on sentence embeddings."),
        kinds=(Kind.NUMBER,),
    )
