"""Deciding from the files of other tools, with the scores that these tools report or that are in the files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

from advisor.command_line.commands import main
from advisor.decision.other_tools import Choice
from advisor.decision.outside import Outside, ScoreFile, read_outcomes

FILES = Path(__file__).parents[1] / "fixtures" / "others"
# As Inspect's own logs state it.
ACCURACY = {"long": 0.75, "short": 0.6041667, "includes small": 2 / 3, "includes large": 0.7916667}
SCORES = {"C": 1, "P": 0.5, "I": 0, "N": 0}
PROMPTS = ("{{question}}", "prompt 2 (Answer with the name of the city alone, …)")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path / "home"))


def decide(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert main(["decide", *map(str, arguments), "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def scores(decision: dict[str, Any]) -> dict[str, float]:
    return {one["id"]: one["score"]["mean"] for one in decision["candidates"]}


def read(*paths: Path, metric: str | None = None) -> Outside:
    files = (ScoreFile(path.name, path.read_bytes(), path.parent.name) for path in paths)
    return read_outcomes(files, Choice(metric))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["decide", *map(str, arguments), "--json"]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1 and not told.out
    return told.err


def samples_of(name: str) -> list[dict[str, Any]]:
    return list(json.loads((FILES / "inspect" / "json" / name).read_text())["samples"])


def test_lm_eval_writes_a_file_per_model_and_task(capsys: pytest.CaptureFixture[str]) -> None:
    decision = decide(capsys, FILES / "lm_eval", "--metric", "acc_norm")
    assert scores(decision) == {  # as lm-eval printed them
        "models/tiny-one, choice_plain": pytest.approx(0.2083, abs=5e-5),
        "models/tiny-one, choice_polite": pytest.approx(0.2917, abs=5e-5),
        "models/tiny-two, choice_plain": pytest.approx(0.3750, abs=5e-5),
        "models/tiny-two, choice_polite": pytest.approx(0.2917, abs=5e-5),
    }
    assert {one["score"]["n"] for one in decision["candidates"]} == {24} and not decision["warnings"]


def test_names_say_only_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    plain = sorted((FILES / "lm_eval").rglob("samples_choice_plain*"))
    assert scores(decide(capsys, *plain, "--metric", "acc")) == {"models/tiny-one": 0.25, "models/tiny-two": 0.375}
    both = sorted((FILES / "lm_eval" / "models__tiny-one").glob("samples*"))
    assert scores(decide(capsys, *both, "--metric", "acc")) == {"choice_plain": 0.25, "choice_polite": 0.25}
    assert scores(decide(capsys, both[0], both[0], "--metric", "acc")) == {"models/tiny-one": 0.25}


def test_tasks_that_share_no_example_are_one_test_set(capsys: pytest.CaptureFixture[str]) -> None:
    """Each model answered 24 rows in one task and the same rows, changed, in another."""
    for path in (FILES / "lm_eval").rglob("samples*"):
        copy = Path("runs", path.parent.name, path.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        copy.write_text(text.replace('"doc_hash": "', '"doc_hash": "other') if "polite" in path.name else text)
    decision = decide(capsys, "runs", "--metric", "acc")
    assert scores(decision) == {
        "models/tiny-one": 0.25,
        "models/tiny-two": pytest.approx((0.375 + 0.29167) / 2, abs=1e-5),
    }
    assert {one["score"]["n"] for one in decision["candidates"]} == {48}
    [plain] = Path("runs", "models__tiny-one").glob("samples_choice_plain*")  # an evaluation that was repeated
    again = plain.with_name("samples_choice_plain_2099-01-01T00-00-00.jsonl")
    shutil.copy(plain, again)
    assert refused(capsys, "runs", "--metric", "acc") == (
        f"{plain.name} and {again.name} both hold answers of models/tiny-one to choice_plain: leave one out.\n"
    )


def test_filters_of_lm_eval_are_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    [path] = (FILES / "lm_eval_filters").glob("*.jsonl")
    assert "choose one of exact_match,strict, exact_match,loose with --metric" in refused(capsys, path)
    assert [one.outcomes[0].score for one in read(path, metric="exact_match,loose").trials] == [0.0]


def test_inspect_epochs_are_repeats_and_errors_are_failures(capsys: pytest.CaptureFixture[str]) -> None:
    for kind, ending in (("epochs", "eval"), ("json", "json")):  # the same seed made both
        decision = decide(capsys, *(FILES / "inspect" / kind / f"{name}.{ending}" for name in ("small", "large")))
        expected = {
            f"mockllm/{name}": fmean(
                SCORES[one["scores"]["graded"]["value"]] if one["scores"] else 0 for one in samples_of(f"{name}.json")
            )
            for name in ("small", "large")
        }
        assert scores(decision) == {name: pytest.approx(score) for name, score in expected.items()}
        failed = sum("error" in one for one in samples_of("small.json"))
        assert failed == 8 and [one["failed_answers"] for one in decision["candidates"]] == [8, None]
        assert any(
            "8 of 72 answers of mockllm/small as wrong because they failed" in one for one in decision["warnings"]
        )


def test_repeats_of_an_example_are_one_piece_of_evidence() -> None:
    [small, large] = read(*(FILES / "inspect" / "json" / f"{name}.json" for name in ("small", "large"))).trials
    assert len(large.outcomes) == 72 and len({one.example_id for one in large.outcomes}) == 72
    assert len({one.group for one in large.outcomes}) == 24 and None not in {one.group for one in large.outcomes}
    assert [one.example_id for one in small.outcomes] == [one.example_id for one in large.outcomes]


def test_examples_that_were_repeated_more_often_count_more_and_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Strategy a is right in the examples that were asked once and b in those that were asked five times."""
    lines = [
        f"{at},{strategy},{repeat},{int((strategy == 'a') == (at < 12))}"
        for at in range(24)
        for repeat in range(1 if at < 12 else 5)
        for strategy in "ab"
    ]
    Path("a.csv").write_text("\n".join(["example,strategy,repeat,score", *lines]))
    decision = decide(capsys, "a.csv")
    assert scores(decision) == {"a": pytest.approx(1 / 6), "b": pytest.approx(5 / 6)}
    assert decision["warnings"] == [
        "Examples have 1 to 5 answers of a strategy, and every answer counts the same. If every example counted the "
        "same, a would score .50 and b would score .50: ask each of them equally often."
    ]


