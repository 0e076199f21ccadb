"""A run whose fine-tuning goes on from an earlier adapter: what it starts from, and what it may be tested on."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from advisor.plan import PLAN, Plan, Setup, read_plan
from advisor.runs.experiment import draft_task, prepare
from advisor.runs.order import StepOrder, build_for
from advisor.runs.tuning_again import runs_to_start_from, unseen
from advisor.storage.start import LearnedRow
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun, StoredStep
from advisor.storage.task_file import read_task
from advisor.storage.trial_files import write_trial
from eval.conversation import written
from eval.outcomes import Trial
from eval.task import BadInput, Example, Turn
from strategies.engine.adapter import add_adapter, further_adapter
from strategies.engine.adapter_shape import CONFIG, AdapterShape
from strategies.finetuning import Finetuning
from strategies.presets import PRESETS, Preset
from tests.tiny_model import save_tiny_model, tiny_network

WORDS = [
    "parcel",
    "refund",
    "password",
    "invoice",
    "lamp",
    "desk",
    "mug",
    "chair",
    "ticket",
    "phone",
    "carpet",
    "window",
    "bottle",
    "jacket",
    "violin",
    "saddle",
]
PLACES = [
    "Oslo",
    "Lima",
    "Bern",
    "Riga",
    "Cairo",
    "Quito",
    "Paris",
    "Delhi",
    "Kyoto",
    "Dakar",
    "Turin",
    "Osaka",
    "Perth",
    "Haifa",
    "Minsk",
    "Accra",
    "Davos",
]
TABLE = "message,label\n" + "".join(
    f"my {word} from {place} {('is late', 'was wrong')[at % 2]},{('delivery', 'refund')[at % 2]}\n"
    for at, (word, place) in enumerate((word, place) for word in WORDS for place in PLACES)
)


@dataclass(frozen=True)
class First:
    store: Store
    run: StoredRun
    dev_loss: float


def small(preset: str) -> Preset:
    budgets = {
        kind: replace(each, training_tokens=1500, settings=1, latency_rows=0)
        for kind, each in PRESETS[preset].budgets.items()
    }
    return replace(PRESETS[preset], budgets=budgets)


def order_of(store: Store, run: StoredRun) -> StepOrder:
    return StepOrder(store.run_folder(run.id), "finetuning", run.plan.preset, run.plan.model, run.plan.seed)


def fit(store: Store, run: StoredRun) -> Finetuning:
    """As its step would do it."""
    folder = store.run_folder(run.id)
    task, split = read_task(folder)
    strategy = build_for(order_of(store, run), task.brief, small(run.plan.preset))
    assert isinstance(strategy, Finetuning)
    strategy.fit(split.without_test, (), lambda _: None)
    (folder / "finetuning" / "fitted").mkdir(parents=True)
    strategy.save(folder / "finetuning" / "fitted")
    write_trial(folder / "finetuning", Trial("finetuning", "done"))
    store.save_step(StoredStep(run.id, "finetuning", "done"))
    store.end_run(run.id, "done")
    return strategy


@pytest.fixture
def first(tmp_path: Path) -> First:
    """A run that fine-tuned a tiny network, and ended."""
    store = Store(tmp_path / "home")
    dataset = store.add_dataset("tickets.csv", TABLE.encode())
    model = str(save_tiny_model(tmp_path / "model"))
    run = prepare(store, Plan(dataset.id, Setup("message", "label"), strategies=("finetuning",), model=model))
    strategy = fit(store, run)
    return First(store, store.run(run.id), min(point.dev for point in strategy.losses))


def test_training_goes_on_from_the_earlier_adapter_and_says_so(first: First) -> None:
    store, earlier = first.store, first.run
    plan = replace(earlier.plan, tunes_from=earlier.id)
    assert [run.id for run in runs_to_start_from(store, plan)] == [earlier.id]
    run = prepare(store, plan)
    (task, split), (_, before) = (read_task(store.run_folder(each.id)) for each in (run, earlier))
    assert (split.test, split.dev) == (before.test, before.dev)  # the same seed: nothing that it trained on
    assert split.notes[-1] == (
        f"Fine-tuning went on from run {earlier.id}, which had learned from none of the test rows."
    )
    shutil.rmtree(store.run_folder(earlier.id))  # a deleted run takes nothing away from this one
    strategy = fit(store, run)
    assert strategy.settings["tuned from run"] == earlier.id
    after = min(point.dev for point in strategy.losses)
    assert strategy.notes[-1] == (
        f"Training went on from the adapter that run {earlier.id} trained on {len(before.train)} rows. The dev loss "
        f"was {first.dev_loss:.2f} with that adapter and {after:.2f} after this training."
    )
    assert after < first.dev_loss
    again = build_for(order_of(store, run), task.brief, small("quick"))
    again.load(store.run_folder(run.id) / "finetuning" / "fitted")
    inputs = [row.input for row in split.test]
    assert again.predict(inputs) == strategy.predict(inputs)


def test_no_row_that_the_earlier_run_or_those_before_it_learned_from_is_in_the_test_set(first: First) -> None:
    store, earlier = first.store, first.run
    second = prepare(store, replace(earlier.plan, tunes_from=earlier.id, seed=1))
    (_, before), (_, split) = (read_task(store.run_folder(run.id)) for run in (earlier, second))
    asked = json.loads(draft_of(store, second))
    trained, chosen_on = ({row.input for row in side} for side in (before.train, before.dev))
    left_test = [row["input"] for row in asked["test"] if row["input"] not in trained | chosen_on]
    left_dev = [row["input"] for row in asked["dev"] if row["input"] not in trained]
    assert [row.input for row in split.test] == left_test and [row.input for row in split.dev] == left_dev
    lost = len(asked["test"]) - len(left_test), len(asked["dev"]) - len(left_dev)
    assert split.notes[-1].startswith(f"We left out {lost[0]} test rows and {lost[1]} dev rows: ")
    fit(store, second)
    store.delete_run(earlier.id)
    third = prepare(store, replace(earlier.plan, tunes_from=second.id, seed=0))
    _, last = read_task(store.run_folder(third.id))
    known = trained | chosen_on | {row.input for row in (*split.train, *split.dev)}
    assert last.test and not known & {row.input for row in last.test}


def draft_of(store: Store, run: StoredRun) -> str:
    """The task of the same plan without an earlier run."""
    table, documents = store.read_upload(run.plan.dataset_id)
    return draft_task(replace(run.plan, tunes_from=None), "tickets.csv", table, documents)


def test_nearly_the_same_input_and_the_same_group_count_as_learned_from() -> None:
    rows = [
        Example("same", "My parcel from Oslo has been late for two weeks now!", "delivery"),
        Example("near", "my parcel from Oslo has been late for two weeks nowe", "delivery"),
        Example("group", "something else entirely", "refund", group="Ada"),
        Example("new", "the lamp on my desk is broken", "refund", group="Bo"),
    ]
    learned = [
        LearnedRow("my parcel from oslo has been late for two weeks now"),
        LearnedRow("where is my mug", group="Ada"),
    ]
    assert [row.id for row in unseen(rows, learned)] == ["new"]


def test_a_row_whose_answer_stands_in_a_learned_conversation_is_known() -> None:
    """Training counts every answer of a conversation."""
    asked = Turn("user", "my lamp broke, what can I do")
    turns = (asked, Turn("assistant", "send it back within two weeks"), Turn("user", "who pays for the parcel"))
    told = Example("told", asked.text, turns[1].text)
    rows = [told, replace(told, id="otherwise", target="throw it away"), Example("new", "when do you close", "at six")]
    learned = [LearnedRow(written(turns)), LearnedRow("how are you")]
    assert [row.id for row in unseen(rows, learned)] == ["otherwise", "new"]


def test_what_cannot_go_on_from_a_run_is_refused_in_one_sentence(first: First, tmp_path: Path) -> None:
    store, earlier = first.store, first.run
    plan = replace(earlier.plan, tunes_from=earlier.id)
    other = str(save_tiny_model(tmp_path / "other"))
    fitted = store.run_folder(earlier.id) / "finetuning" / "fitted" / "adapter"
    unmeasured = prepare(store, earlier.plan)

    def refused(changed: Plan) -> str:
        assert not runs_to_start_from(store, changed) or changed.tunes_from == unmeasured.id
        with pytest.raises(BadInput) as wrong:
            prepare(store, changed)
        assert str(wrong.value).count(". ") == 0
        return str(wrong.value)

    assert "No strategy of this comparison trains an adapter" in refused(replace(plan, strategies=("prompting",)))
    assert "trained its adapter for model, which doesn't fit other:" in refused(replace(plan, model=other))
    assert "hasn't ended" in refused(replace(plan, tunes_from=unmeasured.id))
    assert "trained an adapter with finetuning alone" in refused(replace(plan, strategies=("retrieval_finetuning",)))
    config = json.loads((fitted / CONFIG).read_text())
    (fitted / CONFIG).write_text(json.dumps(config | {"r": "many"}))
    assert f"The adapter of run {earlier.id} can't be read" in refused(plan)
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET origin = 'shared' WHERE id = ?", (earlier.id,))
    assert "has no trained adapter on this machine" in refused(plan)  # whatever somebody put there
    with closing(sqlite3.connect(store.home / "threeways.sqlite")) as database, database:
        database.execute("UPDATE runs SET origin = 'own'")
    shutil.rmtree(fitted)
    assert "has no trained adapter on this machine" in refused(plan)
    assert [run.id for run in store.runs()] == [unmeasured.id, earlier.id]


def test_too_few_rows_left_to_test_on_are_refused_with_their_number(first: First) -> None:
    store, earlier = first.store, first.run
    rows = [row.input for row in read_task(store.run_folder(earlier.id))[1].train][:40]
    table = "message,label\n" + "".join(f"{text},{('delivery', 'refund')[at % 2]}\n" for at, text in enumerate(rows))
    dataset = store.add_dataset("known.csv", table.encode())
    with pytest.raises(BadInput, match="has learned from 10 of 10 test rows and 6 of 6 dev rows"):
        prepare(store, replace(earlier.plan, dataset_id=dataset.id, tunes_from=earlier.id))


def test_an_adapter_of_a_network_with_other_layers_or_sizes_is_refused(first: First) -> None:
    folder = first.store.run_folder(first.run.id) / "finetuning" / "fitted" / "adapter"
    assert further_adapter(tiny_network(), folder).active_adapter == "default"
    with pytest.raises(BadInput, match="has other layers or sizes"):
        further_adapter(tiny_network(layers=4), folder)


def test_the_plan_of_a_version_without_it_is_read(first: First) -> None:
    stored = json.loads(PLAN.write(first.run.plan))
    del stored["tunes_from"]
    assert read_plan(json.dumps(stored)) == first.run.plan


def test_an_adapter_on_all_layers_goes_on_as_one(tmp_path: Path) -> None:
    shape = AdapterShape(rank=8, all_layers=True)
    add_adapter(tiny_network(layers=6), 0, shape).save_pretrained(str(tmp_path))
    assert AdapterShape.of(tmp_path) == shape
    assert further_adapter(tiny_network(layers=6), tmp_path).active_adapter == "default"
