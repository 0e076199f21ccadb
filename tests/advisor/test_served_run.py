"""A comparison with a model behind a server, from the command to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from advisor.command_line.commands import main
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, kept_file
from tests.bad_uploads import TABLE
from tests.servers.tiny_server import TinyServer


def test_a_served_model_is_compared_and_its_cost_is_unknown_without_prices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    with TinyServer() as server:
        name = server.name
        assert main(["compare", "task.csv", "--strategies", "prompting", "--model", name, "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        (candidate,) = report["candidates"]
        assert candidate["cost"]["per_1000"] is None and candidate["cost"]["one_off"] is None
        assert candidate["latency_seconds"]["p50"] > 0
        assert report["model"] == f"tiny at {ServedAddress.parse(server.name).host}"
        assert report["device"] == "a server, asked from this machine"
        kept = AnswersKept(kept_file())
        spent = kept.spent(report["run_id"], "prompting")[name]
        assert spent == kept.spent(report["run_id"])[name] and 0 < spent.requests <= server.seen and spent.read
        kept.close()

        asked = server.seen
        priced = ("--hosted", "tiny", "--read-price", "1", "--written-price", "4")
        arguments = ("compare", "task.csv", "--strategies", "prompting", "--model", name, *priced, "--json")
        assert main(list(arguments)) == 0
        (candidate,) = json.loads(capsys.readouterr().out)["candidates"]
        tokens = candidate["tokens_in_mean"] + 4 * candidate["tokens_out_mean"]
        assert candidate["cost"]["per_1000"] == pytest.approx(1000 * tokens / 1e6)
        assert candidate["cost"]["one_off"] is None
        assert server.seen - asked < asked / 2  # what the first run got is kept

        assert main(["compare", "task.csv", "--strategies", "finetuning", "--model", name]) == 2
        assert "on a server: leave it out" in capsys.readouterr().err
