"""A person compares answers blind, on a report and on data before a run."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from advisor.render.markdown import render_markdown
from advisor.runs.report_files import write_report
from advisor.storage.clicks import read_clicks
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.wording import name_of
from eval.blind.pairs import Choice
from eval.outcomes import Trial
from eval.task import Kind
from tests.app import html_of, open_page

MakeTrials = Callable[..., tuple[Trial, ...]]
Finish = Callable[..., StoredRun]
_SHOWN = re.compile(
    r"<p class=\"quiet small\" role=\"status\">(.*?)</p>.*<h3>Input</h3>.*?>(.*?)</p>.*expected answer</summary>"
    r"<p class=\"text\">(.*?)</p>.*<h3>Left\b.*?<p.*?>(.*?)</p>.*<h3>Right\b.*?<p.*?>(.*?)</p>",
    re.DOTALL,
)


def shown(app: AppTest) -> tuple[str, ...]:
    """The progress, the input, the expected answer, the left one and the right one."""
    (body,) = [element.proto.body for element in app.get("html") if 'class="blind"' in element.proto.body]
    found = _SHOWN.search(body)
    assert found
    return tuple(unescape(part) for part in found.groups())


def say(app: AppTest, choice: Choice) -> None:
    app.button(key=f"blind-{choice}").click().run()
    assert not app.exception


def as_expected(expected: str, left: str, right: str) -> Choice:
    """What somebody says who knows the right answers."""
    if (left == expected) == (right == expected):
        return Choice.BOTH if left == expected else Choice.NEITHER
    return Choice.LEFT if left == expected else Choice.RIGHT


def as_nobody(expected: str, left: str, right: str) -> Choice:
    """What somebody says who wants the opposite."""
    return {Choice.LEFT: Choice.RIGHT, Choice.RIGHT: Choice.LEFT}.get(
        choice := as_expected(expected, left, right), choice
    )


def compare(app: AppTest, judge: Callable[[str, str, str], Choice], pairs: int) -> None:
    """Compares so many pairs, then stops."""
    app.button(key="blind-start").click().run()
    for _ in range(pairs):
        _, _, *texts = shown(app)
        say(app, judge(*texts))
    if any(button.key == "blind-stop" for button in app.button):
        app.button(key="blind-stop").click().run()


def test_twenty_clicks_are_blind_and_then_say_whether_the_score_agrees(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("Report", run=run.id)
    assert 'class="blind"' not in html_of(app)
    app.button(key="blind-start").click().run()
    seen = set()
    for done in range(20):
        (body,) = [element.proto.body for element in app.get("html") if 'class="blind"' in element.proto.body]
        assert not any(name_of(name) in body or name in body for name in ("prompting", "retrieval", "finetuning"))
        assert not re.search(r"(?<!\w)\d?\.\d", body), "a score"
        assert "The score agrees" not in html_of(app)
        progress, asked, *texts = shown(app)
        assert progress == f"{done} of 20 compared" and asked not in seen and texts[1] != texts[2]
        seen.add(asked)
        say(app, as_expected(*texts))
    said = html_of(app)
    clicks = read_clicks(store.run_folder(run.id))
    preferred = sum(click.choice in (Choice.LEFT, Choice.RIGHT) for click in clicks)
    assert len(clicks) == 20 and {click.asked_in for click in clicks} == {run.id}
    assert f"The score agrees with you on {preferred} of {preferred} pairs (95 % CI" in said
    assert "By your clicks, adapter fine-tuning is right in " in said and "Right by your clicks" in said
    assert "The score says the same" in said
    assert not [button for button in app.button if button.key == "blind-start"]
    report = store.report(run.id)
    assert report is not None and report.person is not None and report.person.verdict.agreement is not None
    assert report.person.verdict.agreement.mean == 1.0
    for name in ("report.md", "report.html"):
        written = (store.run_folder(run.id) / name).read_text()
        assert f"The score agrees with you on {preferred} of {preferred} pairs" in written
    table = list(csv.DictReader((store.run_folder(run.id) / "clicks.csv").read_text("utf-8-sig").splitlines()))
    assert len(table) == 20 and {row["left_by"] for row in table} > {"finetuning"}
    assert all(float(row["left_score"]) in (0.0, 1.0) for row in table)
    assert "Your clicks (CSV)" in [button.label for button in app.download_button]


def test_a_score_that_does_not_see_is_said_before_its_verdict(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("Report", run=run.id)
    compare(app, as_nobody, 12)
    said = html_of(app)
    assert said.count("see what you see: it agrees with you on only 0 of") == 2  # above the verdict, and in its section
    assert said.index("see what you see") < said.index("By your clicks") < said.index('class="verdict"')
    assert "The score prefers adapter fine-tuning" in said
    markdown, page = ((store.run_folder(run.id) / name).read_text() for name in ("report.md", "report.html"))
    report = store.report(run.id)
    assert report is not None
    assert markdown.index("see what you see: it") < markdown.index(report.recommendation.headline)
    assert page.index("see what you see: it") < page.index("<h1>")


def test_a_person_can_undo_stop_and_go_on(store: Store, finished: Finish) -> None:
    run = finished()
    app = open_page("Report", run=run.id)
    app.button(key="blind-start").click().run()
    assert app.button(key="blind-undo").disabled
    first = shown(app)
    say(app, Choice.BOTH)
    assert shown(app)[1:] != first[1:] and shown(app)[0] == "1 of 20 compared"
    app.button(key="blind-undo").click().run()
    assert shown(app) == first and read_clicks(store.run_folder(run.id)) == ()
    for _ in range(4):
        say(app, Choice.NEITHER)
    app.button(key="blind-stop").click().run()
    assert "You compared 4 pairs." in html_of(app) and "The score agrees" not in html_of(app)
    app = open_page("Report", run=run.id)  # another day
    app.button(key="blind-start").click().run()
    assert shown(app)[0] == "4 of 20 compared"
    say(app, Choice.LEFT)
    app.button(key="blind-stop").click().run()
    assert "The score agrees with you on" in html_of(app) and "of 1 pair (95 % CI" in html_of(app)
    assert "settle which is better" in html_of(app)
    assert app.button(key="blind-start").label == "Continue comparing"


def test_texts_are_shown_as_they_stand(synthetic_trials: MakeTrials, finished: Finish) -> None:
    bad = "<script>alert(1)</script> ![x](http://x.test/p.png)"
    trials = list(synthetic_trials())
    trials[0] = replace(trials[0], outcomes=tuple(replace(one, text=bad, cut_off=True) for one in trials[0].outcomes))
    trials[1] = replace(trials[1], outcomes=tuple(replace(one, text="") for one in trials[1].outcomes))
    app = open_page("Report", run=finished(trials).id)
    app.button(key="blind-start").click().run()
    texts: set[str] = set()
    for _ in range(4):
        texts |= set(shown(app)[3:])
        pair = html_of(app).partition('class="blind"')[2].partition("</article>")[0]
        assert (bad in shown(app)) == (">cut off</span>" in pair)
        say(app, Choice.NEITHER)
    assert {bad, "(no answer)"} <= texts
    assert "<script>" not in html_of(app)
    assert not any("x.test" in element.value for element in app.markdown)


def test_a_damaged_file_is_one_sentence_and_the_report_stands(store: Store, finished: Finish) -> None:
    run = finished()
    (store.run_folder(run.id) / "clicks.jsonl").write_text("{\n")
    said = html_of(open_page("Report", run=run.id))
    assert said.count("Your clicks can&#x27;t be read") == 1 and said.count('class="problem"') == 1
    assert 'class="verdict"' in said
    assert write_report(store.run_folder(run.id), run, [], store.steps(run.id)).person is None


def test_clicks_are_used_again_where_the_same_texts_come_up(
    store: Store, synthetic_trials: MakeTrials, finished: Finish
) -> None:
    first = finished()
    compare(open_page("Report", run=first.id), as_expected, 12)
    trials = list(synthetic_trials())
    gone = {trials[2].outcomes[row].example_id for row in range(0, 80, 2)}
    trials[2] = replace(
        trials[2],
        outcomes=tuple(
            replace(one, text="something new") if one.example_id in gone else one for one in trials[2].outcomes
        ),
    )
    again = finished(trials, follows=first.id)
    report = store.report(again.id)
    assert report is not None and report.person is not None
    carried = report.person.carried
    assert 5 <= carried < 12 and report.person.verdict.pairs == carried
    app = open_page("Report", run=again.id)
    assert f"{carried} of these clicks are from an earlier run" in html_of(app)
    app.button(key="blind-start").click().run()
    assert shown(app)[0] == f"{carried} of 20 compared" and app.button(key="blind-undo").disabled
    say(app, Choice.BOTH)
    app.button(key="blind-stop").click().run()
    report = store.report(again.id)
    assert report is not None and report.person is not None
    assert (report.person.verdict.pairs, report.person.carried) == (carried + 1, carried)


def test_without_answers_that_differ_there_is_nothing_to_compare(
    synthetic_trials: MakeTrials, finished: Finish
) -> None:
    run = finished(synthetic_trials()[:1])
    assert "Check the score yourself" not in html_of(open_page("Report", run=run.id))


def test_before_a_run_right_answers_stand_beside_corrupted_ones_and_the_run_takes_the_clicks_over(
    store: Store, finished: Finish
) -> None:
    app = open_page("Start")
    app.button(key="use-handbook_questions").click().run()
    assert "Does the score see what you see?" in html_of(app)
    compare(app, lambda expected, left, right: Choice.LEFT if sharing(left, right, expected) else Choice.RIGHT, 10)
    said = html_of(app)
    assert re.search(r"The score agrees with you on [\d.]+ of 10 pairs \(95 % CI", said)
    assert "The right answer in other words" in said
    assert len(read_clicks(store.dataset_folder(app.query_params["dataset"]))) == 10
    app.button(key="choose").click().run()
    app.button(key="run").click().run()
    (run,) = store.runs()
    assert len(read_clicks(store.run_folder(run.id))) == 10
    report = write_report(store.run_folder(run.id), run, [], store.steps(run.id))
    assert report.person is not None and report.person.before is not None
    assert report.person.verdict.pairs == 0 and report.person.before.n == 10
    assert "On other answers that you compared before this run, the score agrees with you on" in render_markdown(report)
    assert len(json.loads((store.run_folder(run.id) / "report.json").read_text())["person"]["before"]) == 5


def sharing(left: str, right: str, expected: str) -> bool:
    """Whether the left text holds more words of the expected answer."""
    words = set(re.findall(r"\w+", expected.lower()))
    return len(words & set(re.findall(r"\w+", left.lower()))) > len(words & set(re.findall(r"\w+", right.lower())))


@pytest.mark.parametrize(
    ("sample", "is_asked"), [("support_tickets", False), ("order_messages", False), ("house_style_replies", True)]
)
def test_before_a_run_only_written_answers_are_compared(store: Store, sample: str, is_asked: bool) -> None:
    app = open_page("Start")
    app.button(key=f"use-{sample}").click().run()
    assert ("Does the score see what you see?" in html_of(app)) is is_asked
    kind = app.segmented_control[0].value
    assert isinstance(kind, str)
    assert (Kind(kind) in (Kind.ANSWERING, Kind.WRITING)) is is_asked
