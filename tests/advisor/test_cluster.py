"""Runs on the nodes of a Ray cluster: two nodes of one processor each, on this machine.

Nodes take seconds to start and to end, so the tests that need two come before the one that loses a node, and those that
need one come after it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import gettempdir
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from advisor.command_line import comparing
from advisor.command_line.commands import main
from advisor.measurement import score_of_each_training
from advisor.plan import BASELINES_STEP, DEFAULT_MODEL, Plan, Setup
from advisor.runs.experiment import run_experiment
from advisor.runs.machine_file import installed_versions
from advisor.runs.node import Facts, NodeChild, look_around
from advisor.runs.order import BUILD_STRATEGY, Hardware, StepOrder
from advisor.runs.place import NO_RAY, check_cluster
from advisor.runs.retraining import learn_from_fewer
from advisor.runs.score_check import SCORE_CHECK_FILE
from advisor.runs.step import run_in_turns
from advisor.schema import Report
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from advisor.storage.trial_files import read_curves, read_trial, write_trial
from eval.outcomes import Trial
from eval.task import BadInput, Example, Kind, Split, Task
from strategies.base_models import likeness_of
from strategies.presets import PRESETS
from strategies.registry import baselines_for
from strategies.served.budget import Limit
from tests.tiny_model import save_tiny_model
from tests.tiny_strategies import ENDLESS, RACING, STRUCK, WAVERING, serve, tiny_task, wait_until

ROOT = Path(__file__).parents[2]
PLACE = "MEETING_PLACE"
TWO = ("retrieval", "finetuning")
MOST_SECONDS = 240  # a node takes seconds to start on a quiet machine
_SOON = {  # a killed node is noticed in two seconds
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


class Nodes:
    """The cluster, whose head computes nothing."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, "_system_config": _SOON, **_memory()},
        )
        self._nodes: list[Any] = []
        self.address: str = self._cluster.address

    def have(self, count: int) -> None:
        """Starts or ends as many as it takes."""
        while len(self._nodes) > count:
            self._cluster.remove_node(self._nodes.pop())
        while len(self._nodes) < count:
            self._nodes.append(self._cluster.add_node(num_cpus=1, **_memory()))

    def kill_that_of(self, process: int) -> None:
        """As when its power goes. `process` is one that Ray started there."""
        raylet = psutil.Process(process).ppid()
        (node,) = [one for one in self._nodes if one.all_processes["raylet"][0].process.pid == raylet]
        self._nodes.remove(node)
        self._cluster.remove_node(node, allow_graceful=False)

    def end(self) -> None:
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


def _memory() -> dict[str, Any]:
    return {"object_store_memory": 80 * 2**20}


@pytest.fixture(scope="module")
def all_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_worker_niceness", "0")
        environment.setenv(PLACE, str(tmp_path_factory.mktemp("meeting")))  # the nodes inherit it
        found = Nodes()
        try:
            yield found
        finally:
            found.end()


