"""Downloaded baselines answer without Threeways, as they did in their run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from advisor.plan import BASELINES_STEP, Plan, Setup
from advisor.render.baseline_zip import ALWAYS_THE_SAME
from advisor.render.fitted_zip import can_download, unpacked_bytes, write_fitted_zip
from advisor.storage.store import Store
from advisor.storage.task_file import task_to_json
from eval.mapping.kinds import labels_for
from eval.task import BadInput, Document, Example, Kind, Split, Task
from strategies.presets import PRESETS
from strategies.registry import BASELINES, baselines_for, class_at

TABLE = b"message,label\n" + b"".join(b"text %d,%s\n" % (row, (b"yes", b"no")[row % 2]) for row in range(30))
TARGETS = {
    Kind.CLASSIFICATION: ("refund", "delivery", "account"),
    Kind.MULTI_LABEL: ("refund; urgent", "delivery; urgent", "account; urgent; new"),
    Kind.NUMBER: ("1", "4.5", "2"),
    Kind.ANSWERING: ("14 days", "the third floor", "Maria"),
}
WORDS = {
    "english": ("my money {}", "the parcel {}", "a password {}"),
    "chinese": ("退款在哪里 {}", "包裹没有到 {}", "密码忘记了 {}"),
    "wordless": ("!", "?!", "..."),
}
DOCUMENTS = (
    Document("returns", "Returns", "Goods can be sent back within 14 days. The desk is on the third floor."),
    Document("people", "", "Maria answers the telephone. The lamp workshop is closed on Mondays."),
)
PROGRAM = """
import answer, functools, json, sys
from pathlib import Path
answer.load_encoder = functools.cache(answer.load_encoder)  # loading it once is enough to test it
texts = json.loads(sys.argv[1])
print(json.dumps({name: [strategy.answer(text) for text in texts] for name in sys.argv[2:]
                  if (strategy := Strategy(Path(name)))}))
assert not {'strategies', 'advisor', 'eval'} & sys.modules.keys()
"""


def test_a_downloaded_baseline_gives_the_same_answers_without_threeways(tmp_path: Path) -> None:
    """The code of the README, in a process of its own that can't import this project."""
    store, expected, code = Store(tmp_path / "home"), {}, ""
    asked = ["where is my parcel?", "money", "包裹呢", ""]
    cases = [("english", kind) for kind in TARGETS] + [("chinese", Kind.CLASSIFICATION)]
    cases += [("wordless", kind) for kind in (Kind.CLASSIFICATION, Kind.MULTI_LABEL)]
    for language, kind in cases:
        targets = TARGETS[kind][:1] if language == "wordless" else TARGETS[kind]
        rows = tuple(
            Example(f"r{at}", WORDS[language][at % 3].format(at), targets[at % len(targets)]) for at in range(30)
        )
        documents = DOCUMENTS if kind is Kind.ANSWERING else ()
        task = Task("tiny", kind, "", rows, documents, labels_for(kind, rows))
        split = Split(rows[:18], rows[18:24], rows[24:])
        plan = Plan(store.add_dataset("tiny.csv", TABLE).id, Setup("message", "label"), seed=3)
        run = store.add_run(plan, task_to_json(task, split))
        for name in baselines_for(kind, bool(documents)):
            baseline = class_at(BASELINES[name])(task.brief, PRESETS["quick"].budget(kind), 3)
            fitted = store.run_folder(run.id) / BASELINES_STEP / name / "fitted"
            fitted.mkdir(parents=True)
            baseline.fit(split.without_test, documents, lambda _: None)
            baseline.save(fitted)
            if name in ALWAYS_THE_SAME:
                assert not can_download(store, run, name)
                continue
            assert can_download(store, run, name) and unpacked_bytes(store, run, name) > 1000
            there = tmp_path / "there" / f"{language}-{kind}-{name}"
            write_fitted_zip(store, run, name, tmp_path / "baseline.zip")
            with zipfile.ZipFile(tmp_path / "baseline.zip") as archive:
                archive.extractall(there)
            expected[there.name] = [prediction.text for prediction in baseline.predict(asked)]
            code = (there / "README.md").read_text().split("```python\n")[1].split("```")[0]
    assert len(expected) == 29
    answered = subprocess.run(
        [sys.executable, "-c", code.split("\n")[0] + PROGRAM, json.dumps(asked), *expected],
        cwd=tmp_path / "there",
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        | {"PYTHONPATH": str(tmp_path / "there" / next(iter(expected)))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    assert json.loads(answered.stdout.splitlines()[-1]) == expected


def test_a_baseline_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    rows = tuple(Example(f"r{at}", f"text {at}", "ab"[at % 2]) for at in range(9))
    task = Task("tiny", Kind.CLASSIFICATION, "", rows, (), ("a", "b"))
    plan = Plan(store.add_dataset("tiny.csv", TABLE).id, Setup("message", "label"))
    run = store.add_run(plan, task_to_json(task, Split(rows[:3], rows[3:6], rows[6:])))
    fitted = store.run_folder(run.id) / BASELINES_STEP / "nearest_example" / "fitted"
    fitted.mkdir(parents=True)
    (fitted / "baseline.json").write_text("{}")
    with pytest.raises(BadInput, match="The fitted files of Nearest example can't be read"):
        write_fitted_zip(store, run, "nearest_example", tmp_path / "baseline.zip")
