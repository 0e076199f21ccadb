"""The data desk: every change is a recorded step that can be undone alone and applies again to a changed file."""

from __future__ import annotations

import psutil
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from advisor.pages.changed_data import take_changed_file
from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare
from advisor.runs.label_check import is_looking, label_check, start_looking
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset
from advisor.storage.task_file import read_task
from advisor.storage.upload import Reading
from eval.mapping.steps import DropRow, EditRow, Fix, Row, Step
from strategies.search.embedder import phrase_encoder
from tests.app import html_of, open_page
from tests.eval.test_table import workbook
from tests.pages.test_flow import TICKETS

LINES = TICKETS.splitlines(keepends=True)
FIRST = Row("Ship number 0 has trouble with its mast", "repair")


def texts(app: AppTest) -> list[str]:
    return [element.value for element in app.text]


def steps_of(store: Store, dataset: StoredDataset) -> tuple[Step, ...]:
    setup = store.dataset(dataset.id).setup
    return setup.steps if setup else ()


def open_rows(dataset: StoredDataset) -> AppTest:
    app = open_page("Data", dataset=dataset.id)
    return app.toggle(key="browse-rows").set_value(True).run()


def shown_rows(app: AppTest) -> list[str]:
    return [key.removeprefix("edit-row-") for button in app.button if (key := button.key or "").startswith("edit-row-")]


def save(app: AppTest, label: str = "Save") -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


@pytest.fixture
def dataset(store: Store) -> StoredDataset:
    return store.add_dataset("tickets.csv", TICKETS.encode())


def test_a_row_is_relabelled_edited_and_dropped(store: Store, dataset: StoredDataset) -> None:
    app = open_rows(dataset)
    app.button(key="edit-row-r2").click().run()
    assert app.selectbox(key="answer-of-r2").options == ["booking", "refund", "repair"]
    app.selectbox(key="answer-of-r2").set_value("refund")
    save(app)
    relabelled = EditRow(FIRST, None, "refund")
    assert steps_of(store, dataset) == (relabelled,)
    assert "1. Answer “refund” instead of “repair” to “Ship number 0 has trouble with its mast”" in texts(app)
    app.button(key="edit-row-r2").click().run()
    app.text_area(key="input-of-r2").set_value("My ship sank")
    save(app)
    assert steps_of(store, dataset) == (relabelled, EditRow(FIRST, "My ship sank", None))
    app.button(key="edit-row-r3").click().run()
    save(app, "Drop this row")
    dropped = DropRow(Row("Train number 0 has trouble with its ticket", "refund"))
    assert steps_of(store, dataset)[2:] == (dropped,)
    assert "r3" not in shown_rows(app) and "44 of 44 rows." in html_of(app)
    app.button(key="undo-0").click().run()
    assert steps_of(store, dataset) == (EditRow(FIRST, "My ship sank", None), dropped)
    app.button(key="undo-all").click().run()
    assert steps_of(store, dataset) == () and "Your changes" not in html_of(app)


def test_several_labels_are_chosen_from_all(store: Store) -> None:
    kinds = ("red; blue", "red", "green; blue")
    rows = "".join(f"thing number {i} of many,{kinds[i % 3]}\n" for i in range(30))
    dataset = store.add_dataset("tags.csv", f"text,tags\n{rows}".encode())
    app = open_rows(dataset)
    app.selectbox(key="browse-label").set_value("red").run()
    assert "20 of 30 rows." in html_of(app)
    app.button(key="edit-row-r3").click().run()
    tags = app.multiselect(key="answer-of-r3")
    assert tags.options == ["blue", "green", "red"] and tags.value == ["red"]
    tags.set_value(["red", "green"])
    save(app)
    assert steps_of(store, dataset) == (EditRow(Row("thing number 1 of many", "red"), None, "red; green"),)


def test_what_is_not_saved_is_not_recorded(store: Store, dataset: StoredDataset) -> None:
    app = open_rows(dataset)
    app.button(key="edit-row-r2").click().run()
    app.text_area(key="input-of-r2").set_value("Something else")
    save(app, "Cancel")
    assert steps_of(store, dataset) == () and "r2" in shown_rows(app)
    app.button(key="edit-row-r2").click().run()
    save(app)
    assert steps_of(store, dataset) == ()
    app.button(key="edit-row-r2").click().run()
    app.text_area(key="input-of-r2").set_value(" ")
    save(app)
    assert "A row needs an input and an answer" in html_of(app) and steps_of(store, dataset) == ()