@pytest.fixture
def nodes(all_nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """Runs of this process don't check the address first, which takes a process that imports Ray."""
    from advisor.runs import cluster

    monkeypatch.setattr(cluster, "check", lambda address: None)
    return all_nodes


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def add_run(
    store: Store,
    cluster: str,
    strategies: tuple[str, ...],
    task: tuple[Task, Split] | None = None,
    preset: str = "quick",
    model: str = DEFAULT_MODEL,
) -> str:
    """Its baselines are done: they would load models."""
    dataset = store.add_dataset("tickets.csv", b"message,label\nmessage 1,billing\nmessage 2,billing\n")
    plan = Plan(
        dataset.id,
        Setup("message", "label"),
        preset,
        strategies,
        model,
        asks_all_rows=True,
        reuses=False,
        cluster=cluster,
    )
    run = store.add_run(plan, task_to_json(*(task or tiny_task(train=24, test=40))))
    (store.run_folder(run.id) / SCORE_CHECK_FILE).write_text("null")  # it starts a process
    for baseline in baselines_for(Kind.CLASSIFICATION, has_documents=False):
        folder = store.run_folder(run.id) / BASELINES_STEP / baseline
        folder.mkdir(parents=True)
        write_trial(folder, Trial(baseline, "excluded", "Not in this test."))
    return run.id


def measured(store: Store, run_id: str, build_strategy: str) -> dict[str, Trial]:
    """The finished trials by name."""
    report = run_experiment(store, run_id, lambda _: None, lambda: False, build_strategy)
    log = store.run_folder(run_id) / "log.txt"
    assert isinstance(report, Report), (store.run(run_id).reason, log.read_text() if log.exists() else "")
    return trials_of(store, run_id)


def trials_of(store: Store, run_id: str) -> dict[str, Trial]:
    folder = store.run_folder(run_id)
    assert not list(folder.glob("*/begun")) and not list(folder.glob("*/training"))
    found = {one.name: read_trial(folder / one.name) for one in store.run(run_id).plan.pairings}
    assert all(trial is not None and trial.status == "done" for trial in found.values()), found
    return {name: trial for name, trial in found.items() if trial is not None}


def answers(trials: dict[str, Trial]) -> dict[str, list[object]]:
    return {name: [(one.example_id, one.text, one.score) for one in trial.outcomes] for name, trial in trials.items()}


WITHOUT = """
import sys
from pathlib import Path

import advisor.command_line.commands
from advisor.runs.experiment import run_experiment
from advisor.storage.store import Store
from tests.tiny_strategies import RACING

if __name__ == "__main__":
    report = run_experiment(Store(Path(sys.argv[1])), sys.argv[2], lambda step: None, lambda: False, RACING)
    assert report is not None
    sys.exit([name for name in sys.modules if name == "ray" or name.startswith("ray.")])
"""


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[object]], str]:
    """The answers of two strategies without a cluster, and what the run imported of Ray, or how it failed."""
    folder = tmp_path_factory.mktemp("without")
    store, program = Store(folder / "home"), folder / "program.py"
    run_id = add_run(store, "", TWO)
    program.write_text(WITHOUT)
    ended = subprocess.run(
        [sys.executable, str(program), str(store.home), run_id],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr  # what `sys.exit` makes of a list
    return answers(trials_of(store, run_id)), ended.stderr.strip()


def test_nothing_of_ray_is_imported_without_a_cluster(without: tuple[dict[str, list[object]], str]) -> None:
    assert without[1] == "[]"


def words_task() -> tuple[Task, Split]:
    """Two labels that a tiny network can learn."""
    words = ("parcel", "invoice", "lamp", "ticket", "bottle")
    rows = tuple(
        Example(f"r{at}", f"my {words[at % 5]} {at} {('is late', 'was wrong')[at % 2]}", ("delivery", "refund")[at % 2])
        for at in range(110)
    )
    task = Task("tickets", Kind.CLASSIFICATION, "", rows, labels=("delivery", "refund"))
    return task, Split(rows[:60], rows[60:80], rows[80:])


def test_real_strategies_score_the_same_as_on_one_machine(nodes: Nodes, store: Store) -> None:
    nodes.have(2)
    model = str(save_tiny_model(store.home.with_name("model")))
    strategies = ("prompting", "finetuning")
    here = measured(store, add_run(store, "", strategies, words_task(), model=model), BUILD_STRATEGY)
    run_id = add_run(store, nodes.address, strategies, words_task(), model=model)
    there = measured(store, run_id, BUILD_STRATEGY)
    assert answers(there) == answers(here)
    assert [trial.settings for trial in there.values()] == [trial.settings for trial in here.values()]
    assert [point.dev for point in there["finetuning"].losses] == [point.dev for point in here["finetuning"].losses]
    folder = store.run_folder(run_id)
    assert (folder / "finetuning" / "fitted" / "adapter").is_dir() and (folder / "finetuning" / "log.txt").exists()
    report = store.report(run_id)
    assert report is not None and "1 core" in report.device and "a node of a Ray cluster" in report.device
    assert all(trial.outcomes[0].seconds or any(one.seconds for one in trial.outcomes) for trial in there.values())


def test_repeated_trainings_and_points_of_learning_curves_have_a_child_each(
    nodes: Nodes, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from advisor.runs.cluster import ClusterPlace

    nodes.have(2)
    started: list[StepOrder] = []
    child = ClusterPlace.child

    def noted(self: ClusterPlace, work: Any, order: StepOrder, *given: Any) -> Any:
        started.append(order)
        return child(self, work, order, *given)

    monkeypatch.setattr(ClusterPlace, "child", noted)
    # Here, not on the nodes: what this process doesn't start elsewhere, the candidate's own child does, as everywhere.
    fewer = replace(PRESETS["thorough"], curve_shares=(1 / 4, 1 / 2), trainings=2)
    monkeypatch.setitem(PRESETS, "thorough", fewer)
    task, split = tiny_task(80, 100)
    run_id = add_run(store, nodes.address, ("finetuning",), (task, split), "thorough")
    trial = measured(store, run_id, WAVERING)["finetuning"]
    folder = store.run_folder(run_id)
    assert {order.again for order in started} == {0, 1} and not (folder / "finetuning" / "again").exists()
    assert score_of_each_training(trial) == (1.0, 0.9, 0.8)
    points = read_curves(folder)["finetuning"]
    assert set(points) == {order.rows for order in started if order.rows} == {20, 40}
    order = next(order for order in started if not order.again and not order.rows)
    for rows, point in points.items():
        here = learn_from_fewer(replace(order, rows=rows), task, split, lambda _: None)
        assert answers({"": point}) == answers({"": here})


def test_two_compute_at_the_same_time_and_go_on_when_a_node_is_lost_in_the_middle_of_a_step(
    nodes: Nodes, store: Store, without: tuple[dict[str, list[object]], str]
) -> None:
    nodes.have(2)
    struck = Path(os.environ[PLACE]) / "struck"
    told: list[str] = []

    def kill_its_node() -> None:
        deadline = time.monotonic() + MOST_SECONDS
        while not struck.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        begun = read_trial(store.run_folder(run_id) / "retrieval" / "begun")
        told.append(f"{len(begun.outcomes)} answers were here" if begun else "nothing was here")
        nodes.kill_that_of(int(struck.read_text()))

    run_id = add_run(store, nodes.address, TWO)
    killer = threading.Thread(target=kill_its_node)
    killer.start()
    there = measured(store, run_id, STRUCK)
    killer.join()
    assert told == ["20 answers were here"]
    assert (store.run_folder(run_id) / "retrieval" / "fits.txt").read_text().splitlines() == ["fitted"]
    assert answers(there) == without[0]


def test_more_strategies_than_nodes_take_turns_and_go_on_after_a_cancel(
    nodes: Nodes, store: Store, without: tuple[dict[str, list[object]], str]
) -> None:
    nodes.have(1)
    run_id = add_run(store, nodes.address, TWO)
    folder = store.run_folder(run_id)

    def both_answered_a_block() -> bool:
        begun = [read_trial(folder / name / "begun") for name in TWO]
        return all(trial is not None and trial.outcomes for trial in begun)

    assert run_experiment(store, run_id, lambda _: None, both_answered_a_block, RACING) is None
    assert store.run(run_id).state == "cancelled" and not list(Path(gettempdir()).glob("threeways-*/runs"))
    store.continue_run(run_id, Limit())
    there = measured(store, run_id, RACING)
    assert answers(there) == without[0]
    assert [(folder / name / "fits.txt").read_text().splitlines() for name in TWO] == [["fitted"], ["fitted"]]
    timed = [[one.example_id for one in trial.outcomes if one.seconds is not None] for trial in there.values()]
    assert timed[0] == timed[1] and len(timed[0]) == 20


def test_nothing_computes_on_after_the_death_of_the_run(nodes: Nodes, store: Store) -> None:
    nodes.have(1)
    worker = get_context("spawn").Process(target=serve, args=(store.home, ENDLESS))
    run_id = add_run(store, nodes.address, ("retrieval",))
    worker.start()
    try:
        computing = process_of(store, run_id, worker)
    finally:
        worker.kill()
        worker.join()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(computing) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(computing)
    assert store.run(run_id).state == "interrupted"


def process_of(store: Store, run_id: str, worker: Any) -> int:
    """The child on the node."""

    def stage() -> str:
        return next((step.stage for step in store.steps(run_id) if step.strategy == "retrieval"), "")

    wait_until(lambda: stage().startswith("computing in process"), worker)
    return int(stage().rpartition(" ")[2])


def test_a_model_that_a_node_lacks_is_one_sentence(tmp_path: Path) -> None:
    child = NodeChild()
    try:
        said = child.start(run_in_turns, StepOrder(tmp_path, "prompting", "quick", "/nowhere/a-model", 0), "") or ""
        assert said.startswith("A node of the cluster can't run Prompting: There is no folder /nowhere/a-model.")
    finally:
        child.end()


def test_a_model_whose_files_differ_on_a_node_is_one_sentence(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    here = likeness_of(str(model))
    os.utime(model / "model.safetensors", (0, 0))  # nor does the time matter at which it was copied
    (model / "notes.md").write_text("Copied in June.")
    assert likeness_of(str(model)) == here
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    child = NodeChild()
    try:
        said = child.start(run_in_turns, StepOrder(tmp_path, "prompting", "quick", str(model), 0), here)
    finally:
        child.end()
    assert said == (
        f"A node of the cluster can't run Prompting: The files of {model} on the node aren't those on this "
        "machine; copy them there."
    )


def test_another_version_of_ray_is_one_sentence(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from advisor.runs import joining

    theirs = ray.__version__
    monkeypatch.setattr(ray, "__version__", "2.1.0")
    with pytest.raises(BadInput, match=f"has Ray {theirs} with Python .* this machine has Ray 2.1.0 with Python"):
        joining.join(nodes.address)
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    with pytest.raises(BadInput, match="already uses Ray"):
        joining.join(nodes.address)
    said = "ray.exceptions.AuthenticationError: InvalidAuthToken: Authentication token is missing."
    assert "10.0.0.5:6379 asks for a token" in joining._why_not_joined("10.0.0.5:6379", said)


def test_what_is_no_cluster_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.runs import joining

    for address in ("nonsense", "ray://127.0.0.1:10001", "127.0.0.1:1:2"):
        with pytest.raises(BadInput, match=r"isn't the address of a cluster"):
            check_cluster(address)
    for address in ("10..0.5:6379", "127.0.0.1:99999"):
        with pytest.raises(BadInput, match=f"Nothing answers at {address}"):
            check_cluster(address)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadInput, match=f"Nothing answers at {closed}"):
            check_cluster(closed)
        taken.listen()
        monkeypatch.setattr(joining, "_SECONDS_TO_JOIN", 1)
        with pytest.raises(BadInput, match=f"No Ray cluster answers at {closed}"):
            check_cluster(closed)


def test_a_command_with_a_wrong_address_or_an_own_metric_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    table, metric = tmp_path / "tickets.csv", tmp_path / "metric.py"
    table.write_text("message,label\n" + "".join(f"message {at},{'ab'[at % 2]}\n" for at in range(60)))
    metric.write_text("def score(output, expected, input):\n    return 1.0\n")
    asked = ["compare", str(table), "--cluster", "nonsense"]
    assert main(asked) == 2
    assert "“nonsense” isn't the address of a cluster" in capsys.readouterr().err
    monkeypatch.setattr(comparing, "check_cluster", lambda address: None)
    assert main([*asked, "--metric", f"{metric}:score"]) == 2
    assert "Your own metric runs on this machine only" in capsys.readouterr().err
    assert not Store(tmp_path / "home").runs()


def test_a_node_with_other_versions_is_left_out() -> None:
    from advisor.runs import cluster

    here = {"Python": "3.11.7", "torch": "2.9.1+cpu", "peft": "0.18.0"}
    assert cluster._unlike({"Python": "3.11.9", "torch": "2.9.1+cu128", "peft": "0.18.0"}, here) is None
    assert cluster._unlike({"torch": "2.8.0", "peft": "0.18.0"}, here) == (
        "it has torch 2.8.0, and this machine has torch 2.9.1+cpu"
    )
    assert {*installed_versions()} == {name for name, _ in look_around().versions}


def test_a_continued_run_stays_on_the_kind_of_node_that_measured_it(tmp_path: Path) -> None:
    from advisor.runs.cluster import _HARDWARE, _HARDWARE_FILE, _chosen, _hardware_of, _Kind

    small, large = (
        _Kind(Facts(processor, "", (processor,), ()), cores, 0) for processor, cores in (("EPYC", 8), ("Xeon", 16))
    )
    assert _chosen([small, large, small, small], None) == small and _chosen([small, large], None) == large
    (tmp_path / _HARDWARE_FILE).write_text(_HARDWARE.write(small.hardware))
    assert _hardware_of(tmp_path) is None  # nothing is measured yet
    (tmp_path / "prompting").mkdir()
    write_trial(tmp_path / "prompting", Trial("prompting", "done"))
    assert _chosen([large, large, small], _hardware_of(tmp_path)) == small
    with pytest.raises(BadInput, match=r"no node like those that measured this run so far \(CPU, 8 cores \(EPYC\)"):
        _chosen([large], _hardware_of(tmp_path))


class Waiting:
    """A place without room, and the only actor of a node, as far as a child that waits sees them."""

    hardware = Hardware("CPU, 1 core", ("1",))

    def __init__(self, *nodes: str) -> None:
        self.there = frozenset(nodes)
        self.asked: list[frozenset[str]] = []

    @property
    def is_ready(self) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda: "not yet")

    def nodes(self) -> frozenset[str]:
        return self.there

    def actor(self, nodes: frozenset[str]) -> Waiting:
        self.asked.append(nodes)
        return self

    def is_crowded(self, nodes: frozenset[str]) -> bool:
        return False


def test_who_waits_for_a_node_that_is_lost_is_put_on_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.runs import cluster

    monkeypatch.setattr(cluster, "ray", SimpleNamespace(wait=lambda refs, timeout: ([], refs), kill=lambda actor: None))
    place, order = Waiting("a", "b"), StepOrder(tmp_path, "prompting", "quick", "embedded", 0)
    child: Any = cluster._NodeChildHere(place, run_in_turns, order, lambda: None)  # type: ignore[arg-type]
    assert child.recv().stage == "waiting for a node of the cluster"
    for there in ("ab", "b", "", "c", "cd"):
        place.there = frozenset(there)
        assert not child.poll(0)
    assert place.asked == [frozenset("ab"), frozenset("c")]  # both until the last of them is gone
    monkeypatch.setattr(cluster, "_PATIENCE_SECONDS", 0)
    assert not child.poll(0) and place.asked[-1] == frozenset("cd")
    place.there = frozenset()
    monkeypatch.setattr(cluster, "_SECONDS_FOR_A_NODE", 0)
    with pytest.raises(BadInput, match="has lost all its nodes of this kind"):
        child.poll(0)


def test_a_lost_head_is_one_sentence_though_ray_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from advisor.runs import cluster

    head_is_lost = threading.Event()

    def asked() -> dict[str, dict[str, float]]:
        if threading.current_thread() is not threading.main_thread():
            head_is_lost.wait()
        return {"a": {"CPU": 1.0}}

    monkeypatch.setattr(cluster, "_alive", asked)
    monkeypatch.setattr(cluster, "_SECONDS_BETWEEN_LOOKS", 0)
    register = cluster._Register()
    try:
        assert set(register.nodes) == {"a"}
        monkeypatch.setattr(cluster, "_SECONDS_WITHOUT_HEAD", 0)
        with pytest.raises(BadInput, match="The head of the cluster doesn't answer any more"):
            _ = register.nodes
    finally:
        head_is_lost.set()
        register.close()


def test_nothing_but_our_code_travels(tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import _dir_travel, _get_excludes

    from advisor.runs import cluster

    for path in ("advisor/a.py", "advisor/__pycache__/a.pyc", "eval/b/c.py", ".env", "notes [1].txt", "keys/eval/d.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found: list[Path] = []
    excludes = [_get_excludes(tmp_path, cluster._all_but({"advisor", "eval"}))]
    _dir_travel(tmp_path, excludes, found.append, include_gitignore=True)
    assert {path.name for path in found if path.is_file()} == {"a.py", "c.py"}


def test_a_missing_ray_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import advisor.runs

    monkeypatch.delattr(advisor.runs, "cluster", raising=False)
    monkeypatch.delitem(sys.modules, "advisor.runs.cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput) as told:
        check_cluster("127.0.0.1:6379")
    assert str(told.value) == NO_RAY
