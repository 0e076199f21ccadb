from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.text import Text

from advisor.command_line.commands import main
from advisor.command_line.terminal import Screen, answer_line
from advisor.command_line.uploads import documents_upload, read_file
from advisor.hosted import hosted_prices
from advisor.render.pdf import NO_BROWSER, find_browser
from advisor.runs.experiment import REPORT_FILES
from advisor.storage.database import UnusableError
from advisor.storage.store import Store
from eval.reading.table import MAX_BYTES
from eval.task import BadInput
from tests.advisor.test_timing import age
from tests.bad_uploads import BAD_UPLOADS, HOSTILE, TABLE
from tests.tiny_strategies import ENDLESS, FRAGILE, SPEED, STEADY, files_with, tiny_model

ROOT = Path(__file__).parents[2]
Compare = Callable[..., int]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with a good task file, a model, and a home of its own where that model was timed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    (tmp_path / "task.csv").write_bytes(TABLE)
    Store().save_speed(tiny_model(tmp_path / "model"), SPEED)
    return tmp_path


@pytest.fixture
def compare(folder: Path) -> Compare:
    def run(*arguments: str, build_strategy: str = STEADY) -> int:
        return main(["compare", *arguments, "--model", "model", "--fresh"], build_strategy)

    return run


def test_a_timing_that_no_longer_holds_is_taken_again(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    store, model = Store(), str(folder / "model")
    assert compare("task.csv", "--strategies", "prompting") == 0
    assert "Timing " not in capsys.readouterr().err
    store.save_speed(model, replace(SPEED, busy=0.61))
    assert compare("task.csv", "--strategies", "prompting") == 0
    assert "Other programs used 61 % of the processor when this machine was timed" in capsys.readouterr().err
    age(store, hours=30)
    assert compare("task.csv", "--strategies", "prompting") == 0
    assert "Timing " in capsys.readouterr().err
    age(store, hours=30)
    before = store.speed(model)
    assert main(["compare", "task.csv", "--strategies", "prompting", "--model", "model", "--volume", "7"], STEADY) == 0
    assert "Timing " not in capsys.readouterr().err and store.speed(model) == before  # everything is taken over


def test_a_disk_that_takes_not_even_the_end_of_a_run_is_told_in_sentences(
    compare: Compare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = "The disk with /home is full; free some space and try again."

    def refuse(*_: object) -> None:
        raise UnusableError(full)

    monkeypatch.setattr(Store, "end_run", refuse)
    assert compare("task.csv", "--strategies", "prompting") == 1
    said = capsys.readouterr().err
    assert full in said and "Traceback" not in said
    assert "The comparison ended early. Continue it with: python -m advisor resume" in said


def test_a_comparison_ends_with_its_reports_a_table_and_a_place_in_history(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare("task.csv", "--strategies", "prompting,finetuning", "--seed", "5", "--out", "out") == 0
    shown = capsys.readouterr()
    assert "Adapter fine-tuning" in shown.out and "report.html" in shown.out
    assert "Peak memory" in shown.out and "Setup time" in shown.out and "Throughput" in shown.out
    assert "Prompting about" in shown.err and "in total about" in shown.err
    assert "Traceback" not in shown.err
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "outcomes.csv",
        "report.html",
        "report.json",
        "report.md",
    ]
    report = json.loads((folder / "out" / "report.json").read_text())
    assert (report["seed"], [each["id"] for each in report["candidates"]]) == (5, ["prompting", "finetuning"])
    (run,) = Store().runs()
    assert (run.id, run.state, run.name) == (report["run_id"], "done", "task.csv")
    assert run.plan.model == str(folder / "model")
    (Store().run_folder(run.id) / "report.json").write_text("{}")  # as another version may have left it
    assert main(["runs"]) == 0
    assert run.id in capsys.readouterr().out


def test_a_pdf_is_written_where_a_browser_is_found(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium, Chrome or Edge on this machine")
    assert compare("task.csv", "--strategies", "prompting", "--out", "out", "--pdf") == 0
    assert (folder / "out" / "report.pdf").read_bytes().startswith(b"%PDF-")
    capsys.readouterr()
    monkeypatch.setenv("CHROME", "/no/such/browser")
    assert compare("task.csv", "--strategies", "prompting", "--out", "other", "--pdf") == 2
    assert capsys.readouterr().err == f"{NO_BROWSER}\n"
    assert not (folder / "other").exists() and len(Store().runs()) == 1  # refused before anything was measured


def test_json_prints_the_report_and_nothing_else(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--volume", "500", "--margin", "3", "--max-seconds", "2", "--json", "--strategies", "prompting")
    assert compare("task.csv", *options) == 0
    report = json.loads(capsys.readouterr().out)
    priorities = report["priorities"]
    assert (priorities["monthly_volume"], priorities["margin"], priorities["max_seconds"]) == (500, 0.03, 2.0)
    copied = Path("results") / report["run_id"] / "report.json"
    assert json.loads(copied.read_text()) == report


def test_answers_are_priced_as_those_of_a_hosted_model(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--hosted", "openai: gpt-5 mini", "--written-price", "3", "--tuned-factor", "1.5", "--json")
    assert compare("task.csv", "--strategies", "prompting", *options) == 0
    report = json.loads(capsys.readouterr().out)
    name, chosen = "OpenAI: GPT-5 mini", report["priorities"]
    assert (chosen["hosted"], chosen["tuned_factor"], chosen["written_per_million"]) == (name, 1.5, 3)
    assert chosen["read_per_million"] == hosted_prices()[name].read_per_million
    (prompting,) = report["candidates"]
    tokens = prompting["tokens_in_mean"] * chosen["read_per_million"] + prompting["tokens_out_mean"] * 3
    assert prompting["cost"]["per_1000"] == pytest.approx(tokens / 1000)


def test_a_failed_strategy_does_not_fail_the_comparison_but_all_of_them_do(
    compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare("task.csv", "--strategies", "prompting,retrieval", build_strategy=FRAGILE) == 0
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert compare("task.csv", "--strategies", "retrieval", build_strategy=FRAGILE) == 1
    assert "None of the strategies could be measured." in capsys.readouterr().err.splitlines()[-1]


def test_a_fitted_strategy_answers_lines(
    compare: Compare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compare("task.csv", "--strategies", "prompting,retrieval", build_strategy=FRAGILE)
    (run,) = Store().runs()
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("where is it\nähm\n".encode())))
    assert main(["predict", run.id[:15], "--strategy", "prompting"], STEADY) == 0
    assert capsys.readouterr().out == "no\nno\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"where is it\n")))
    assert main(["predict", run.id, "--strategy", "tfidf_linear"], STEADY) == 0  # a baseline can be used as well
    assert capsys.readouterr().out == "no\n"
    assert main(["predict", run.id, "--strategy", "retrieval"], STEADY) == 2
    assert "has no fitted retrieval" in one_sentence(capsys)
    assert main(["predict", run.id, "--strategy", "finetuning"], STEADY) == 2
    assert "did not compare 'finetuning'" in one_sentence(capsys)
    assert main(["predict", run.id, "--strategy", "prompting", "--adapter", "both"], STEADY) == 2
    assert one_sentence(capsys) == "Prompting trains no adapter, so there is none to switch off."
    assert main(["predict", "1999", "--strategy", "prompting"], STEADY) == 2
    assert "No run begins with '1999'" in one_sentence(capsys)


def test_documents_come_from_a_folder(folder: Path, compare: Compare) -> None:
    (folder / "handbook" / "more").mkdir(parents=True)
    (folder / "handbook" / "prices.md").write_text("# Prices\nA cake is 30 euros.")
    (folder / "handbook" / "more" / "hours.txt").write_text("Open from nine.")
    (folder / "handbook" / "photo.png").write_bytes(b"\x89PNG")
    assert compare("task.csv", "--docs", "handbook", "--strategies", "prompting") == 0
    (run,) = Store().runs()
    dataset = Store().dataset(run.dataset_id)
    assert (dataset.documents_name, dataset.documents) == ("handbook.zip", 2)


def test_links_among_documents_are_named_and_not_followed(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = folder / "secret"
    secret.mkdir()
    (secret / "keys.txt").write_text("The key is tamarind-owl.")
    (folder / "handbook").mkdir()
    (folder / "handbook" / "prices.md").write_text("# Prices\nA cake is 30 euros.")
    (folder / "handbook" / "keys.md").symlink_to(secret / "keys.txt")
    (folder / "handbook" / "all").symlink_to(secret)
    (folder / "handbook" / "gone.txt").symlink_to(folder / "nowhere")
    main(["check", "task.csv", "--docs", "handbook"])
    said = capsys.readouterr().out
    assert "There are 3 links, and links aren't followed: all, gone.txt, keys.md." in " ".join(said.split())
    assert compare("task.csv", "--docs", "handbook", "--strategies", "prompting") == 0
    assert not files_with("tamarind-owl", Store().home)
    (folder / "again").symlink_to(folder / "handbook")  # the folder that a person names may be a link
    assert compare("task.csv", "--docs", "again", "--strategies", "prompting") == 0


@pytest.mark.parametrize("flaw", BAD_UPLOADS)
def test_a_bad_upload_is_one_sentence_and_nothing_is_stored(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str], flaw: str
) -> None:
    name, content = BAD_UPLOADS[flaw]
    (folder / "task.csv").unlink()
    (folder / name).write_bytes(content)
    assert compare(name) == 2
    assert one_sentence(capsys)
    store = Store()
    assert store.runs() == []
    assert not (store.home / "datasets").exists() and not (store.home / "runs").exists()
    assert not (folder / "results").exists()


def test_names_of_files_may_be_any_bytes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "docs").mkdir()
    for name, text in ((b"pr\xfcfung.txt", "tests"), (b"a\tb.txt", "tabs"), ("größe.txt".encode(), "sizes")):
        (folder / "docs" / os.fsdecode(name)).write_text(f"All about {text}.")
    for name in (b"b\xfcro\n.csv", "büro .csv".encode()):
        (folder / os.fsdecode(name)).write_bytes(TABLE)
        command = ["compare", os.fsdecode(name), "--docs", "docs", "--model", "model", "--strategies", "retrieval"]
        assert main([*command, "--fresh"], STEADY) == 0
    store = Store()
    first, second = (store.dataset(run.dataset_id) for run in store.runs())
    assert first == second and first.name == "büro .csv"  # the same content under the same name
    documents = {document.id for document in store.read_upload(first.id)[1]}
    assert documents == {"prüfung", "a b", "größe"}
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["compare", "task.csv", "--model", os.fsdecode(b"b\xfcro")])
    assert "The argument büro isn't in UTF-8: rename what it names" in capsys.readouterr().err


def test_what_an_encoding_lacks_is_written_as_its_code(folder: Path) -> None:
    (folder / "größe.csv").write_bytes(TABLE)
    command = [sys.executable, "-m", "advisor", "check", "größe.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.startswith(rb"gr\xf6\xdfe.csv: 60 rows")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_crashes_its_parser_is_one_sentence_in_seconds(folder: Path, name: str) -> None:
    (folder / name).write_bytes(HOSTILE[name])
    command = [sys.executable, "-m", "advisor", "compare", name, "--model", "model"]
    ended = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, b"")
    known = f"{name} is damaged, or needs too much memory once unpacked: ", f"{name} has a sheet that reaches to row "
    assert ended.stderr.decode().startswith(known)
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.parametrize("length", [MAX_BYTES, MAX_BYTES + 1])
def test_no_more_is_read_of_a_file_than_its_limit(length: int, tmp_path: Path) -> None:
    pipe = tmp_path / "endless.csv"
    os.mkfifo(pipe)
    writing = subprocess.Popen(["sh", "-c", f"head -c {length} /dev/zero > {pipe}"])
    try:
        if length > MAX_BYTES:
            with pytest.raises(BadInput, match=r"endless\.csv has more than 200 MB, and the limit is 200 MB"):
                read_file(pipe)
        else:
            assert len(read_file(pipe)) == length
    finally:
        writing.wait(30)


def test_a_folder_too_large_or_with_a_part_that_cannot_be_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.md", "c.iso"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(MAX_BYTES - 9)  # without filling the disk
    with pytest.raises(BadInput, match=r"have 400 MB, and the limit is 200 MB: use a part of them\."):
        documents_upload(tmp_path)
    (tmp_path / "a.txt").unlink()
    (tmp_path / "b.md").write_text("text")
    (tmp_path / "closed").mkdir()
    opened = os.scandir

    def scandir(at: str) -> Any:
        if str(at).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(at))
        return opened(at)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(BadInput, match=r"closed can't be read \(Permission denied\); check the path\.$"):
        documents_upload(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.csv"], "missing.csv can't be read (No such file or directory)"),
        (["task.csv", "--docs", "nowhere"], "nowhere can't be read"),
        (["task.csv", "--docs", "model"], "is not a JSON array of objects"),
        (["task.csv", "--target", "answer"], "There is no column 'answer'"),
        (["task.csv", "--strategies", "guessing"], "There is no strategy 'guessing'"),
        (["task.csv", "--out", "task.csv"], "The report can't be written to task.csv"),
        (["task.csv", "--out", "/proc"], "The report can't be written to /proc"),
        (["task.csv", "--volume", "0"], "The volume must be from 1 to 1,000,000,000 requests a month, not 0."),
        (["task.csv", "--margin", "51"], "The margin must be from 0 to 50 points, not 51."),
        (["task.csv", "--max-seconds", "0"], "The latency limit must be from 0.001 to 1,000,000,000 seconds, not 0."),
        (["task.csv", "--max-seconds", "1e400"], "not inf."),
        (["task.csv", "--hosted", "openai gpt-5 mini"], "the nearest names: OpenAI: GPT-5 mini; "),
        (["task.csv", "--hosted", "Ours", "--read-price", "1"], "doesn't list “Ours”"),
        (["task.csv", "--hosted", "GPT-5 mini"], "is listed as GitHub Copilot: GPT-5 mini; OpenAI: GPT-5 mini"),
        (["task.csv", "--read-price", "1"], "--read-price needs a hosted model: name it with --hosted."),
        (["task.csv", "--hosted", "A", "--read-price", "-1", "--written-price", "1"], "tokens read must be from 0"),
    ],
)
def test_bad_input_is_one_sentence(
    compare: Compare, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert compare(*arguments) == 2
    assert said in one_sentence(capsys)
    assert not (Store().home / "datasets").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["compare"], "FILE"),
        (["compare", "task.csv", "--preset", "slow"], "invalid choice: 'slow'"),
        (["compare", "task.csv", "--volume", "some"], "“some” isn't a whole number; write it like 10000"),
        (["compare", "task.csv", "--margin", "nan"], "“nan” isn't a number; write it like 2.5"),
        (["compare", "task.csv", "--fast"], "--fast"),
        (["predict", "2026"], "--strategy"),
    ],
)
def test_wrong_usage_is_one_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in one_sentence(capsys)


