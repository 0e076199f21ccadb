"""A comparison with a model behind a server, from the command to the report."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from advisor.storage.store import Store
from advisor.storage.trial_files import read_trial
from eval.money.tokens import Spent
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, kept_file
from strategies.served.serving import check_served
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import TinyServer

MOST = 140  # requests; prompting takes fewer, and with examples it would take more


def _fit_tokens(home: Store, run_id: str) -> Spent:
    trial = read_trial(home.run_folder(run_id) / "prompting")
    assert trial is not None and trial.fit_tokens is not None
    return trial.fit_tokens


def test_a_served_model_is_compared_and_its_cost_is_unknown_without_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    with TinyServer() as server:
        name = server.name
        assert main(["compare", "task.csv", "--fresh", "--strategies", "prompting", "--model", name, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        (candidate,) = report["candidates"]
        assert candidate["cost"]["per_1000"] is None and candidate["cost"]["one_off"] is None
        assert candidate["latency_seconds"]["p50"] > 0
        assert report["model"] == f"tiny at {ServedAddress.parse(server.name).host}"
        assert report["device"] == "a server, asked from this machine"
        kept = AnswersKept(kept_file())
        spent = kept.spent(report["run_id"], "prompting")[name]
        probes = kept.spent(report["run_id"], "probes")[name]
        assert spent + probes == kept.spent(report["run_id"])[name] and spent.read and probes.read
        assert spent.requests + probes.requests == server.seen
        kept.close()

        assert report["served"][0]["price"] is None and report["served"][0]["paid"]["requests"] == spent.requests
        foreseen = report["served"][0]["foreseen"]
        assert foreseen["requests"] == pytest.approx(spent.requests, rel=0.25)
        said = (tmp_path / "results" / report["run_id"] / "report.md").read_text()
        assert f"The strategies of this run sent {spent.requests} requests to tiny at" in said
        assert "The estimate before the run was about" in said  # not compared: the tiny network's tokens are letters
        home = Store()
        fitted = _fit_tokens(home, report["run_id"])
        assert 0 < fitted.requests < spent.requests

        asked = server.seen
        for priced in (("--price", "tiny=1/4"), ("--hosted", "any", "--read-price", "1", "--written-price", "4")):
            arguments = (
                "compare",
                "task.csv",
                "--fresh",
                "--strategies",
                "prompting",
                "--model",
                name,
                *priced,
                "--json",
            )
            assert main(list(arguments)) == 0
            report = json.loads(capsys.readouterr().out)
            (candidate,) = report["candidates"]
            tokens = candidate["tokens_in_mean"] + 4 * candidate["tokens_out_mean"]
            assert candidate["cost"]["per_1000"] == pytest.approx(1000 * tokens / 1e6)
            # Setup costs what it takes, though the answers are kept and this run paid for none of them.
            assert _fit_tokens(home, report["run_id"]) == fitted
            assert candidate["cost"]["one_off"] == pytest.approx((fitted.read + 4 * fitted.written) / 1e6)
            assert candidate["by_token"] == (priced[0] == "--price")
            said = (tmp_path / "results" / report["run_id"] / "report.md").read_text()
            prices = (r"costs \$1.00 per million input tokens", r"priced like any: \$1.00 per million input")
            assert any(price in said for price in prices)  # an unescaped $ begins a formula
        assert server.seen - asked < asked  # what the first run got is kept
        assert report["served"][0]["paid"]["requests"] < fitted.requests

        assert main(["compare", "task.csv", "--strategies", "hosted_finetuning", "--model", name]) == 2
        assert "The server of tiny offers no fine-tuning: leave out hosted fine-tuning" in capsys.readouterr().err


def test_a_run_stops_at_its_limit_and_goes_on_with_a_higher_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    with TinyServer() as server:
        assert check_served(server.name) is None
        probed = server.seen
        command = [
            "compare",
            "task.csv",
            "--fresh",
            "--strategies",
            "prompting,prompting_examples",
            "--model",
            server.name,
        ]
        assert main([*command, "--max-money", "2.50"]) == 2
        assert (
            "needs the price of every model on a server, and we don't know that of tiny at" in capsys.readouterr().err
        )
        assert main([*command, "--max-requests", str(MOST)]) == 1
        said = capsys.readouterr().err
        assert f"The run stopped at its limit of {MOST} requests. Raise the limit and continue the run" in said
        assert MOST <= server.seen - probed < MOST + 32

        store = Store()
        (run,) = store.runs()
        assert run.state == "stopped" and f"advisor resume {run.id}" in said
        assert [step.state for step in store.steps(run.id)] == ["done", "cancelled", "cancelled"]
        first = read_trial(store.run_folder(run.id) / "prompting" / "begun")
        assert main(["resume", run.id]) == 1 and server.seen - probed < MOST + 32  # the limit still holds
        assert main(["resume", run.id, "--max-requests", "100000", "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert [one["status"] for one in report["candidates"]] == ["done", "done"]
        whole = read_trial(store.run_folder(run.id) / "prompting")
        assert first is not None and whole is not None and first.outcomes
        answers = [outcome.text for outcome in whole.outcomes]
        assert answers[: len(first.outcomes)] == [outcome.text for outcome in first.outcomes]
        assert whole.stage_seconds == first.stage_seconds  # not fitted again

        kept = AnswersKept(kept_file())
        assert sum(kept.spent(run.id).values(), Spent()).requests == server.seen - probed
        assert report["served"][0]["paid"]["requests"] == server.seen - probed
        kept.close()
        with closing(sqlite3.connect(kept_file())) as database:
            (different,) = database.execute("SELECT count(*) FROM answers WHERE body LIKE '%choices%'").fetchone()
        assert different == server.seen - probed  # no answer was paid for twice
        assert main(["resume", run.id]) == 2
        assert "is done, so there is nothing to continue" in capsys.readouterr().err
