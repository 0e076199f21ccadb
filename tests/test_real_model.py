"""The embedded SmolLM2 and MiniLM, for real, on a small slice of a sample."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from advisor.runs.timing import take_speed
from advisor.storage.store import Store
from strategies.engine.language_model import Message
from strategies.engine.models import EMBEDDED, embedded_gguf
from strategies.engine.rendering import ChatForm
from strategies.engine.weights import load_language_model, model_folder
from tests.tiny_strategies import SPEED

ROOT = Path(__file__).parents[1]
CANDIDATE_KEYS = {
    "status", "score", "latency_seconds", "requests_per_second", "tokens_in_mean",
    "tokens_out_mean", "fit_seconds", "cost", "settings", "effort",
}  # fmt: skip

pytestmark = pytest.mark.slow


def advise(home: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "advisor", *arguments],
        cwd=ROOT,
        env={**os.environ, "THREEWAYS_HOME": str(home)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def handbook_slice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slice") / "handbook.csv"
    with (ROOT / "examples" / "handbook_questions.csv").open(newline="") as whole, path.open("w", newline="") as part:
        csv.writer(part).writerows(list(csv.reader(whole))[:31])
    return path


def test_a_timing_knows_how_busy_the_machine_was(tmp_path: Path) -> None:
    store = Store(tmp_path)
    take_speed(store, EMBEDDED)
    timed = store.speed(EMBEDDED)
    assert timed is not None and timed.speed is not None, timed
    assert timed.speed.read > 0 and timed.speed.busy is not None and 0 <= timed.speed.busy <= 1


def test_a_comparison_on_the_command_line(handbook_slice: Path, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    Store(home).save_speed(EMBEDDED, SPEED)  # as on a machine that was timed before: the browser walk times one
    finished = advise(
        home, "compare", str(handbook_slice), "--docs", str(ROOT / "examples" / "handbook"),
        "--strategies", "prompting,retrieval", "--preset", "quick", "--out", str(out), "--json",
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report == json.loads((out / "report.json").read_text())
    assert report["schema"] == 2 and report["task"]["kind"] == "answering"
    found = {candidate["id"]: candidate for candidate in report["candidates"]}
    assert all(candidate.keys() >= CANDIDATE_KEYS and candidate["status"] == "done" for candidate in found.values())
    assert found["retrieval"]["hit_rate"] > 0.6
    assert found["retrieval"]["score"]["mean"] > found["prompting"]["score"]["mean"]  # no model knows an invented firm
    assert report["recommendation"]["choice"] in found
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "report.md", "outcomes.csv"}

    asked = "Which form do I need when my locker key is broken?\nWho runs the canteen?\n"
    answered = advise(home, "predict", report["run_id"], "--strategy", "retrieval", given=asked)
    assert answered.returncode == 0, answered.stderr
    assert len(answered.stdout.splitlines()) == 2 and all(answered.stdout.splitlines())


def test_the_fast_engine_says_what_transformers_says() -> None:
    model = load_language_model(EMBEDDED)
    plain = AutoModelForCausalLM.from_pretrained(model_folder(EMBEDDED), dtype=torch.float32).eval()
    words = ("a lamp that broke", "two mugs", "the late parcel", "a refund", "tea", "my account and its password")
    asked = [
        (
            Message("system", "Say in a few words what the message is about, as a clerk would note it down."),
            Message("user", f"I write to you about {what}, please help me."),
        )
        for what in words
    ]
    labels = ("order", "delivery", "refund of money", "refund", "account", "something else entirely")
    scores = model.score(asked, labels).log_probabilities
    best = model.score(asked, labels, compare=lambda scores: [scores.log_probabilities]).log_probabilities
    written = model.write(asked, max_tokens=10)
    for row, prompt in enumerate(asked):
        ids = torch.tensor([model.encode(prompt)])
        with torch.inference_mode():
            for at, label in enumerate(labels):
                own = [*model.encode_answer(label), model.end]  # "refund" begins another label, so that all are closed
                steps = plain(torch.cat([ids, torch.tensor([own])], dim=1)).logits[0, -len(own) - 1 : -1]
                expected = steps.log_softmax(-1)[range(len(own)), own].sum().item()
                assert scores[row, at] == pytest.approx(expected, abs=1e-3)
            answer = plain.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False
            )[0, ids.shape[1] :]  # fmt: skip
        assert best[row].argmax() == scores[row].argmax()
        text = model.tokenizer.decode(answer, skip_special_tokens=True)
        assert isinstance(text, str) and written[row].text == text.strip()


def test_a_copy_of_the_weights_is_not_unpacked_again(tmp_path: Path) -> None:
    """As after a new installation: unpacked, they take half a gigabyte."""
    gguf = embedded_gguf()
    assert gguf is not None
    copy = tmp_path / gguf.name
    shutil.copyfile(gguf, copy)
    assert model_folder(str(copy)) == model_folder(EMBEDDED)


def test_the_embedded_model_is_asked_in_the_words_of_its_template() -> None:
    """Byte by byte: every figure in docs/benchmarks.md was measured with these prompts. A special token that a text
    spells out gets a space, which it didn't then."""
    tokenizer = AutoTokenizer.from_pretrained(model_folder(EMBEDDED))
    form = ChatForm(tokenizer)
    shown = (Message("user", " A lamp\n"), Message("assistant", "refund </think>"))
    rendered = form.render((Message("system", "Sort it. "), *shown, Message("user", "<|im_end|> \tTwo  mugs 🙂")))
    assert rendered.text == (
        "<|im_start|>system\nSort it. <|im_end|>\n<|im_start|>user\n A lamp\n<|im_end|>\n"
        "<|im_start|>assistant\nrefund </think><|im_end|>\n<|im_start|>user\n< |im_end|> \tTwo  mugs 🙂<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert rendered.ids == tokenizer(rendered.text, add_special_tokens=False)["input_ids"]
    alone = form.render((Message("user", "Who?"),)).text
    assert alone == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
    )
    for answer in ("refund", " two\n\nlines", "12.50", "\n", "a;b", "é"):
        assert form.encode_answer(answer) == tokenizer(answer, add_special_tokens=False)["input_ids"]
    assert form.end not in form.encode_answer("<|im_end|>")
    assert form.end == tokenizer.eos_token_id == 2 and not form.notes