def test_what_failed_in_a_run_is_tried_again(compare: Compare, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare("task.csv", "--strategies", "prompting,retrieval", build_strategy=FRAGILE) == 0
    (run,) = Store().runs()
    kept = Store().run_folder(run.id) / "prompting" / "manifest.json"
    written_at = kept.stat().st_mtime_ns
    assert main(["resume", run.id], STEADY) == 0
    assert [step.state for step in Store().steps(run.id)] == ["done"] * 3 and kept.stat().st_mtime_ns == written_at
    capsys.readouterr()
    assert main(["resume", run.id], STEADY) == 2
    assert "is done, so there is nothing to continue" in capsys.readouterr().err


def test_results_that_a_killed_process_left_in_part_are_written_again(compare: Compare) -> None:
    assert compare("task.csv", "--strategies", "prompting", build_strategy=STEADY) == 0
    (run,) = Store().runs()
    results, folder = Path("results") / run.id, Store().run_folder(run.id)
    (results / "report.md").unlink()
    (results / "outcomes.csv").write_text("strategy,")
    assert main(["resume", run.id], STEADY) == 0
    assert all((results / name).read_bytes() == (folder / name).read_bytes() for name in REPORT_FILES)
    assert main(["resume", run.id], STEADY) == 2


def test_an_internal_failure_is_one_sentence_with_the_place_of_its_log(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    (Store().home / "datasets").write_text("a file where a folder should be")
    assert compare("task.csv") == 1
    log = folder / "home" / "error.log"
    assert str(log) in one_sentence(capsys)
    assert "Traceback" in log.read_text()


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_who_reads_no_further_ends_the_command_as_it_ends_others(folder: Path, options: list[str]) -> None:
    outcomes = folder / "outcomes.csv"
    outcomes.write_text("example,strategy,score\n" + "".join(f"{at},{name},1\n" for at in range(9) for name in "ab"))
    command = subprocess.Popen(
        [sys.executable, "-m", "advisor", "decide", str(outcomes), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "THREEWAYS_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"},
    )
    assert command.stdout is not None and command.stderr is not None
    command.stdout.close()
    assert command.stderr.read() == b"" and command.wait() == 128 + signal.SIGPIPE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_is_cancelled(folder: Path, number: signal.Signals) -> None:
    program = (
        "import signal, sys; from advisor.command_line.commands import main;"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL);"  # the tests may run under nohup, or in the background
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"sys.exit(main(['compare', 'task.csv', '--model', 'model', '--strategies', 'retrieval'], '{ENDLESS}'))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    store = Store()
    try:
        while not any("process" in step.stage for run in store.runs() for step in store.steps(run.id)):
            with pytest.raises(subprocess.TimeoutExpired):
                command.wait(timeout=0.1)
        baselines, step = [step for run in store.runs() for step in store.steps(run.id)]
        assert baselines.state == "done"
        os.killpg(command.pid, number)  # as a terminal does: to the child too
        _, written = command.communicate(timeout=60)
    finally:
        command.kill()
        command.wait()
    assert command.returncode == 128 + number
    assert written.decode().splitlines()[-1].startswith("The comparison was cancelled. Continue it with: python -m ")
    assert b"Traceback" not in written
    (run,) = store.runs()
    assert (run.state, [step.state for step in store.steps(run.id)]) == ("cancelled", ["done", "cancelled"])
    assert not psutil.pid_exists(int(step.stage.rsplit(maxsplit=1)[1]))


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on standard error, which must be one line that ends as a sentence, and nothing on standard output."""
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1 and shown.err.endswith(".\n") and "Traceback" not in shown.err
    return shown.err.strip()


def test_the_metric_is_chosen_before_the_run(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare("task.csv", "--strategies", "prompting", "--metric", "Macro-f1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["task"]["metric"] == "macro-F1"
    (folder / "mine.py").write_text("def score(output, expected, input):\n    return float(output == expected)\n")
    assert compare("task.csv", "--strategies", "prompting", "--metric", "mine.py:score", "--json") == 0
    assert json.loads(capsys.readouterr().out)["task"]["metric"].startswith("mine.py:score (")
    setup = Store().dataset(Store().runs()[0].dataset_id).setup
    assert setup is not None and setup.own_metric is None  # a page runs no code of a person


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--metric", "form"), "There is no metric 'form' for classification: choose accuracy, macro-F1, balanced"),
        (("--metric", "no.py:score"), "There is no file no.py: give your metric as file.py:function."),
        (("--require", "Kind regards"), "The metric 'accuracy' ignores wording, so it can't require phrases"),
        (("--metric", "no.py:score", "--require", "Yes"), "--require has no effect on your own metric"),
    ],
)
def test_a_metric_that_cannot_be_is_one_sentence(
    compare: Compare, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert compare("task.csv", *options) == 2
    assert capsys.readouterr().err.startswith(said) and not Store().runs()


def test_phrases_can_be_required_of_written_answers(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = (
        "Dear customer {0} thank you for writing to us. Your parcel number {0} left our house today and is on its way."
    )
    letters = [f"Where is parcel {row}?,{reply.format(row)}" for row in range(60)]
    (folder / "letters.csv").write_text("\n".join(["question,reply", *letters]))
    options = ("letters.csv", "--strategies", "prompting", "--metric", "form", "--json")
    scores = []
    for phrases in ((), ("--require", "Dear customer", "--require", "re:kind +regards")):
        assert compare(*options, *phrases) == 0
        report = json.loads(capsys.readouterr().out)
        scores.append(report["candidates"][0]["score"]["mean"])
    assert report["task"]["metric"].startswith("form, 2 required (")
    assert scores[1] == pytest.approx(scores[0] / 2)  # one of two phrases stands in each answer


HOSTILE_SIGNS = "\x1b\x07\x9b\x7f\u202e\u2066\u200f"


def hostile_table() -> bytes:
    """Column names, labels and texts with codes that turn a terminal red, rename its window or turn the writing."""
    labels = ("\x1b[31mred", "\x1b]0;pwned\x07blue", "\u202eneerg\u2066", "\x9b2Jgrey\x7f")
    rows = (f"message \x1b[2J\u200f number {i},{labels[i % 4]},x" for i in range(120))
    rare = "message one more,odd\x1b[8m,x"
    return "\n".join(["text\x1b[1m,label\u202e,\x9bother", *rows, rare]).encode()


def test_codes_in_a_file_never_reach_the_terminal(
    folder: Path, compare: Compare, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "odd.csv").write_bytes(hostile_table())
    assert compare("odd.csv", "--strategies", "prompting", "--out", "out") == 0
    assert compare("odd.csv", "--strategies", "prompting", "--out", "out", "--json") == 0
    assert main(["check", "odd.csv"]) == 0
    assert main(["check", "odd.csv", "--json"]) == 0
    shown = capsys.readouterr()
    assert "[31mred" in shown.out and "text[1m" in shown.out and "\\u202e" in shown.out
    assert not [sign for sign in HOSTILE_SIGNS if sign in f"{shown.out}{shown.err}"]
    assert main(["check", "odd.csv", "--target", "none\x1b[31m"]) == 2
    assert not [sign for sign in HOSTILE_SIGNS if sign in capsys.readouterr().err]
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["check", "odd.csv"]) == 0
    assert "\x1b[1;33mwarning" in capsys.readouterr().out  # our own colours stay


def test_answers_and_arguments_hold_no_codes_for_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A model may answer anything, and a folder may hold files with any name."""
    assert answer_line([f"a{HOSTILE_SIGNS}\nb\tc\r", "\x1b[31mred\ud83d"]) == "a b c\t[31mred\n"
    Screen().print(Text(f"x{HOSTILE_SIGNS}y\udcff"))
    odd = tmp_path / "--odd\x1b]0;pwned\x07\udcff.csv"
    with pytest.raises(SystemExit) as ended:
        main(["check", "task.csv", odd.name])
    assert ended.value.code == 2
    assert main(["check", str(odd)]) == 2
    shown = capsys.readouterr()
    assert "xy" in shown.out and "pwned" in shown.err and shown.err.count("\n") == 2
    assert not [sign for sign in f"{HOSTILE_SIGNS}\udcff\ud83d" if sign in f"{shown.out}{shown.err}"]
