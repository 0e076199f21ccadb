"""The gate of a pipeline: bounds on a result, their lines, their JUnit XML and the exit code."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from advisor.command_line.arguments import parse
from advisor.command_line.commands import main
from advisor.plan import Priorities
from advisor.render.junit import render_junit
from advisor.report.compared import FinishedRun
from advisor.schema import Report
from advisor.sections.gate import CheckedBound, Gate, check_bounds
from advisor.storage.store import Store
from eval.outcomes import Trial
from eval.task import Kind, Split, Task
from tests.reports import changed
from tests.tiny_strategies import FRAGILE, RACING, SPEED, STEADY, tiny_model

ROOT = Path(__file__).parents[2]
MakeReport = Callable[..., Report]
Finish = Callable[[str, float, Report], FinishedRun]
ROWS = "message,label\n" + "".join(f"message {row},{'billing' if row % 3 else 'delivery'}\n" for row in range(300))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a task, and a model that was timed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))
    (tmp_path / "task.csv").write_text(ROWS)
    Store().save_speed(tiny_model(tmp_path / "model"), SPEED)
    return tmp_path


def compare(*options: str, build_strategy: str = RACING) -> int:
    arguments = ("compare", "task.csv", "--model", "model", "--fresh", "--strategies", "prompting,retrieval", *options)
    return main(arguments, build_strategy)


def lines(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith(("PASSED ", "FAILED "))]


def cases(file: Path) -> dict[str, str | None]:
    """The tests of a JUnit file, each with the message of its failure; its totals have to agree with them."""
    suites = ElementTree.parse(file).getroot()
    (suite,) = suites
    found = suite.findall("testcase")
    failures = [case.find("failure") for case in found]
    for one in (suites, suite):
        assert (one.tag, one.get("tests"), one.get("errors")) in [
            ("testsuites", str(len(found)), "0"),
            ("testsuite", str(len(found)), "0"),
        ]
        assert one.get("failures") == str(sum(failure is not None for failure in failures))
    assert all(float(case.get("time", "")) >= 0 and case.get("classname") == "threeways.gate" for case in found)
    return {
        case.get("name", ""): None if failure is None else failure.get("message")
        for case, failure in zip(found, failures, strict=True)
    }


def test_a_comparison_passes_and_a_planted_regression_ends_with_3(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = ("--expect", "strategy=retrieval", "--min-score", "80%", "--max-p95", "60", "--junit", "out/gate.xml")
    assert compare(*bounds) == 0
    passed = lines(capsys.readouterr().out)
    assert [line.partition(":")[0] for line in passed] == [
        "PASSED --expect strategy=retrieval",
        "PASSED --min-score 0.8",
        "PASSED --max-p95 60",
    ]
    assert "Strong evidence" in passed[0] and "95 % CI" in passed[1] and "timed requests" in passed[2]
    assert list(cases(folder / "out" / "gate.xml").values()) == [None] * 3
    (run,) = Store().runs()

    # Now retrieval fails, and prompting is right on two rows of three.
    worse = compare(*bounds, "--no-worse-than", run.id[:17], "--json", build_strategy=FRAGILE)
    shown = capsys.readouterr()
    assert worse == 3 and json.loads(shown.out)["recommendation"]["choice"] == "prompting"
    failed = lines(shown.err)
    assert "We recommend prompting, not retrieval." in failed[0]
    assert re.search(rf"lower than retrieval in run {run.id} \(95 % CI \d+ to \d+, \d+ shared test rows\)\.", failed[3])
    assert [line[:6] for line in failed] == ["FAILED", "FAILED", "PASSED", "FAILED"]
    messages = cases(folder / "out" / "gate.xml")
    assert [f"FAILED {name}: {said}" for name, said in messages.items() if said] == [
        line for line in failed if line.startswith("FAILED")
    ]


def test_the_gate_in_a_shell(folder: Path) -> None:
    program = f"import sys; from advisor.command_line.commands import main; sys.exit(main(sys.argv[1:], {RACING!r}))"
    (folder / "threeways.py").write_text(f"if __name__ == '__main__':\n    {program}\n")
    script = f"""
        threeways() {{ {shlex.quote(sys.executable)} threeways.py "$@"; }}
        threeways compare task.csv --model model --strategies prompting --min-score .5 --junit gate.xml && echo passed
        threeways compare task.csv --model model --strategies prompting --min-score .9 --junit gate.xml
        echo "ended with $?"
    """
    ended = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = ended.stdout.splitlines()
    assert "passed" in said and said[-1] == "ended with 3" and "Traceback" not in ended.stderr
    assert said[-2].startswith("FAILED --min-score 0.9: Prompting scores .6")
    assert cases(folder / "gate.xml") == {"--min-score 0.9": said[-2].partition(": ")[2]}


def test_a_resumed_run_has_a_gate_and_a_failed_one_keeps_its_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "g.xml").write_text("<testsuites/>")  # of an earlier result, which isn't this one's
    assert compare("--strategies", "retrieval", "--min-score", "0", "--junit", "g.xml", build_strategy=FRAGILE) == 1
    assert not (folder / "g.xml").exists()
    assert compare("--min-score", "0", build_strategy=FRAGILE) == 0
    run = Store().runs()[0]
    capsys.readouterr()
    assert main(["resume", run.id, "--expect", "finetuning"], STEADY) == 2
    assert capsys.readouterr().err == (
        "This comparison has no strategy 'finetuning' to expect; choose prompting or retrieval.\n"
    )
    assert main(["resume", run.id, "--expect", "retrieval", "--junit", "g.xml"], RACING) == 0
    assert lines(capsys.readouterr().out)[0].startswith("PASSED --expect strategy=retrieval: We recommend retrieval.")
    assert cases(folder / "g.xml") == {"--expect strategy=retrieval": None}
    assert main(["resume", run.id, "--expect", "prompting"], STEADY) == 3  # a run that is done, as often as one likes
    assert main(["resume", run.id], STEADY) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--expect", "strategy=guessing"], "no strategy 'guessing' to expect; choose prompting or retrieval."),
        (["--expect", "finetuning"], "no strategy 'finetuning' to expect; choose prompting or retrieval."),
        (["--expect", "majority_label"], "majority_label is a baseline, and we never recommend one; expect prompting"),
        (["--no-worse-than", "1999"], "No run begins with '1999'"),
        (
            ["--min-score", "1", "--junit", "task.csv"],
            "task.csv isn't a JUnit file and would be overwritten; choose",
        ),
        (["--min-score", "1", "--junit", "model"], "The JUnit file can't be written to model (Is a directory)"),
        (["--min-score", "1", "--junit", "/proc/gate.xml"], "The JUnit file can't be written to /proc/gate.xml ("),
        (["--min-score", "1", "--junit", "x" * 300], " (File name too long); choose another."),
        (["--junit", "gate.xml"], "--junit has no bound to write down: add one, such as --min-score .80."),
        (["--min-score", "80"], "“80” isn't a score from 0 to 1; write it like .80 or 80%; see "),
        (["--min-score", "nan"], "“nan” isn't a score"),
        (["--min-score", "-1"], "“-1” isn't a score"),
        (["--max-p95", "0"], "“0” isn't a number of seconds from 0.001 up; write it like 2.5; see "),
    ],
)
def test_a_bound_that_cannot_be_checked_is_one_sentence_before_anything_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    try:
        code: object = compare(*options)
    except SystemExit as ended:
        code = ended.code
    shown = capsys.readouterr()
    assert code == 2 and said in shown.err
    assert shown.out == "" and shown.err.count("\n") == 1 and shown.err.endswith(".\n")
    assert not Store().runs() and not (folder / "gate.xml").exists() and (folder / "task.csv").read_text() == ROWS


def test_a_file_that_is_no_junit_file_is_not_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such as the costs, or one in a folder of scores."""
    (folder / "scores").mkdir()
    (folder / "scores" / "scores.csv").write_text("example,strategy,score\n1,a,1\n2,a,1\n")
    (folder / "costs.csv").write_text("strategy,one_off,per_1000\na,1,1\n")
    for read in ("costs.csv", "scores/scores.csv"):
        before = (folder / read).read_text()
        assert main(["decide", "scores", "--costs", "costs.csv", "--min-score", "1", "--junit", read]) == 2
        assert (
            capsys.readouterr().err == f"{read} isn't a JUnit file and would be overwritten; choose another --junit.\n"
        )
        assert (folder / read).read_text() == before
    (folder / "gate.xml").touch()
    (folder / "link.xml").symlink_to("made.xml")
    for file in ("gate.xml", "gate.xml", "link.xml"):  # also a second time
        assert main(["decide", "scores", "--min-score", "1", "--junit", file]) == 0
        assert cases(folder / file) == {"--min-score 1": None}
    assert (folder / "link.xml").is_symlink()
    (folder / "output").touch()
    (folder / "link.xml").unlink()
    (folder / "link.xml").symlink_to("output")  # as /dev/stdout leads to where the output goes
    with (folder / "output").open() as output:
        assert main(["decide", "scores", "--min-score", "1", "--junit", "link.xml"]) == 0
        assert "testsuites" in output.read()


