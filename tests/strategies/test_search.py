"""Searching by words, by vectors, by both and with a reranker; what is right for a row; and how early it is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from eval.task import BadInput, Document, Example
from strategies.search import onnx_models
from strategies.search.embedder import DEFAULT
from strategies.search.fusion import fuse
from strategies.search.models import SearchModels, _load_reranker
from strategies.search.onnx_models import BGE, MINILM_RERANKER, OnnxEmbedder, OnnxReranker, packaged_folder
from strategies.search.passages import cut_passages, with_neighbours
from strategies.search.quality import rank_quality
from strategies.search.relevance import sought_by
from strategies.search.reranker import rerank
from strategies.search.settings import SearchSettings, Way
from strategies.search.text_index import TextIndex
from strategies.search.vector_index import VectorIndex
from strategies.search.word_index import WordIndex, language_of, words_in

TEXTS = (
    "The ferry to the island sails at noon.",
    "Refunds are paid within fourteen days.",
    "The library lends books and maps for free.",
    "Ferries need a permit of the harbour master.",
)
PACKAGED = pytest.mark.skipif(packaged_folder(BGE) is None, reason="the package with the ONNX models isn't installed")


def test_words_are_found_in_any_form_and_the_rarest_count_most() -> None:
    index = WordIndex(TEXTS, "en")
    assert index.search("Which ferry has a PERMIT?", 3)[0] == 3
    assert index.search("refund paid?", 9) == [1]
    assert index.search("xylophone", 3) == index.search("", 3) == index.search("?!", 3) == []


def test_scripts_without_spaces_are_compared_by_letters_and_pairs_of_them() -> None:
    assert words_in("図書館 2F", "ja") == ["図", "書", "館", "図書", "書館", "2f"]
    index = WordIndex(["図書館は月曜日に休みです。", "返金は十四日以内です。", "The harbour"], None)
    assert index.search("図書館はいつ休みですか", 1) == [0]
    assert index.search("返金まで何日ですか", 1) == [1]


def test_the_language_is_that_of_most_texts() -> None:
    german = "Die Bücherei verleiht Bücher und Landkarten, solange sie geöffnet hat."
    assert language_of([german] * 30) == "de" and language_of([]) is None
    assert words_in("Bücher", "de") == words_in("Büchern", "de") != words_in("Büchern", None)


def test_an_index_of_words_is_the_same_after_saving(tmp_path: Path) -> None:
    for at, texts in enumerate([TEXTS, [], ["?"]]):
        index = WordIndex(texts, "en")
        index.save(tmp_path / str(at))
        again = WordIndex.load(tmp_path / str(at))
        for asked in ("ferry permits", "maps", "nothing"):
            assert again.search(asked, 3) == index.search(asked, 3)


def test_what_two_orders_agree_on_comes_first() -> None:
    assert fuse([[1, 2, 3], [3, 4]]) == [3, 1, 2, 4]
    assert fuse([[5, 6], []]) == [5, 6] and fuse([[], []]) == []


@pytest.mark.parametrize("way", list(Way))
def test_each_way_finds_and_is_the_same_after_saving(way: Way, tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    index = TextIndex.of(way, VectorIndex(vectors), TEXTS, "en")
    asked = np.array([[0, 0, 1, 0.5]], dtype=np.float32)
    found = index.search(["ferry permit"], asked, 4)
    assert found[0][:2] == {Way.DENSE: [2, 3], Way.WORDS: [3, 0], Way.BOTH: [3, 0]}[way]
    assert sorted(found[0]) == [0, 1, 2, 3]  # by words alone, the others follow
    index.save(tmp_path, "texts")
    assert TextIndex.load(tmp_path, "texts", way).search(["ferry permit"], asked, 4) == found


class ByLength:
    name = "by length"

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return np.array([len(text) for _, text in pairs], dtype=np.float32)


def test_only_the_first_are_reranked() -> None:
    assert rerank(ByLength(), "asked", [1, 2, 0], ["bb", "ccc"]) == [2, 1, 0]
    assert rerank(ByLength(), "asked", [], []) == []


def test_neighbours_are_shown_once_and_only_those_of_the_document() -> None:
    documents = [Document("a", "A", "One fox. Two owls. Three elk."), Document("b", "", "Four ants.")]
    passages = cut_passages(documents, 2, overlaps=False)
    assert [one.text for one in passages] == ["One fox.", "Two owls.", "Three elk.", "Four ants."]
    assert [one.text for one in with_neighbours(passages, [2, 1, 3], 1)] == [
        "Two owls. Three elk.", "One fox.", "Four ants.",
    ]  # fmt: skip
    assert with_neighbours(passages, [3, 0], 0) == [passages[3], passages[0]]


def test_the_right_passage_holds_the_answer_in_a_document_that_the_row_names() -> None:
    documents = [
        Document("a", "Our opening hours", "We open at nine. Call 12."),
        Document("b", "", "They open at nine."),
    ]
    named, bare = Example("n", "When?", "nine", document_ids=("b",)), Example("o", "Call?", "12")
    nowhere, title = Example("x", "Why?", "because"), Example("t", "our opening hours?", "nine", document_ids=("a",))
    sought = {one.row.id: one for one in sought_by([named, bare, nowhere, title], documents)}
    passages = cut_passages(documents, 4)
    assert {id: [one.is_in(passage) for passage in passages] for id, one in sought.items()} == {
        "n": [False, False, True], "o": [False, True, False],
    }  # fmt: skip
    by_document = sought_by([Example("w", "Why?", "because", document_ids=("a",))], documents)
    assert [by_document[0].is_in(passage) for passage in passages] == [True, True, False]


def test_hit_rates_and_ndcg_are_those_of_the_definition() -> None:
    found = rank_quality([[True, False], [False, False, True], [False] * 4, [False] * 10 + [True]], [1, 1, 1, 1])
    assert found.hits == (0.25, 0.5, 0.5) and found.ndcg == pytest.approx((1 + 0.5) / 4)
    assert rank_quality([[True, True, False]], [2]).ndcg == 1


def test_settings_come_back_from_what_people_are_shown() -> None:
    default = SearchSettings(45, language="en")
    for settings in (
        default,
        SearchSettings(60, Way.BOTH, Way.WORDS, BGE, MINILM_RERANKER, overlaps=False, titled=False, neighbours=1),
    ):
        assert SearchSettings.settled(settings.shown(True), default) == replace(settings, language="en")
    without = SearchSettings(45, example_way=Way.BOTH, embedder=BGE)
    assert SearchSettings.settled(without.shown(False), default).example_way is Way.BOTH
    assert SearchSettings.settled({}, default) == default
    assert [SearchSettings(words, reranker="any").reranked for words in (30, 60, 150)] == [20, 10, 8]


@PACKAGED
def test_the_packaged_models_rank_what_answers_first_whatever_else_they_read() -> None:
    embedder, reranker = SearchModels().embedder(BGE), SearchModels().reranker(MINILM_RERANKER)
    assert isinstance(embedder, OnnxEmbedder) and isinstance(reranker, OnnxReranker)
    asked = ["How long does it take to get my money back?", "Where can I borrow a map?"]
    texts = embedder.embed(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-6)
    assert (embedder.embed_queries(asked) @ texts.T).argmax(axis=1).tolist() == [1, 2]
    assert np.array_equal(embedder.embed(TEXTS[1:2])[0], texts[1])
    assert not np.allclose(embedder.embed_queries(asked[:1]), embedder.embed(asked[:1]))
    scores = reranker.score([(asked[0], text) for text in TEXTS])
    assert scores.argmax() == 1 and np.array_equal(reranker.score([(asked[0], TEXTS[1])])[0], scores[1])


@PACKAGED
def test_the_packaged_models_come_with_their_licences() -> None:
    licence, notice = sorted(onnx_models.licence_files())
    assert "Apache License" in licence.read_text()
    assert all(name in notice.read_text() for name in (BGE, MINILM_RERANKER))


def test_a_file_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    assert not onnx_models._are_as_tested(tmp_path, BGE)


def test_without_the_package_there_is_the_default_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_models, "PACKAGE", "no_such_package")
    models = SearchModels()
    assert models.embedders == [DEFAULT] and models.rerankers == []
    _load_reranker.cache_clear()
    with pytest.raises(BadInput, match="isn't on this machine"):
        models.reranker(MINILM_RERANKER)
    monkeypatch.setenv("THREEWAYS_EMBEDDERS", "some/model, ./other")
    assert models.embedders == [DEFAULT, "some/model", "./other"]
