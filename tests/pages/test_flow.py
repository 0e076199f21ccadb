"""From an upload or a sample to a queued run, with the pages as a person meets them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element, Selectbox

from advisor.hosted import hosted_prices
from advisor.plan import DEFAULT_STRATEGIES, Plan, Setup
from advisor.runs.experiment import prepare
from advisor.samples import SAMPLES
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.wording import in_sentence
from eval.mapping.steps import Fix
from eval.task import BadInput
from strategies.engine.models import SUGGESTIONS
from strategies.registry import DECLARATIONS, LOCAL
from tests.advisor.test_timing import age
from tests.app import ROOT, SPEED, html_of, open_page, primaries
from tests.bad_uploads import BAD_UPLOADS, HOSTILE

TICKETS = "message,label\n" + "".join(
    f"{word} number {row} has trouble with its {part},{label}\n"
    for row in range(15)
    for word, part, label in (("Ship", "mast", "repair"), ("Train", "ticket", "refund"), ("Plane", "seat", "booking"))
)


def test_start_offers_an_upload_and_every_sample(store: Store) -> None:
    app = open_page("Start")
    assert primaries(app) == ["Check my data"]
    assert all(sample.title in html_of(app) for sample in SAMPLES)


def test_three_clicks_lead_from_a_sample_to_a_queued_run(store: Store) -> None:
    app = open_page("Start")
    app.button(key="use-support_tickets").click().run()
    assert primaries(app) == ["Choose what to compare"]
    app.button(key="choose").click().run()
    assert primaries(app) == ["Compare the four"]
    assert "about" in html_of(app)
    app.button(key="run").click().run()
    (run,) = store.runs()
    assert app.query_params["run"] == run.id
    assert run.plan.strategies == DEFAULT_STRATEGIES
    assert "This run is next." in html_of(app)


def test_every_sample_reads_as_the_kind_it_was_made_for(store: Store) -> None:
    kinds = {}
    for sample in SAMPLES:
        app = open_page("Start")
        app.button(key=f"use-{sample.name}").click().run()
        assert not app.exception
        kinds[sample.name] = app.segmented_control[0].value
    assert list(kinds.values()) == ["classification", "answering", "extraction", "writing", "multi-label", "number"]


@pytest.mark.parametrize("flaw", BAD_UPLOADS)
def test_a_bad_upload_is_one_sentence_and_nothing_is_stored(store: Store, flaw: str) -> None:
    name, content = BAD_UPLOADS[flaw]
    app = open_page("Start")
    app.file_uploader(key="task-file").upload(name, content, "text/csv").run()
    if not app.button(key="check").disabled:  # as for a type or size that is refused at once
        app.button(key="check").click().run()
    assert not app.exception
    assert html_of(app).count('class="problem"') == 1
    assert not (store.home / "datasets").exists()


def test_nothing_can_be_checked_before_a_file_is_here(store: Store) -> None:
    app = open_page("Start")
    assert app.button(key="check").disabled
    app.file_uploader(key="task-file").upload("tickets.csv", TICKETS.encode(), "text/csv").run()
    assert not app.button(key="check").disabled


def test_a_page_goes_on_after_a_file_that_crashes_its_parser(store: Store) -> None:
    app = open_page("Start")
    app.file_uploader(key="task-file").upload("abort.parquet", HOSTILE["abort.parquet"], "text/csv").run()
    app.button(key="check").click().run()
    assert "abort.parquet is damaged, or needs too much memory once unpacked" in html_of(app)
    app.file_uploader(key="task-file").upload("tickets.csv", TICKETS.encode(), "text/csv").run()
    app.button(key="check").click().run()
    assert "45 rows in 2 columns" in html_of(app)


def test_a_wrong_choice_of_columns_locks_nobody_out(store: Store) -> None:
    lines = [f"{line},same" for line in TICKETS.splitlines()[1:]]
    table = "\n".join(["message,category,label", *lines])
    app = open_page("Start")
    app.file_uploader(key="task-file").upload("three.csv", table.encode(), "text/csv").run()
    app.button(key="check").click().run()
    assert app.selectbox[1].value == "category"  # never a column that says the same in every row
    app.selectbox[1].set_value("label").run()
    assert "Every row has the same answer" in html_of(app) and app.button(key="choose").disabled
    app.selectbox[1].set_value("category").run()
    assert not app.button(key="choose").disabled


def test_an_upload_with_documents_is_checked_on_the_next_page(store: Store) -> None:
    app = open_page("Start")
    app.file_uploader(key="task-file").upload("tickets.csv", TICKETS.encode(), "text/csv")
    documents = app.file_uploader(key="documents")
    documents.upload("one.md", b"# One\nFirst text.").upload("two.txt", b"Second text.").run()
    app.button(key="check").click().run()
    assert "45 rows in 2 columns, with 2 documents" in html_of(app)


def test_text_of_a_person_is_never_markup(store: Store) -> None:
    rows = TICKETS.replace("Ship number 3", "<img src=x onerror=alert(1)> number 3")
    dataset = store.add_dataset("<b>bold</b>.csv", rows.encode())
    said = html_of(open_page("Data", dataset=dataset.id))
    assert "&lt;b&gt;bold&lt;/b&gt;.csv" in said
    assert "<img" not in said and "<b>bold" not in said


def test_what_was_set_on_data_is_kept_for_a_reload(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Data", dataset=dataset.id)
    app.segmented_control[0].set_value("writing").run()
    app.text_area[0].set_value("Say which desk takes it.").run()
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.kind == "writing" and saved.instruction == "Say which desk takes it."
    again = open_page("Data", dataset=dataset.id)
    assert again.segmented_control[0].value == "writing"


def metric_of(app: AppTest) -> Selectbox[str]:
    return next(box for box in app.selectbox if box.label == "How answers are scored")


def test_how_answers_are_scored_is_chosen_on_data_and_runs_so(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Data", dataset=dataset.id)
    assert metric_of(app).value == "accuracy" and metric_of(app).options == [
        "Accuracy",
        "Macro-F1",
        "Balanced accuracy",
    ]
    shown = html_of(app)
    assert "The fraction of rows whose label is exactly the expected one. This is the default for your data." in shown
    metric_of(app).set_value("macro-F1").run()
    assert "The default for your data is accuracy." in html_of(app)
    assert metric_of(open_page("Data", dataset=dataset.id)).value == "macro-F1"
    open_page("Compare", dataset=dataset.id).button(key="run").click().run()
    (run,) = store.runs()
    task, _ = read_task(store.run_folder(run.id))
    assert task.metric is not None and task.metric.name == "macro-F1"


def test_another_kind_or_column_forgets_the_metric(store: Store) -> None:
    lines = [f"{line},{row % 3}" for row, line in enumerate(TICKETS.splitlines()[1:])]
    dataset = store.add_dataset("tickets.csv", "\n".join(["message,label,desk", *lines]).encode())
    store.save_setup(dataset.id, Setup("message", "label"))

    def saved() -> str | None:
        setup = store.dataset(dataset.id).setup
        return setup.metric if setup else None

    app = open_page("Data", dataset=dataset.id)
    metric_of(app).set_value("macro-F1").run()
    assert saved() == "macro-F1"
    app.segmented_control[0].set_value("answering").run()
    assert metric_of(app).value == "facts" and saved() is None
    app.segmented_control[0].set_value("classification").run()
    metric_of(app).set_value("balanced accuracy").run()
    assert saved() == "balanced accuracy"
    app.selectbox[1].set_value("desk").run()
    assert metric_of(app).value == "accuracy" and saved() is None


def test_a_page_never_keeps_a_persons_own_metric(store: Store) -> None:
    """It is code, named on the command line alone."""
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    store.save_setup(dataset.id, Setup("message", "label", own_metric="mine.py:score"))
    app = open_page("Data", dataset=dataset.id)
    assert metric_of(app).value == "accuracy"
    open_page("Compare", dataset=dataset.id).button(key="run").click().run()
    (run,) = store.runs()
    assert run.plan.setup.own_metric is None


def test_a_finding_is_mended_with_one_click_and_the_mend_can_be_undone(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", (TICKETS + TICKETS.splitlines()[1] + "\n").encode())
    app = open_page("Data", dataset=dataset.id)
    app.button(key="mend-duplicates").click().run()
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.steps == (Fix("duplicates"),)
    assert "1. Fix: duplicates" in [text.value for text in app.text] and "1 changed or removed." in html_of(app)
    app.button(key="undo-all").click().run()
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.steps == ()


def test_the_automatic_instruction_follows_the_data_and_is_never_kept_as_a_persons_own(store: Store) -> None:
    lines = [f"{line},{'sea' if row % 2 else 'land'}" for row, line in enumerate(TICKETS.splitlines()[1:])]
    dataset = store.add_dataset("tickets.csv", "\n".join(["message,label,realm", *lines]).encode())
    app = open_page("Data", dataset=dataset.id)
    app.selectbox[1].set_value("realm").run()
    assert "land" in str(app.text_area[0].value) and "refund" not in str(app.text_area[0].value)
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.target == "realm" and saved.instruction == ""
    app.text_area[0].set_value("Say where it happened.").run()
    app.selectbox[1].set_value("label").run()
    assert "refund" in str(app.text_area[0].value)
    saved = store.dataset(dataset.id).setup
    assert saved is not None and saved.instruction == ""


def test_mends_that_leave_no_task_can_be_undone(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    store.save_setup(dataset.id, Setup("message", "label", steps=(Fix("mend-of-another-version"),)))
    app = open_page("Data", dataset=dataset.id)
    assert app.button(key="choose").disabled
    app.button(key="undo-all").click().run()
    assert not app.button(key="choose").disabled


def test_a_double_click_queues_one_run(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    for _ in range(2):
        open_page("Compare", dataset=dataset.id).button(key="run").click().run()
    assert len(store.runs()) == 1


def test_the_seed_is_kept_with_the_plan(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    next(one for one in app.number_input if one.label == "Seed").set_value(17).run()
    app.button(key="run").click().run()
    assert store.runs()[0].plan.seed == 17


def test_a_model_that_could_not_be_timed_is_asked_for_again_when_chosen_anew(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    other = SUGGESTIONS[1].name
    store.save_speed(other, None, "It does not fit in memory.")
    app = open_page("Compare", dataset=dataset.id)
    app.selectbox(key="model").set_value(other).run()
    assert store.requested_speed() == other
    assert "timing this model" in html_of(app)


def test_a_timing_of_yesterday_is_taken_again_but_not_while_a_run_has_the_machine(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    age(store, hours=30)
    run = prepare(store, Plan(dataset.id, Setup("message", "label"), strategies=("prompting",)))
    with store.device_lock:
        store.start_run(run.id)
        assert "Estimated time" in html_of(open_page("Compare", dataset=dataset.id))
        store.end_run(run.id, "done")
    assert "timing this model" in html_of(open_page("Compare", dataset=dataset.id))
    assert store.requested_speed() == "embedded"


def test_an_estimate_from_a_busy_machine_says_so(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    assert "Other programs" not in html_of(open_page("Compare", dataset=dataset.id))
    store.save_speed("embedded", replace(SPEED, busy=0.75))
    app = open_page("Compare", dataset=dataset.id)
    assert "Other programs used 75 % of the processor when this machine was timed" in html_of(app)


def test_columns_that_make_no_task_are_one_sentence(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Data", dataset=dataset.id)
    app.selectbox(key=f"input-{dataset.id}").set_value("label").run()
    assert "choose two different columns" in html_of(app)
    assert not app.exception


@pytest.mark.parametrize("page", ["Data", "Compare"])
@pytest.mark.parametrize("address", [{}, {"dataset": "nothing"}])
def test_an_unknown_dataset_is_a_sentence_and_a_way_back(store: Store, page: str, address: dict[str, str]) -> None:
    app = open_page(page, **address)
    assert 'class="stop"' in html_of(app)
    assert primaries(app) == ["Back to the start"]


def test_without_a_strategy_nothing_can_be_started(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    for strategy in ("prompting", "prompting_examples", "retrieval"):
        app.checkbox(key=f"include-{strategy}").uncheck()
    app.run()
    assert primaries(app) == ["Measure this one"]
    app.checkbox(key="include-finetuning").uncheck().run()
    assert app.button(key="run").disabled


def test_what_is_not_compared_unless_it_is_asked_for_says_its_time_and_joins(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    app = open_page("Compare", dataset=dataset.id)
    said = html_of(app)
    possible = tuple(name for name in LOCAL if not DECLARATIONS[name].needs_rejected)
    others = [name for name in possible if name not in DEFAULT_STRATEGIES]
    listed = said.partition("Not included: ")[2]
    assert others and all(f"{in_sentence(name)} (about" in listed for name in others)
    for name in others:
        app.checkbox(key=f"include-{name}").check()
    app.run()
    assert "Not included" not in html_of(app)
    assert primaries(app) == [f"Compare the {('six', 'seven', 'eight', 'nine')[len(possible) - 6]}"]
    app.button(key="run").click().run()
    (run,) = store.runs()
    assert run.plan.strategies == possible
    assert "Fine-tuning on preferences needs 16 training rows with a rejected answer, and there are 0" in said
    with pytest.raises(BadInput, match="with a rejected answer, and there are 0: leave it out"):
        prepare(store, replace(run.plan, strategies=("prompting", "preference_tuning")))


def test_training_all_weights_is_offered_only_where_memory_allows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    plan = Plan(dataset.id, Setup("message", "label"), strategies=("prompting", "full_finetuning"))
    before = store.add_run(plan, "{}")
    memory = SimpleNamespace(available=3.2e9)
    monkeypatch.setattr("strategies.engine.models.psutil", SimpleNamespace(virtual_memory=lambda: memory))
    app = open_page("Compare", dataset=dataset.id, follows=before.id)
    refusal = "needs about 4.9 GB of memory, and 3.2 GB are free."
    assert refusal in html_of(app) and app.checkbox(key="refused-full_finetuning").disabled
    assert primaries(app) == ["Measure this one"]
    with pytest.raises(BadInput, match=refusal):
        prepare(store, plan)
    memory.available = 64e9
    app.run()
    assert refusal not in html_of(app) and primaries(app) == ["Compare the two"]


def test_a_model_that_is_not_there_is_a_sentence_before_anything_runs(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    before = store.add_run(Plan(dataset.id, Setup("message", "label"), model="/no/such/model"), "{}")
    app = open_page("Compare", dataset=dataset.id, follows=before.id)
    assert app.selectbox(key="model").value == "/no/such/model"
    app.button(key="run").click().run()
    assert "There is no folder /no/such/model" in html_of(app)
    assert store.runs() == [before]


def test_the_page_process_never_imports_torch(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "import pytest\n"
        "from tests.app import open_page, own_home\n"
        "with pytest.MonkeyPatch.context() as patch, own_home(Path(sys.argv[1]), patch) as store:\n"
        "    dataset = store.add_dataset('tickets.csv', Path(sys.argv[2]).read_bytes())\n"
        "    for page in ('Start', 'Data', 'Compare', 'Report', 'History', 'Advice'):\n"
        "        open_page(page, dataset=dataset.id)\n"
        "assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    tickets = tmp_path / "tickets.csv"
    tickets.write_text(TICKETS)
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "home"), str(tickets)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def links_of(app: AppTest) -> dict[str, Element]:
    return {link.label: link for link in app.main.get("page_link") if isinstance(link, Element)}


def test_a_link_to_a_run_alone_leads_back_to_its_data(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    run = prepare(store, Plan(dataset.id, Setup("message", "label")))
    app = open_page("Report", run=run.id)
    steps = links_of(app)
    assert not steps["Data"].proto.disabled and not steps["Compare"].proto.disabled
    unknown = open_page("Report", run="gone")
    assert links_of(unknown)["Data"].proto.disabled


def test_a_price_stays_when_its_currency_is_chosen_after_it(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    store.save_setup(dataset.id, Setup("message", "label"))
    app = open_page("Compare", dataset=dataset.id)
    app.number_input(key="wrong_answer").set_value(0.25)
    app.number_input(key="machine_per_hour").set_value(1.5).run()
    next(one for one in app.selectbox if one.label == "Currency").set_value("EUR").run()
    labels = {one.label: one.value for one in app.number_input}
    assert labels["Price of a wrong answer (EUR)"] == 0.25 and labels["Machine price per hour (EUR)"] == 1.5


def test_prices_over_time_and_of_a_hosted_model_reach_the_plan(store: Store) -> None:
    dataset = store.add_dataset("tickets.csv", TICKETS.encode())
    store.save_setup(dataset.id, Setup("message", "label"))
    app = open_page("Compare", dataset=dataset.id)
    numbers = {one.label: one for one in app.number_input}
    numbers["Task changes every … days"].set_value(30.0)
    numbers["Price of a wrong answer (USD)"].set_value(0.25)
    app.button_group(key="place").set_value("At a provider").run()
    name = next(one for one in hosted_prices() if one.startswith("Groq: "))
    app.selectbox(key="hosted").set_value(name).run()
    app.button(key="run").click().run()
    (run,) = store.runs()
    chosen, listed = run.plan.priorities, hosted_prices()[name]
    assert (chosen.retrain_days, chosen.wrong_answer, chosen.hosted) == (30, 0.25, name)
    assert (chosen.read_per_million, chosen.written_per_million) == (
        listed.read_per_million,
        listed.written_per_million,
    )


def test_another_encoding_is_one_choice_away(store: Store) -> None:
    lines = [f"{line} à côté" for line in TICKETS.splitlines()[1:]]
    content = "\n".join([TICKETS.splitlines()[0], *lines]).encode("cp1252")
    dataset = store.add_dataset("tickets.csv", content)
    app = open_page("Data", dataset=dataset.id)
    assert "we read it as Windows-1252" in html_of(app)
    app.selectbox(key=f"encoding-{dataset.id}").set_value("Mac Roman").run()
    changed = [one for one in (store.home / "datasets").iterdir() if one.name != dataset.id]
    table, _ = store.read_upload(changed[0].name)
    assert len(table.rows) == 45 and table.encoding == "Mac Roman"