def test_a_run_to_compare_with_needs_a_report_and_rows_in_common(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare("--strategies", "prompting") == 0
    (run,) = Store().runs()
    capsys.readouterr()
    (folder / "task.csv").write_text(ROWS.replace("message ", "letter "))
    assert compare("--no-worse-than", run.id) == 2
    assert capsys.readouterr().err.startswith(f"Run {run.id} has no test row in common with this data")
    (Store().run_folder(run.id) / "report.json").unlink()
    assert compare("--no-worse-than", run.id) == 2
    assert capsys.readouterr().err.startswith(f"Run {run.id} has no report to compare with. The report of this run is")
    assert len(Store().runs()) == 1


def test_scores_from_elsewhere_have_a_gate_with_any_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = 'a<b> & "c"'
    rows = (f"{at},{name},{score}\n" for at in range(40) for name, score in (('"a<b> & ""c"""', 1), ("other", 0)))
    (folder / "scores.csv").write_text("example,strategy,score\n" + "".join(rows))
    bounds = ("--expect", f"strategy={odd}", "--min-score", "1", "--junit", "gate.xml")
    before = os.umask(0o022)
    os.umask(before)
    assert main(["decide", "scores.csv", *bounds]) == 0
    assert f"PASSED --expect strategy={odd}: We recommend {odd}." in capsys.readouterr().out
    assert main(["decide", "scores.csv", *bounds, "--max-p95", "1", "--json"]) == 3
    shown = capsys.readouterr()
    assert json.loads(shown.out)["recommendation"]["choice"] == odd
    assert lines(shown.err)[-1].startswith(f"FAILED --max-p95 1: We didn't measure the latency of {odd}")
    assert [name for name, failure in cases(folder / "gate.xml").items() if failure] == ["--max-p95 1"]
    assert main(["decide", "scores.csv", "--expect", "retrieval"]) == 2
    assert f"choose {odd} or other." in capsys.readouterr().err


def test_the_file_can_be_read_by_those_who_read_the_persons_other_files(folder: Path) -> None:
    """Of a person who lets others read their files; the store lets nobody."""
    program = "import os, sys; os.umask(0o022); from advisor.command_line.commands import main; sys.exit(main())"
    (folder / "scores.csv").write_text("example,strategy,score\n1,a,1\n2,a,1\n")
    command = [sys.executable, "-c", program, "decide", "scores.csv", "--min-score", "1", "--junit", "new/gate.xml"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=120, check=True)
    assert stat.S_IMODE((folder / "new" / "gate.xml").stat().st_mode) == 0o644


def test_what_xml_cannot_hold_is_replaced(tmp_path: Path) -> None:
    odd = "]]>\x00\x1b[31m\ufffe\ud83d <&\"'>\U0001f600"
    file = tmp_path / "gate.xml"
    file.write_bytes(render_junit(odd, [CheckedBound(odd, False, odd, 0.25), CheckedBound("b", True, odd, 0.5)]))
    shown = "]]>\ufffd\ufffd[31m\ufffd\ufffd <&\"'>\U0001f600"
    assert cases(file) == {shown: shown, "b": None}
    (suite,) = ElementTree.parse(file).getroot()
    assert (suite.get("name"), suite.get("time")) == (f"Threeways: {shown}", "0.750")


def holds(gate: Gate, report: Report, now: FinishedRun | None = None) -> tuple[bool, str]:
    (one,) = check_bounds(gate, report, now)
    return one.holds, one.sentence


def test_bounds_are_about_the_figures_of_what_is_recommended(synthetic_report: MakeReport) -> None:
    report = synthetic_report()
    place, choice = next(
        (at, one) for at, one in enumerate(report.candidates) if one.id == report.recommendation.choice
    )
    figures = {"score": {"mean": 0.7996}, "latency_seconds": {"p95": 2.004, "p95_range": (1.5, None), "n": 60}}
    report = changed(report, candidates={place: figures})
    assert holds(Gate(min_score=0.7996), report)[0] and not holds(Gate(min_score=0.8), report)[0]
    assert " scores .7996 (95 % CI " in holds(Gate(min_score=0.8), report)[1]  # not “.80”
    assert holds(Gate(max_p95=2.004), report)[0]
    kept, said = holds(Gate(max_p95=2), report)
    assert not kept and said.endswith(" is 2.004 s (95 % CI 1.5 s or more, 60 timed requests).")
    figures = {"score": {"mean": 0.999967}, "latency_seconds": {"p95": 2.00000151}}  # of 30,000 answers
    close = changed(report, candidates={place: figures})
    assert " scores .999967 (95 % CI " in holds(Gate(min_score=1), close)[1]
    assert " is 2.000002 s (95 % CI " in holds(Gate(max_p95=2), close)[1]
    assert holds(Gate(expect=choice.strategy), report)[0]
    several = changed(report, candidates={place: {"id": "retrieval@A"}}, recommendation={"choice": "retrieval@A"})
    several = changed(several, candidates={place: {"strategy": "retrieval"}})
    expected = {name: holds(Gate(expect=name), several)[0] for name in ("retrieval", "retrieval@A", "retrieval@B")}
    assert expected == {"retrieval": True, "retrieval@A": True, "retrieval@B": False}


def test_without_a_recommendation_every_bound_is_broken(synthetic_report: MakeReport) -> None:
    report = synthetic_report(priorities=Priorities(max_seconds=0.001))
    assert report.recommendation.choice is None
    checked = check_bounds(Gate("retrieval", 0.0, 1e6), report)
    assert [one.holds for one in checked] == [False] * 3
    assert {one.sentence for one in checked} == {
        "We recommend no strategy. No strategy is known to meet the limits you set."
    }


@pytest.fixture
def finish(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Finish:
    """`finish(id, share, report)`: a run whose choice was right on this share of 200 test rows."""

    def make(run_id: str, share: float, report: Report) -> FinishedRun:
        test = synthetic_split(synthetic_task(Kind.CLASSIFICATION, 200)).test
        run = FinishedRun.of(run_id, report, test, synthetic_trials(Kind.CLASSIFICATION, 200))
        choice = report.recommendation.choice or ""
        answers = {
            row.id: replace(
                run.answers[choice][row.id],
                text=row.target if at < share * len(test) else "nonsense",
                score=float(at < share * len(test)),
            )
            for at, row in enumerate(test)
        }
        return replace(run, answers={**run.answers, choice: answers})

    return make


@pytest.mark.parametrize(
    ("before", "after", "margin", "kept", "said"),
    [
        (0.8, 0.8, 0.0, True, " scores the same as "),
        (0.8, 0.9, 0.0, True, " scores 10 points higher than "),
        (0.8, 0.79, 0.0, True, ", which may be chance (95 % CI "),
        (0.8, 0.7, 0.1, True, ", which is within your margin of 10 points (95 % CI "),
        (0.8, 0.7, 0.09, False, " scores 10 points lower than "),
        (0.8, 0.7, 0.0, False, ", 200 shared test rows)."),
    ],
)
def test_a_score_is_worse_beyond_chance_and_beyond_the_margin(
    synthetic_report: MakeReport, finish: Finish, before: float, after: float, margin: float, kept: bool, said: str
) -> None:
    report = synthetic_report(n=200, priorities=Priorities(margin=margin))
    found = holds(Gate(earlier=finish("then", before, report)), report, finish("now", after, report))
    assert found[0] is kept and said in found[1] and " in run then" in found[1]


def test_a_run_is_compared_with_what_the_earlier_one_recommended(synthetic_report: MakeReport, finish: Finish) -> None:
    """If retrieval broke and prompting is recommended now, prompting was no better than it is: that isn't enough."""
    report = synthetic_report(n=200)
    choice = report.recommendation.choice
    other = next(one.id for one in report.candidates if one.id != choice)
    now = finish("now", 0.5, changed(report, recommendation={"choice": other}))
    kept, said = holds(Gate(earlier=finish("then", 0.9, report)), now.report, now)
    assert not kept and "40 points lower" in said


def test_scores_that_cannot_be_compared_break_the_bound(synthetic_report: MakeReport, finish: Finish) -> None:
    report = synthetic_report(n=200)
    then = finish("then", 0.8, changed(report, task={"metric": "macro-F1"}))
    kept, said = holds(Gate(earlier=then), report, finish("now", 0.8, report))
    assert not kept and said == "These runs were scored by different metrics, so we don't compare their scores."


def test_the_commands_in_the_guide_are_right() -> None:
    guide = (ROOT / "docs" / "gate.md").read_text().replace("\\\n", " ")
    commands = [parse(shlex.split(found)) for found in re.findall(r"python -m advisor (.+)", guide)]
    assert [one.command for one in commands] == ["compare", "pack", "unpack", "compare"]
    assert (commands[0].expect, commands[0].min_score, commands[0].max_p95) == ("retrieval", 0.8, 2)
    assert commands[-1].no_worse_than == "RUN" and commands[-1].junit == Path("../gate/junit.xml")
