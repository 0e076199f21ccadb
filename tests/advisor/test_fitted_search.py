"""The search in a downloaded strategy finds what the strategy found, whatever was chosen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from advisor.render.fitted_zip import _search, _search_files
from eval.task import Brief, Document, Example, Kind
from strategies.open_book import Counts, index_book
from strategies.search.models import SearchModels
from strategies.search.onnx_models import BGE, MINILM_RERANKER, packaged_folder
from strategies.search.settings import SearchSettings, Way
from strategies.search_choice import SearchChoice
from strategies.standalone_search import Search
from tests.tiny_model import tiny_transformer

DOCUMENTS = (
    Document("returns", "Returns", "Goods can be sent back within 14 days. The desk is on the third floor. Ask Mia."),
    Document("people", "", "Maria answers the telephone. The lamp workshop is closed on Mondays. Ben paints."),
    Document("ja", "図書館", "図書館は月曜日に休みです。返金は十四日以内です。"),
)
ROWS = tuple(
    Example(f"r{at}", question, answer)
    for at, (question, answer) in enumerate(
        [
            ("How long can goods be sent back?", "14 days"),
            ("Who answers the phone?", "Maria"),
            ("Where is the desk?", "the third floor"),
            ("Which workshop closes on Mondays?", "The lamp workshop"),
            ("Who paints?", "Ben"),
        ]
    )
)
ASKED = ("When does the lamp workshop close?", "Who telephones?", "図書館の休みはいつですか", "?", "desks for goods")
BRIEF = Brief("questions", Kind.ANSWERING, "")
PACKAGED = pytest.mark.skipif(packaged_folder(BGE) is None, reason="the package with the ONNX models isn't installed")


@pytest.mark.parametrize("counts", [Counts(2, 2, 40), Counts(0, 3, 400), Counts(3, 0, 40)])
@pytest.mark.parametrize(
    "chosen",
    [
        SearchSettings(12),
        SearchSettings(8, way=Way.BOTH, example_way=Way.WORDS, language="en"),
        SearchSettings(8, way=Way.WORDS, example_way=Way.BOTH, titled=False),
        SearchSettings(5, overlaps=False, neighbours=1, way=Way.BOTH, language="en"),
        pytest.param(SearchSettings(8, embedder=BGE, reranker=MINILM_RERANKER, titled=False), marks=PACKAGED),
        pytest.param(
            SearchSettings(5, Way.BOTH, Way.BOTH, BGE, MINILM_RERANKER, overlaps=False, neighbours=1, language="en"),
            marks=PACKAGED,
        ),
    ],
    ids=["default", "both and words", "words", "neighbours", "packaged models", "all"],
)
def test_the_download_finds_what_the_strategy_found(chosen: SearchSettings, counts: Counts, tmp_path: Path) -> None:
    fitted, download, model = tmp_path / "fitted", tmp_path / "download", tiny_transformer()
    fitted.mkdir()
    download.mkdir()
    book, _ = index_book(ROWS, DOCUMENTS, SearchModels(), SearchChoice(chosen), lambda progress: None)
    stored = {**json.loads(json.dumps(book.save(fitted))), "tokens_of_examples": counts.tokens_of_examples}
    texts, indexes, search = _search(fitted, {"passages": counts.passages, "examples": counts.examples}, stored)
    (download / "search.json").write_text(json.dumps(texts))
    for name, path in (
        *((f"{name}.faiss", path) for name, path in indexes.items()),
        *_search_files(indexes, search).items(),
    ):
        (download / name).parent.mkdir(exist_ok=True)
        shutil.copy(path, download / name)
    found = Search(download, json.loads(json.dumps(search)), None)
    for asked, opened in zip(ASKED, book.open(ASKED, counts, model, BRIEF), strict=True):
        passages, examples = found.find(asked, model.tokenizer)
        assert passages == [passage.titled for passage in opened.passages]
        assert examples == [(example.input, example.target) for example in opened.examples[::-1]]
    with_voters = _search_files({**indexes, "voters": fitted / "solved.faiss"}, search)
    assert with_voters == _search_files(indexes, search)  # no words, which don't count in votes
    if chosen.reranker and counts.passages:
        assert (download / "reranker" / "LICENSE").exists() and (download / "embedder" / "NOTICE").exists()