def test_what_is_left_out_is_called_a_repeat_if_examples_have_several(capsys: pytest.CaptureFixture[str]) -> None:
    def samples(epochs: int, first: float) -> list[dict[str, Any]]:
        values = [first, *[1] * (12 * epochs - 1)]
        return [
            {"id": at // epochs, "epoch": at % epochs + 1, "scores": {"s": {"value": value}}}
            for at, value in enumerate(values)
        ]

    Path("a.json").write_text(log(*samples(3, float("nan"))))
    Path("b.json").write_text(log(*samples(1, 1)).replace('"m"', '"n"'))
    assert decide(capsys, "a.json", "b.json")["warnings"] == [
        "m has no s for 1 of 36 answers, so we leave these repeats out of all strategies.",
        "n answered 11 of 35 examples, counting each repeat, so we compare all on only 11: ask it the others too and "
        "add their rows (score 0 if it gives no answer), or leave it out.",
    ]


def test_inspect_seconds_and_tokens_are_those_of_the_model() -> None:
    [trial] = read(FILES / "inspect" / "json" / "small.json").trials
    answered = [one for one in samples_of("small.json") if "error" not in one]
    known = [one for one in trial.outcomes if one.error is None]
    assert [one.seconds for one in known] == [one["working_time"] for one in answered]
    used = [one["model_usage"]["mockllm/small"] for one in answered]
    assert [(one.tokens_in, one.tokens_out) for one in known] == [
        (one["input_tokens"], one["output_tokens"]) for one in used
    ]
    assert all(one.seconds is None and one.score == 0 for one in trial.outcomes if one.error)


def test_arguments_of_a_task_name_strategies(capsys: pytest.CaptureFixture[str]) -> None:
    told = scores(decide(capsys, FILES / "inspect" / "arguments"))
    assert told == {"style=long": pytest.approx(ACCURACY["long"]), "style=short": pytest.approx(ACCURACY["short"])}


def test_of_several_scorers_the_person_chooses(capsys: pytest.CaptureFixture[str]) -> None:
    folder = FILES / "inspect" / "two_scorers"
    assert refused(capsys, folder) == (
        "Inspect recorded several metrics here: choose one of match, includes with --metric.\n"
    )
    assert "no metric “f1” here: choose --metric from match, includes" in refused(capsys, folder, "--metric", "f1")
    told = scores(decide(capsys, folder, "--metric", "Includes"))
    assert told == {f"mockllm/{name}": pytest.approx(ACCURACY[f"includes {name}"]) for name in ("small", "large")}


def test_promptfoo_compares_prompts_and_providers_in_one_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = FILES / "promptfoo" / "repeats.json"
    results = json.loads(path.read_text())["results"]["results"]
    decision = decide(capsys, path)
    for at, (model, prompt) in enumerate((model, prompt) for model in ("small", "large") for prompt in PROMPTS):
        own = [one for one in results if one["promptIdx"] == at]
        [told] = [one for one in decision["candidates"] if one["id"] == f"{model}, {prompt}"]
        assert told["score"]["mean"] == pytest.approx(fmean(one["score"] for one in own))
        assert told["latency_seconds"]["p50"] == pytest.approx(median(one["latencyMs"] / 1000 for one in own), rel=0.2)
        assert told["cost"]["per_1000"] == pytest.approx(1000 * fmean(one["cost"] for one in own))
        assert told["tokens_in_mean"] == pytest.approx(fmean(one["response"]["tokenUsage"]["prompt"] for one in own))
    [first, *_] = read(path).trials
    assert len(first.outcomes) == 24 and len({one.group for one in first.outcomes}) == 12
    for metric in ("success", "exact"):
        told_scores = scores(decide(capsys, path, "--metric", metric))
        exact = [one["namedScores"]["exact"] for one in results if one["promptIdx"] == 2]
        assert told_scores[f"large, {PROMPTS[0]}"] == pytest.approx(fmean(exact))


def test_an_error_of_a_provider_is_no_wrong_answer_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads((FILES / "promptfoo" / "repeats.json").read_text())
    [*_, one] = (one for one in value["results"]["results"] if one["promptIdx"] == 2 and one["score"] == 1)
    one.update(failureReason=2, score=0, success=False, error="API error: 429 Too Many Requests\x1b[31m")
    Path("a.json").write_text(json.dumps(value))
    decision = decide(capsys, "a.json")
    [told] = [each for each in decision["warnings"] if "failed" in each]
    assert told == (
        "We count 1 of 24 answers of large, {{question}} as wrong because they failed (first: API error: 429 Too Many "
        "Requests [31m)."
    )
    assert [each["failed_answers"] for each in decision["candidates"]].count(1) == 1


def test_a_cached_answer_has_no_seconds_and_no_cost() -> None:
    value = json.loads((FILES / "promptfoo" / "repeats.json").read_text())
    for one in value["results"]["results"]:
        one["response"] |= {"cached": True}
    Path("a.json").write_text(json.dumps(value))
    found = read(Path("a.json"))
    assert {one.seconds for trial in found.trials for one in trial.outcomes} == {None} and not found.quotes


def test_a_cost_from_seconds_beside_recorded_ones_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A model of a service whose price the tool doesn't know would win, because machine time is cheap."""
    path = FILES / "promptfoo" / "repeats.json"
    value = json.loads(path.read_text())
    for one in value["results"]["results"]:
        one["cost"] = None if one["promptIdx"] == 2 else 0.5
    Path("a.json").write_text(json.dumps(value))
    name = f"large, {PROMPTS[0]}"
    [said] = [one for one in decide(capsys, "a.json")["warnings"] if "machine's price" in one]
    assert said == (
        f"We found no cost of {name}, so we computed it from the seconds and the machine's price. If your machine "
        "didn't write these answers, give their per_1000 with --costs."
    )
    with Path("costs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("strategy", "one_off", "per_1000"), (name, "", 400)])
    for options in ([path], ["a.json", "--costs", "costs.csv"], ["a.json", "--hosted", "OpenAI: GPT-5.4 mini"]):
        assert not [one for one in decide(capsys, *options)["warnings"] if "machine's price" in one]


def test_lines_of_a_run_that_was_stopped_are_compared_on_what_all_answered(capsys: pytest.CaptureFixture[str]) -> None:
    decision = decide(capsys, FILES / "promptfoo" / "stopped.jsonl")
    assert {one["score"]["n"] for one in decision["candidates"]} == {22}
    assert any("answered 22 of 24 examples" in one for one in decision["warnings"])


def test_old_files_of_promptfoo_dont_number_their_prompts(capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads((FILES / "promptfoo" / "repeats.json").read_text())
    before = scores(decide(capsys, FILES / "promptfoo" / "repeats.json"))
    for one in value["results"]["results"]:
        del one["promptIdx"], one["testIdx"]
    Path("a.json").write_text(json.dumps(value))
    found = scores(decide(capsys, "a.json"))
    assert sorted(found.values()) == sorted(before.values()) and len(found) == 4
    assert found[f"large, {PROMPTS[0]}"] == before[f"large, {PROMPTS[0]}"]


def test_tests_with_the_same_variables_are_not_mistaken_for_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """Each question is in an easy and in a hard test. Both providers are right in the easy ones alone, and the first
    one lacks half of these."""
    results = [
        {**RESULT, "promptIdx": prompt, "testIdx": test, "vars": {"q": test // 2}, "score": 1 - test % 2}
        | {"provider": {"id": "ab"[prompt]}}
        for test in range(48)
        for prompt in range(2)
        if prompt or test % 2 or test >= 24
    ]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, results)))
    assert scores(decide(capsys, "a.jsonl")) == {"a": pytest.approx(1 / 3), "b": pytest.approx(1 / 3)}


def test_old_files_of_promptfoo_dont_say_why_an_answer_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """There, an answer that fails an assertion has an error too."""
    value = json.loads((FILES / "promptfoo" / "repeats.json").read_text())
    for one in value["results"]["results"]:
        del one["failureReason"]
        one["error"] = None if one["success"] else "Expected output to equal Rome"
        one["response"]["output"] = "an answer"
    one.update(error="API error: 429", response={"error": "API error: 429"}, score=0, success=False)
    Path("a.json").write_text(json.dumps(value))
    assert [each["failed_answers"] for each in decide(capsys, "a.json")["candidates"]].count(1) == 1


@pytest.mark.parametrize("added", ["_conversation", "stored"])
def test_earlier_answers_in_a_conversation_are_no_other_example(added: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = json.loads((FILES / "promptfoo" / "repeats.json").read_text())
    before = scores(decide(capsys, FILES / "promptfoo" / "repeats.json"))
    for at, one in enumerate(value["results"]["results"]):
        if added == "stored":
            one["testCase"] = {"vars": dict(one["vars"])}
        one["vars"][added] = [{"prompt": "hello", "output": f"answer {at}"}]
    Path("a.json").write_text(json.dumps(value))
    assert scores(decide(capsys, "a.json")) == before


def test_the_csv_of_promptfoo_is_refused_with_the_way_to_write_json(capsys: pytest.CaptureFixture[str]) -> None:
    path = FILES / "promptfoo" / "results.csv"
    assert "results.csv is promptfoo's CSV, which lacks times, tokens and costs" in refused(capsys, path)


def test_deepeval_shows_which_way_a_metric_is_better(capsys: pytest.CaptureFixture[str]) -> None:
    folder = FILES / "deepeval"
    assert "choose one of Exact Match, Letter Overlap, Toxicity, success with" in refused(capsys, folder)
    cases = {
        run["hyperparameters"]["model"]: run["testCases"]
        for run in (json.loads(path.read_text()) for path in folder.glob("*.json"))
    }

    def of(metric: str) -> dict[str, list[float]]:
        return {
            name: [
                one["score"] for case in each for one in case["metricsData"] if one["name"] == metric and "score" in one
            ]
            for name, each in cases.items()
        }

    exact = decide(capsys, folder, "--metric", "Exact Match")
    assert scores(exact) == {name: pytest.approx(fmean(each)) for name, each in of("Exact Match").items()}
    toxic = decide(capsys, folder, "--metric", "toxicity")
    assert scores(toxic) == {name: pytest.approx(1 - fmean(each)) for name, each in of("Toxicity").items()}
    assert "Lower values of Toxicity pass, so the score is 1 minus its value." in toxic["warnings"]
    overlap = decide(capsys, folder, "--metric", "Letter Overlap")  # the judge failed on one case
    assert scores(overlap) == {name: pytest.approx(fmean(each)) for name, each in of("Letter Overlap").items()}
    assert (
        "small has no Letter Overlap for 1 of 24 answers, so we leave these examples out of all strategies."
        in (overlap["warnings"])
    )


def test_two_models_can_judge_by_the_same_metric_of_deepeval(capsys: pytest.CaptureFixture[str]) -> None:
    def run(*judges: str | None) -> str:
        metrics = [
            {"name": "Truth", "score": score, "evaluationModel": judge}
            for score, judge in zip((0.9, 0.1), judges, strict=True)
        ]
        return json.dumps({"testCases": [{"input": "q", "metricsData": metrics}], "metricsScores": []})

    Path("a.json").write_text(run("large", "small"))
    assert "choose one of Truth (large), Truth (small), success with" in refused(capsys, "a.json")
    assert scores(decide(capsys, "a.json", "--metric", "Truth (large)")) == {"a": 0.9}
    Path("a.json").write_text(run(None, None))
    assert "a.json, test case 1 has Truth twice; give the metrics different names" in refused(capsys, "a.json")


@pytest.mark.parametrize("kind", ["", "comma_"])
def test_ragas_has_a_column_per_metric_and_decimal_commas(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [FILES / "ragas" / f"{kind}{name}.csv" for name in ("small", "large")]
    told = scores(decide(capsys, *paths, "--metric", "letter_overlap"))
    for path in paths:
        with path.open() as file:
            rows = csv.DictReader(file, delimiter=";" if kind else ",")
            values = [float(row["letter_overlap"].replace(",", ".")) for row in rows if row["letter_overlap"]]
        assert len(values) == 23 and told[path.stem] == pytest.approx(fmean(values))


def test_ragas_scores_passages_without_answers(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(f"question {row},['passage'],reference,{row % 2}\n" for row in range(20))
    Path("a.csv").write_text(f"user_input,retrieved_contexts,reference,context_recall\n{rows}")
    assert scores(decide(capsys, "a.csv")) == {"a": 0.5}


def test_a_column_of_ragas_can_say_which_model_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """They would be repeats of one strategy otherwise, whose score is the mean of both."""
    paths = [FILES / "ragas" / f"{name}.csv" for name in ("small", "large")]
    apart = scores(decide(capsys, *paths, "--metric", "letter_overlap"))
    tables = [path.read_text().splitlines() for path in paths]
    for names in (("small", "large"), ("7", "")):  # a number is no metric
        lines = [f"{line},{name}" for (_, *rows), name in zip(tables, names, strict=True) for line in rows]
        Path("both.csv").write_text("\n".join([f"{tables[0][0]},Model", *lines]) + "\n")
        found = decide(capsys, "both.csv", "--metric", "letter_overlap")
        assert list(scores(found).values()) == list(apart.values())
        assert list(scores(found)) == [name or "no model" for name in names]


def test_a_metric_that_sounds_as_if_lower_were_better_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("small", "large"):
        text = (FILES / "ragas" / f"{name}.csv").read_text()
        Path(f"{name}.csv").write_text(text.replace("letter_overlap", "noise_sensitivity(mode=relevant)"))
    chosen = ("small.csv", "large.csv", "--metric", "noise_sensitivity(mode=relevant)")
    assert "is better when it is lower: add --better lower" in refused(capsys, *chosen)
    higher = scores(decide(capsys, *chosen, "--better", "higher"))
    lower = scores(decide(capsys, *chosen, "--better", "lower"))
    assert lower == {name: pytest.approx(1 - score) for name, score in higher.items()}


def test_a_table_may_have_repeats_and_scores_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["example;strategy;epoch;score"]
    for row in range(20):
        for epoch in (1, 2):
            lines += [f"q{row};a;{epoch};{('true', '87 %')[row % 2]}", f"q{row};b;{epoch};{('FALSE', '0,5')[row % 2]}"]
    Path("a.csv").write_text("\n".join(lines[:41]) + "\n")
    Path("b.csv").write_text("\n".join([lines[0], *lines[41:]]) + "\n")
    assert scores(decide(capsys, "a.csv", "b.csv")) == {"a": pytest.approx(0.935), "b": pytest.approx(0.25)}
    [a, _] = read(Path("a.csv"), Path("b.csv")).trials
    assert len(a.outcomes) == 40 and len({one.group for one in a.outcomes}) == 20
    assert "leave out --metric" in refused(capsys, "a.csv", "--metric", "score")
    of_b = "\n".join([lines[0], *lines[2::2]]).replace(";1;", ";1.0;").replace(";2;", ";2.0;")  # as pandas writes it
    Path("a.csv").write_text("\n".join([lines[0], *lines[1::2]]) + "\n")
    Path("b.csv").write_text(f"{of_b}\n")
    assert scores(decide(capsys, "a.csv", "b.csv")) == {"a": pytest.approx(0.935), "b": pytest.approx(0.25)}


def test_in_a_folder_what_has_no_scores_is_left_out_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(FILES / "inspect" / "epochs", "logs")
    Path("logs/listing.json").write_text('{"small.eval": {}}')
    assert any("We found no scores in listing.json" in one for one in decide(capsys, "logs")["warnings"])
    Path("logs/cut.json").write_bytes((FILES / "inspect" / "json" / "small.json").read_bytes()[:5000])
    warnings = decide(capsys, "logs")["warnings"]
    assert warnings[-1] == "We found no scores in cut.json, listing.json and left that out."
    assert warnings[-2].startswith("cut.json is not complete JSON in line ")
    Path("logs/large.eval").write_bytes(Path("logs/large.eval").read_bytes()[:5000])
    assert refused(capsys, "logs").startswith("large.eval isn't a whole log of Inspect, perhaps because it was cut off")
    Path("empty").mkdir()
    assert "holds no file with scores" in refused(capsys, "empty")


def zipped(files: Iterable[tuple[str, str]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files:
            archive.writestr(name, text)
    return out.getvalue()


def log(*samples: dict[str, Any]) -> str:
    return json.dumps({"status": "success", "plan": {}, "eval": {"task": "t", "model": "m"}, "samples": list(samples)})


def test_a_log_with_all_of_an_input_matches_one_with_its_start(capsys: pytest.CaptureFixture[str]) -> None:
    """The summaries in .eval keep 5,120 characters of a text, and the kind of a picture."""
    long, start = "é" * 6_000, f"{'é' * 5_120}...\n(content truncated)"
    whole = [{"type": "text", "text": long}, {"type": "image", "image": "data:…"}]
    kept = [{"type": "text", "text": start}, {"type": "text", "text": "(Image)"}]
    inputs = [(long, start), ([{"role": "user", "content": whole}], [{"role": "user", "content": kept}])]
    for inside, summary in inputs:
        Path("a.json").write_text(log({**ONE, "input": inside}))
        header = json.dumps({**json.loads(log()), "eval": {"task": "t", "model": "other"}})
        summaries = json.dumps([{**ONE, "input": summary}])
        Path("b.eval").write_bytes(zipped([("header.json", header), ("summaries.json", summaries)]))
        assert scores(decide(capsys, "a.json", "b.eval")) == {"m": 1, "other": 1}


ONE = {"id": 1, "epoch": 1, "scores": {"s": {"value": 1}}}
SAMPLE = {"doc_id": 0, "doc": {}, "resps": [], "filter": "none", "metrics": ["acc"], "acc": 1.0}
RESULT = {"promptIdx": 0, "vars": {"q": "a"}, "success": True, "score": 1, "provider": {"id": "p"}}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.eval", zipped([("_journal/start.json", "{}")]), "a.eval is a log that Inspect didn't finish"),
        ("a.eval", zipped([("header.json", "{"), ("summaries.json", "[]")]), "a.eval, header.json is not complete"),
        ("a.eval", zipped([("header.json", "[]"), ("summaries.json", "[]")]), "header.json is no JSON object"),
        ("a.json", log(), "a.json has no samples"),
        ("a.json", log(ONE, ONE), "a.json, sample 2: m answers example 1-"),
        ("a.json", log({**ONE, "epoch": "x"}), "a.json: samples › 0 › epoch isn't as the tool writes it"),
        ("a.json", log({"epoch": 1}), "a.json: samples › 0 › id isn't as the tool writes it (Field required)"),
        ("a.json", log({**ONE, "scores": {"s": {"value": "good"}}}), "a.json, sample 1: s is “good”; a score has"),
        ("a.json", log({**ONE, "scores": {"s": {"value": 7}}}), "a.json, sample 1: s is 7; a score has to be"),
        ("a.json", log({**ONE, "scores": {"s": {"value": [1]}}}), "sample 1: s is “[1]”; a score"),
        ("a.json", log({**ONE, "scores": {"s": {"value": float("nan")}}}), "m has no s; choose another --metric"),
        ("a.json", log({**ONE, "scores": {}}), "Inspect recorded no score for any answer here"),
        ("a.json", log({**ONE, "working_time": -1}), "a.json: samples › 0 › working_time isn't as the tool writes it"),
        ("a.json", log({**ONE, "scores": 3}), "a.json: samples › 0 › scores isn't as the tool writes it"),
        ("a.jsonl", f"{json.dumps(SAMPLE)}\n" * 2, "a.jsonl, line 2: doc_id 0 has acc twice"),
        ("a.jsonl", json.dumps({**SAMPLE, "doc_id": None}), "a.jsonl, line 1: doc_id"),
        ("a.jsonl", json.dumps({**SAMPLE, "acc": [1, 2]}), "a.jsonl, line 1: acc is “[1, 2]”"),
        ("a.jsonl", json.dumps(SAMPLE) + '\n{"doc_id"', "a.jsonl is not complete JSON in line 2"),
        ("a.jsonl", json.dumps({**SAMPLE, "metrics": ["perplexity"], "perplexity": 0.5}), "add --better lower"),
        ("a.json", '{"results": {}, "configs": {}, "versions": {}, "n-shot": {}}', "holds only the averages of"),
        ("a.jsonl", json.dumps({**RESULT, "latencyMs": "fast"}), "a.jsonl, line 1: latencyMs isn't as the tool"),
        ("a.jsonl", json.dumps({**RESULT, "vars": 1}), "a.jsonl, line 1: vars isn't as the tool writes it"),
        ("a.json", json.dumps({"results": {"results": [3]}}), "a.json, result 1 isn't as the tool writes it"),
        ("a.json", json.dumps({"results": {"results": []}}), "promptfoo recorded no score"),
        ("a.json", '{"testCases": [{"metricsData": 1}], "metricsScores": []}', "testCases › 0 › metricsData isn't"),
        ("a.json", '{"results": ' + "[" * 100_000, "a.json"),
    ],
)  # fmt: skip
def test_hostile_files_are_one_sentence(
    name: str, content: str | bytes, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert sentence in refused(capsys, name)


def test_a_log_that_unpacks_to_too_much_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.eval").write_bytes(zipped([("header.json", log()), ("summaries.json", " " * (201 * 2**20))]))
    assert "a.eval unpacks to more than 200 MB (summaries.json)" in refused(capsys, "a.eval")


def test_a_false_size_in_a_log_is_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """The size in the header of a file that is packed with Zstandard is smaller than what it unpacks to."""
    content = (FILES / "inspect" / "epochs" / "small.eval").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo("summaries.json").file_size
    Path("a.eval").write_bytes(content.replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little")))
    assert "a.eval is damaged (summaries.json cannot be unpacked)" in refused(capsys, "a.eval")


def test_files_of_several_tools_are_not_mixed(capsys: pytest.CaptureFixture[str]) -> None:
    ragas, inspect = FILES / "ragas" / "small.csv", FILES / "inspect" / "json" / "small.json"
    assert "small.csv is from Ragas and" in refused(capsys, ragas, inspect)
    Path("own.csv").write_text("example,strategy,score\nq1,a,1\n")
    assert "own.csv is a table and small.csv is from Ragas" in refused(capsys, "own.csv", ragas)


def test_the_encoding_of_a_file_doesnt_matter(capsys: pytest.CaptureFixture[str]) -> None:
    """PowerShell writes UTF-16 where it redirects what a tool prints."""
    paths = [FILES / "inspect" / "json" / f"{name}.json" for name in ("small", "large")]
    before = scores(decide(capsys, *paths))
    contents = [path.read_text() for path in paths]
    for encoding in ("utf-16-le", "utf-16-be", "utf-8"):
        for path, text in zip(paths, contents, strict=True):
            Path(path.name).write_bytes(f"\ufeff{text}".encode(encoding))
        assert scores(decide(capsys, "small.json", "large.json")) == before
    for path, text in zip(paths, contents, strict=True):
        Path(f"{path.name}.gz").write_bytes(gzip.compress(text.encode()))
    assert scores(decide(capsys, "small.json.gz", "large.json.gz")) == before
    Path("logs").mkdir()
    for path in paths:
        shutil.move(f"{path.name}.gz", "logs")
    assert sorted(scores(decide(capsys, "logs")).values()) == sorted(before.values())


def test_the_name_of_a_file_doesnt_matter(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(FILES / "inspect" / "epochs" / "small.eval", "results.zip")
    shutil.copy(FILES / "inspect" / "json" / "large.json", "samples.txt")
    assert set(scores(decide(capsys, "results.zip", "samples.txt"))) == {"mockllm/small", "mockllm/large"}
