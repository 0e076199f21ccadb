"""The page that gives advice, and what a report's page says of the rules."""

from __future__ import annotations

from collections.abc import Callable

from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from tests.app import html_of, open_page, primaries


def test_a_report_page_tells_whether_the_measurement_agrees(finished: Callable[..., StoredRun]) -> None:
    run = finished()
    said = html_of(open_page("Report", run=run.id))
    assert "120 examples of your own 4 categories favour fine-tuning." in said


def test_the_page_answers_at_once_and_keeps_the_answers_in_its_address(store: Store) -> None:
    app = open_page("Advice")
    assert "Answer the questions you can." in html_of(app) and len(app.selectbox) == 6
    app.selectbox(key="answer-tried").set_value("no").run()
    app.selectbox(key="answer-knowledge").set_value("changing").run()
    assert "Start with a good prompt, then retrieval." in html_of(app)
    assert dict(app.query_params) == {"tried": "no", "knowledge": "changing"}
    assert primaries(app) == ["Upload data to measure it"]
    app.selectbox(key="answer-tried").set_value("unknown").run()
    assert "tried" not in app.query_params and "Try retrieval." in html_of(app)


def test_a_shared_address_shows_the_same_advice_and_nonsense_in_it_is_passed_over(store: Store) -> None:
    said = html_of(open_page("Advice", knowledge="changing", tried="no", form="<b>"))
    assert "Start with a good prompt, then retrieval." in said and "<b>&" not in said
    assert "There is no data" in html_of(open_page("Advice", dataset="gone"))


def test_the_page_is_filled_in_from_data(store: Store) -> None:
    rows = "".join(f"question number {i} of the day,{'abcd'[i % 4]}\n" for i in range(240))
    dataset = store.add_dataset("questions.csv", f"question,label\n{rows}".encode())
    app = open_page("Advice", dataset=dataset.id)
    said = html_of(app)
    assert app.selectbox(key="answer-form").value == "categories" and "From your data: answers are 4 labels." in said
    assert "Try adapter fine-tuning." in said and primaries(app) == ["Compare the strategies"]
    app.selectbox(key="answer-form").set_value("unknown").run()
    assert dict(app.query_params) == {"dataset": dataset.id, "form": "unknown"}
    app.button(key="measure").click().run()
    assert primaries(app) == ["Compare the four"] and "What to compare" in html_of(app)


def test_start_leads_to_the_advice(store: Store) -> None:
    labels = [link.proto.label for link in open_page("Start").get("page_link")]
    assert "No data yet? Answer six questions for first advice." in labels and "Advice" in labels