def test_rows_are_found_by_text_label_part_and_finding(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", (TICKETS + LINES[1]).encode())
    app = open_rows(dataset)
    assert "46 of 46 rows." in html_of(app) and len(shown_rows(app)) == 10
    next(iter(app.pagination)).set_value(5).run()
    assert len(shown_rows(app)) == 6
    app.text_input(key="browse-text").set_value("NUMBER 3 ").run()
    assert shown_rows(app) == ["r11", "r12", "r13"]
    app.selectbox(key="browse-label").set_value("refund").run()
    assert shown_rows(app) == ["r12"]
    app.text_input(key="browse-text").set_value("").run()
    app.selectbox(key="browse-side").set_value("test").run()
    counted = int(html_of(app).partition(" of 46 rows.")[0].rpartition(">")[2])
    assert 0 < counted < 15
    assert html_of(app).count(", test row") == counted
    app.selectbox(key="browse-label").set_value("")
    app.selectbox(key="browse-side").set_value("")
    app.selectbox(key="browse-finding").set_value("duplicates").run()
    assert shown_rows(app) == ["r47"]


def test_the_rows_of_a_finding_open_in_the_browser(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", (TICKETS + LINES[1]).encode())
    app = open_page("Data", dataset=dataset.id)
    assert not shown_rows(app)
    app.button(key="edit-duplicates").click().run()
    assert shown_rows(app) == ["r47"]
    app.button(key="mend-duplicates").click().run()
    assert not app.exception and len(shown_rows(app)) == 10
    assert steps_of(store, dataset) == (Fix("duplicates"),)


def test_a_change_that_leaves_too_little_is_refused(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", "".join(LINES[:21]).encode())
    app = open_rows(dataset)
    app.button(key="edit-row-r2").click().run()
    save(app, "Drop this row")
    assert "Your changes would leave 19 rows" in html_of(app) and steps_of(store, dataset) == ()


def test_text_of_a_person_is_text_in_the_browser_too(store: Store) -> None:
    rows = TICKETS.replace("Ship number 0 has", "<img src=x> **bold** $x^2$")
    app = open_rows(store.add_dataset("tickets.csv", rows.encode()))
    assert "<img src=x> **bold** $x^2$ trouble with its mast" in texts(app)
    assert "<img" not in html_of(app) and not any("bold" in one.value for one in app.markdown)


def test_personal_data_is_masked_on_screen_and_before_a_run_if_asked(store: Store) -> None:
    rows = TICKETS.replace("Ship number 0 has trouble", "Write to jane.doe@example.org about trouble")
    dataset = store.add_dataset("tickets.csv", rows.encode())
    app = open_rows(dataset)
    assert "Write to [e-mail] about trouble with its mast" in texts(app)
    assert not any("jane.doe" in text for text in texts(app)) and "jane.doe" not in html_of(app)
    assert not any(frame.value.astype(str).stack().str.contains("jane.doe").any() for frame in app.dataframe)
    app.button(key="mend-personal-data").click().run()
    assert steps_of(store, dataset) == (Fix("personal-data"),)
    open_page("Compare", dataset=dataset.id).button(key="run").click().run()
    task, _ = read_task(store.run_folder(store.runs()[0].id))
    assert not any("jane.doe" in example.input for example in task.examples)


def test_steps_apply_again_to_a_changed_file_and_reach_the_run(store: Store, dataset: StoredDataset) -> None:
    gone = EditRow(Row("Plane number 0 has trouble with its seat", "booking"), None, "refund")
    steps = (EditRow(FIRST, None, "refund"), gone, Fix("duplicates"))
    run = prepare(store, Plan(dataset.id, Setup("message", "label", steps=steps)))
    changed = "".join([LINES[0], "A new message,booking\n", *LINES[1:3], *LINES[4:], LINES[5]])
    after = take_changed_file(run, "changed.csv", changed.encode())
    app = open_page("Data", dataset=after.id, follows=run.id)
    assert steps_of(store, after) == steps
    assert "No effect: its row is not in this file." in html_of(app)
    open_page("Compare", dataset=after.id, follows=run.id).button(key="run").click().run()
    task, split = read_task(store.run_folder(store.runs()[0].id))
    labels = {example.input: example.target for example in task.examples}
    assert labels[FIRST.input] == "refund" and len(task.examples) == 45
    assert "You changed the data: 1 by fixes, 1 edited by hand." in split.notes
    assert "1 of your changes has no effect, because its row is no longer in the data." in split.notes


def test_changes_to_rows_outlive_another_choice_of_columns(store: Store) -> None:
    lines = [f"{line},{row % 3}" for row, line in enumerate(TICKETS.splitlines()[1:])]
    dataset = store.add_dataset("tickets.csv", "\n".join(["message,label,desk", *lines]).encode())
    edit = EditRow(FIRST, None, "refund")
    store.save_setup(dataset.id, Setup("message", "label", steps=(Fix("duplicates"), edit)))
    app = open_page("Data", dataset=dataset.id)
    app.selectbox[1].set_value("desk").run()
    assert steps_of(store, dataset) == (edit,) and "No effect" in html_of(app)
    app.selectbox[1].set_value("label").run()
    assert steps_of(store, dataset) == (edit,) and "No effect" not in html_of(app)


def test_more_input_is_joined_and_kept(store: Store) -> None:
    lines = [f"order {row},{line}" for row, line in enumerate(TICKETS.splitlines()[1:])]
    dataset = store.add_dataset("tickets.csv", "\n".join(["order,message,label", *lines]).encode())
    store.save_setup(dataset.id, Setup("message", "label"))
    app = open_page("Data", dataset=dataset.id)
    more = next(box for box in app.multiselect if box.label == "More input")
    assert more.options == ["order"] and more.value == []
    more.set_value(["order"]).run()
    setup = store.dataset(dataset.id).setup
    assert setup is not None and setup.joined == ("order",)
    app.toggle(key="browse-rows").set_value(True).run()
    assert "message: Ship number 0 has trouble with its mast\norder: order 0" in texts(app)


def test_another_sheet_is_one_choice_away_and_so_is_the_way_back(store: Store) -> None:
    rows = [line.split(",") for line in TICKETS.splitlines()]
    book = workbook(rows, [["text", "topic"], *rows[1:31]])
    first = store.add_dataset("book.xlsx", book)
    app = open_page("Data", dataset=first.id)
    sheets = app.radio(key=f"sheet-{first.id}")
    assert sheets.options == ["Sheet (45 rows)", "Sheet1 (30 rows)", "Choose for me"] and sheets.value == ""
    sheets.set_value("Sheet1").run()
    assert "30 rows in 2 columns" in html_of(app) and "book Sheet1.xlsx" in html_of(app)
    second = store.dataset(app.query_params["dataset"])
    assert second.id != first.id and store.read_upload(second.id)[0].columns == ("text", "topic")
    (store.dataset_folder(second.id) / "parsed.jsonl").unlink()  # as after an upgrade
    assert store.read_upload(second.id)[0].columns == ("text", "topic")
    app.radio(key=f"sheet-{second.id}").set_value("").run()
    assert app.query_params["dataset"] == first.id and "45 rows in 2 columns" in html_of(app)


def test_a_changed_workbook_is_read_from_the_same_sheet(store: Store) -> None:
    rows = [line.split(",") for line in TICKETS.splitlines()]
    first = store.add_dataset("book.xlsx", workbook(rows, rows[:31]))
    second = store.keep_upload(store.upload_as(first.id, Reading("Sheet1")))
    run = prepare(store, Plan(second.id, Setup("message", "label")))
    after = take_changed_file(run, "changed.xlsx", workbook(rows, rows[:26]))
    assert after.rows == 25 and after.name == "changed Sheet1.xlsx"
    assert take_changed_file(run, "changed.xlsx", workbook(rows)).rows == 45


@pytest.mark.slow
def test_wrong_labels_are_looked_for_once_and_taken_one_by_one(store: Store) -> None:
    if phrase_encoder() is None:
        pytest.skip("the sentence encoder isn't installed")
    wrong = TICKETS.replace("number 3 has trouble with its mast,repair", "number 3 has trouble with its mast,booking")
    wrong = wrong.replace("number 5 has trouble with its seat,booking", "number 5 has trouble with its seat,refund")
    dataset = store.add_dataset("tickets.csv", wrong.encode())
    app = open_page("Data", dataset=dataset.id)
    app.button(key="look").click().run()
    assert "Looking for wrong labels" in html_of(app)
    with FileLock(store.dataset_folder(dataset.id) / "label_check.lock", timeout=120):
        pass
    app.run()
    assert "2 rows may have the wrong label." in html_of(app)
    app = open_page("Data", dataset=dataset.id)  # kept
    assert app.button(key="take-r11").label == "Use repair" and app.button(key="take-r19").label == "Use booking"
    app.button(key="take-r11").click().run()
    taken = EditRow(Row("Ship number 3 has trouble with its mast", "booking"), None, "repair")
    assert steps_of(store, dataset) == (taken,)
    assert "You changed 1 of them." in html_of(app) and not [one for one in app.button if one.key == "take-r11"]
    app.button(key="undo-0").click().run()
    app.button(key="take-all").click().run()
    assert len(steps_of(store, dataset)) == 2 and "None are left." in html_of(app)


def test_a_search_for_wrong_labels_that_died_leaves_a_sentence(store: Store, dataset: StoredDataset) -> None:
    store.save_setup(dataset.id, Setup("message", "label"))
    with store.device_lock:  # as during a run: it has to wait
        start_looking(store, dataset.id, Setup("message", "label"))
        assert is_looking(store, dataset.id)
        (child,) = (one for one in psutil.Process().children() if str(store.home) in " ".join(one.cmdline()))
        while label_check(store, dataset.id, Setup("message", "label")) is None and child.is_running():
            pass  # it writes down at once that it may die
        child.kill()
        child.wait()
    app = open_page("Data", dataset=dataset.id)
    assert "The search for wrong labels ended without a result" in html_of(app)
    assert app.button(key="look").label == "Look for wrong labels"
