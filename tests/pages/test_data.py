"""The Data page: the instruction and where it comes from, what labels mean, and the documents to look through."""

from __future__ import annotations

from advisor.pages.documents import found_in
from advisor.pages.uploads import documents_problem, task_file_problem
from advisor.plan import Setup
from advisor.samples import zipped
from advisor.storage.store import Store
from eval.reading.table import MAX_BYTES
from eval.task import Document
from strategies.search.passages import cut_passages
from tests.app import html_of, open_page, primaries
from tests.pages.test_flow import TICKETS


def test_the_instruction_is_open_and_says_where_it_comes_from(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Data", dataset=dataset.id)
    first = str(app.text_area[0].value)
    assert first.endswith("Categories: booking, refund, repair") and not app.text_area[0].disabled
    assert "Prompting is only as good as this." in html_of(app)
    assert "We drafted this from the names of your 3 labels." in html_of(app)
    app.text_area[0].set_value("Which desk takes it?").run()
    assert "You wrote this." in html_of(app) and primaries(app) == ["Choose what to compare"]
    app.button(key="first-instruction").click().run()
    assert app.text_area[0].value == first
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.instruction == ""


def test_an_instruction_in_the_file_is_told_apart_from_a_draft(store: Store) -> None:
    lines = [f"{line},Pick a desk." for line in TICKETS.splitlines()[1:]]
    dataset = store.add_dataset("tickets.csv", "\n".join(["message,label,instruction", *lines]).encode())
    app = open_page("Data", dataset=dataset.id)
    assert app.text_area[0].value == "Pick a desk."
    assert "This is the instruction in your file." in html_of(app)
    app.text_area[0].set_value("Name the desk.").run()
    app.button(key="first-instruction").click().run()
    assert app.text_area[0].value == "Pick a desk."


def test_meanings_stay_until_another_target_is_chosen(store: Store) -> None:
    lines = [f"{line},{row % 3}" for row, line in enumerate(TICKETS.splitlines()[1:])]
    dataset = store.add_dataset("tickets.csv", "\n".join(["message,label,desk", *lines]).encode())
    meanings = (("refund", "money back"), ("gone", "a label that a step removed"))
    store.save_setup(dataset.id, Setup("message", "label", meanings=meanings))
    app = open_page("Data", dataset=dataset.id)
    app.text_area[0].set_value("Which desk takes it?").run()
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.meanings == meanings
    app.selectbox(key=f"target-{dataset.id}").set_value("desk").run()
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.target == "desk" and saved.meanings == ()


def test_documents_are_searched_and_opened_whole(store: Store) -> None:
    long = "Dock seven opens at noon. " * 40
    files = [(f"{name}.md", f"# {name}\n{long if name == 'Docks' else name}") for name in ("Cranes", "Docks", "<b>Pay")]
    archive = zipped((name, text.encode()) for name, text in files)
    dataset = store.add_dataset("tickets.csv", TICKETS.encode(), "documents.zip", archive)
    app = open_page("Data", dataset=dataset.id)
    app.toggle(key="look-through-documents").set_value(True).run()
    assert "3 of 3 documents." in html_of(app) and "<b>Pay" not in html_of(app)
    app.text_input(key="search-documents").set_value("dock SEVEN").run()
    assert "1 of 3 documents." in html_of(app)
    (opened,) = (button for button in app.button if button.label == "Open")
    opened.click().run()
    assert not app.exception and primaries(app) == ["Choose what to compare"]
    _, documents = store.read_upload(dataset.id)
    (docks,) = (one for one in documents if "Dock seven" in one.text)
    assert docks.text in [text.value for text in app.text]
    assert [code.value for code in app.code] == [passage.titled for passage in cut_passages([docks])]


def test_a_search_reads_titles_ids_and_texts() -> None:
    documents = [Document("a1", "Cranes", "tall"), Document("b2", "Docks", "wet cranes")]
    assert found_in(documents, " CRANES") == [0, 1]
    assert found_in(documents, "b2") == [1]
    assert found_in(documents, "") == [0, 1]


def test_a_refused_upload_says_why_and_what_to_do() -> None:
    assert task_file_problem("tickets.CSV", 10) is None
    wrong = task_file_problem("photo.heic", 10)
    assert wrong == "photo.heic isn't a table that we can read. Save it as CSV, TSV, JSONL, JSON, Excel or Parquet."
    large = task_file_problem("tickets.csv", MAX_BYTES + 1)
    assert large is not None and "has 201 MB, and we read at most 200 MB. Upload fewer rows" in large
    assert documents_problem([("notes", 1), ("a.md", 1), ("b.zip", 1)]) is None
    assert (documents_problem([("a.md", 1), ("b.mp3", 1)]) or "").startswith("b.mp3 isn't a document")
    half = MAX_BYTES // 2 + 2**20
    assert "202 MB together, and we read at most 200 MB" in (documents_problem([("a.md", half), ("b.md", half)]) or "")
