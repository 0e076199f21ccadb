"""A comparison with hosted fine-tuning, from the command to the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.plan import TuningPrice
from advisor.spending import tuning_price_in
from advisor.storage.store import Store
from advisor.storage.trial_files import read_trial
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.budget import training_of, tuned_from
from strategies.served.keys import own_variable
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.servers.tiny_tuning import TinyTuning

KEY = "sk-very-secret-1234"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyServer]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    with TinyServer(Behaviour(tuning=TinyTuning())) as server:
        yield server


def service_of(server: TinyServer) -> TinyTuning:
    assert server.behaviour.tuning is not None
    return server.behaviour.tuning


def asking_for_it(server: TinyServer) -> list[str]:
    return ["compare", "task.csv", "--fresh", "--strategies", "hosted_finetuning", "--model", server.name]


def test_a_service_trains_after_a_yes_and_the_report_says_what_that_cost(
    server: TinyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.behaviour.key = KEY
    address, service = ServedAddress.parse(server.name), service_of(server)
    monkeypatch.setenv(own_variable(address), KEY)
    command = [*asking_for_it(server), "--json", "--tuning-price", "tiny=25/1/4"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "training and " in said and f"dev rows to {address.host} and trains tiny at {address.host} on" in said
    assert ", for $" in said and "Nothing was sent: agree with --send-training-data" in said
    assert {method for method, _ in service.sent} == {"GET"} and service.uploads == []

    command.append("--send-training-data")
    assert main(command) == 0
    told = capsys.readouterr()
    assert f"tiny at {address.host}, once fine-tuned: about " in told.err and "no output, under $0.01.\n" in told.err
    report = json.loads(told.out)
    (candidate,) = report["candidates"]
    (model,) = service.models
    assert candidate["status"] == "done" and candidate["settings"]["tuned_model"] == model and service.files == {}
    assert {one["model"] for path, one in server.answered if path.endswith("completions")} >= {"tiny", model}
    store = Store()
    trial = read_trial(store.run_folder(report["run_id"]) / "hosted_finetuning")
    assert trial is not None and trial.trained_tokens and trial.fit_tokens is not None and trial.changes_weights
    training = 25 * trial.trained_tokens / 1e6
    asking = (trial.fit_tokens.read + 4 * trial.fit_tokens.written) / 1e6
    assert candidate["cost"]["one_off"] == pytest.approx(training + asking)
    tokens = candidate["tokens_in_mean"] + 4 * candidate["tokens_out_mean"]
    assert candidate["cost"]["per_1000"] == pytest.approx(1000 * tokens / 1e6)
    kept = AnswersKept(kept_file())
    spent = kept.spent(report["run_id"])
    assert spent.keys() == {address.name, training_of(address.name), tuned_from(address.name)}
    assert kept.spent(report["run_id"], "probes") == {address.name: spent[address.name]}
    assert spent[training_of(address.name)].read == trial.trained_tokens
    kept.close()
    said = (tmp_path / "results" / report["run_id"] / "report.md").read_text()
    assert f"Training {model} at {address.host} took {trial.trained_tokens:,} tokens, which cost \\$" in said
    assert f"{model} at {address.host}, with " in said and "The estimate before the run was about" in said
    assert "Hosted fine-tuning" in said and "dapter fine-tuning" not in said
    assert "the same for all strategies, through its server." in said
    assert "× the price of each, and the tokens of training" in said
    assert "We tried hosted fine-tuning only with a server of our own" in said
    assert "python -m advisor forget-tuned RUN" in said
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file

    assert main(["try", report["run_id"], "where is it"]) == 0
    assert main(["export", report["run_id"], "--strategy", "hosted_finetuning", "--out", "taken"]) == 0
    assert json.loads(Path("taken/request.json").read_text())["model"] == model
    assert main(["delete", report["run_id"]]) == 2
    assert f"{model} at {address.host} may still be there" in capsys.readouterr().out
    assert main(["forget-tuned", report["run_id"]]) == 0
    assert f"{model} was deleted at {address.host}" in capsys.readouterr().out and service.models == []


def test_a_cancelled_run_cancels_the_job(server: TinyServer, capsys: pytest.CaptureFixture[str]) -> None:
    service = service_of(server)
    service.hangs = True
    command = [*asking_for_it(server), "--send-training-data"]
    store = Store()
    stages: list[str] = []

    def cancel_once_it_waits() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for run in store.runs():
                stages.extend(step.stage for step in store.steps(run.id))
                if any("waiting in the queue of" in stage for stage in stages):
                    store.cancel(run.id)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=cancel_once_it_waits)
    thread.start()
    assert main(command) == 130
    thread.join()
    host = ServedAddress.parse(server.name).host
    assert f"The fine-tuning job ftjob-0 at {host} was cancelled." in capsys.readouterr().err
    assert service.jobs[0].status == "cancelled" and service.files == {}


def test_a_killed_run_takes_up_its_job(server: TinyServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    service = service_of(server)
    service.hangs = True
    command = [*asking_for_it(server), "--send-training-data"]
    log = (tmp_path / "killed.log").open("wb")
    killed = subprocess.Popen(
        [sys.executable, "-m", "advisor", *command], env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=log
    )
    until = time.monotonic() + 60
    while ("GET", "/v1/fine_tuning/jobs/ftjob-0") not in service.sent and time.monotonic() < until:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    log.close()
    service.hangs = False
    (run,) = Store().runs()
    assert main(["resume", run.id, "--json"]) == 0
    (candidate,) = json.loads(capsys.readouterr().out)["candidates"]
    assert candidate["status"] == "done" and candidate["settings"]["tuned_model"] == "ft:tiny:threeways:0"
    assert len(service.jobs) == 1 and len(service.uploads) == 2 and service.files == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("m=25", TuningPrice("served:m@http://gpu:1/v1", 25.0)),
        ("m=25/0.3/1.20", TuningPrice("served:m@http://gpu:1/v1", 25.0, 0.3, 1.2)),
    ],
)
def test_the_price_of_training_is_read(text: str, found: TuningPrice) -> None:
    assert tuning_price_in(text, ["embedded", "served:m@http://gpu:1/v1"]) == found
    for wrong, said in (("m=25/1", "write it as MODEL=25"), ("x=1", "is none of the models on a server")):
        with pytest.raises(BadInput, match=said):
            tuning_price_in(wrong, ["served:m@http://gpu:1/v1"])
