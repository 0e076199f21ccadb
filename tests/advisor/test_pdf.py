"""A real browser prints real reports; skipped where there is none."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pypdf
import pytest

from advisor.render import pdf
from advisor.render.html import render_html
from advisor.render.pdf import NO_BROWSER, find_browser, render_pdf
from advisor.schema import Report
from advisor.sections.blocks import lead_of, plain
from advisor.sections.contents import sections_of
from eval.outcomes import Trial
from eval.task import BadInput, Example, Kind, Split, Task

MakeReport = Callable[..., Report]
MakeTask = Callable[..., Task]
MakeSplit = Callable[[Task], Split]
MakeTrials = Callable[..., tuple[Trial, ...]]
PrintRows = Callable[..., pypdf.PdfReader]

needs_browser = pytest.mark.skipif(find_browser() is None, reason="no Chromium, Chrome or Edge on this machine")
_A4 = (595, 842)  # points
_CHINESE = ("我买的洗衣机还没有送到，请帮我处理一下", "物流", "质量")
_UNBROKEN = "x" * 300


@pytest.fixture
def print_rows(
    synthetic_report: MakeReport, synthetic_task: MakeTask, synthetic_split: MakeSplit, synthetic_trials: MakeTrials
) -> PrintRows:
    """`print_rows(name, inputs, labels)`: the PDF of a classification where the rows take turns with these texts."""

    def print_them(name: str, inputs: Sequence[str], labels: Sequence[str]) -> pypdf.PdfReader:
        known: dict[str, str] = {}

        def label(text: str | None) -> str:
            return known.setdefault(text or "", labels[len(known) % len(labels)])

        def row(place: int, example: Example) -> Example:
            return replace(example, input=inputs[place % len(inputs)], target=label(example.target))

        task = synthetic_task()
        examples = tuple(row(place, example) for place, example in enumerate(task.examples))
        task = replace(task, name=name, examples=examples, labels=tuple(labels))
        trials = tuple(
            replace(
                trial,
                outcomes=tuple(
                    replace(one, text=label(one.text), expected=label(one.expected)) for one in trial.outcomes
                ),
            )
            for trial in synthetic_trials()
        )
        split = synthetic_split(task)
        report = synthetic_report(task=task, split=split, trials=trials, warnings=list(inputs))
        return _read(render_pdf(render_html(report, trials, split.test)))

    return print_them


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("kind", [Kind.CLASSIFICATION, Kind.WRITING])
def test_everything_the_report_says_is_printed(
    synthetic_report: MakeReport,
    synthetic_task: MakeTask,
    synthetic_split: MakeSplit,
    synthetic_trials: MakeTrials,
    kind: Kind,
) -> None:
    report, trials = synthetic_report(kind), synthetic_trials(kind)
    printed = _read(render_pdf(render_html(report, trials, synthetic_split(synthetic_task(kind)).test)))
    assert 5 < len(printed.pages) < 25
    assert {tuple(map(round, page.mediabox[2:])) for page in printed.pages} == {_A4}
    said = _said(printed)
    for section in sections_of(report):
        texts = _texts(plain(replace(section, blocks=section.beyond_summary)))
        assert [text for text in texts if _packed(text) not in said] == [], section.title
    headings = {entry.title for entry in _flat(printed.outline)}
    assert all({section.title, lead_of(section.title)} & headings for section in sections_of(report))
    assert lead_of("Answers side by side") in headings
    assert printed.metadata is not None and report.recommendation.headline in str(printed.metadata.title)
    first, *_, last = [page.extract_text() for page in printed.pages]
    assert _packed(report.recommendation.headline) in _packed(first)
    assert _packed(report.recommendation.confidence_line) in _packed(first)
    assert f"1 / {len(printed.pages)}" in first and f"{len(printed.pages)} / {len(printed.pages)}" in last
    assert "Question number 239" in last and all("Synthetic" in page for page in (first, last))


@needs_browser
@pytest.mark.slow
def test_what_is_too_wide_for_the_page_is_broken_into_lines(print_rows: PrintRows) -> None:
    printed = print_rows(_UNBROKEN, [_UNBROKEN], [_UNBROKEN, "other"])
    assert all(_UNBROKEN not in page.extract_text() for page in printed.pages)
    assert _said(printed).count(_UNBROKEN) >= 80
    assert len(printed.pages) < 120


@needs_browser
@pytest.mark.slow
def test_chinese_is_printed_as_chinese(print_rows: PrintRows) -> None:
    if not _has_chinese_font():
        pytest.skip("no font with Chinese letters on this machine")
    question, *labels = _CHINESE
    printed = print_rows("客服问题分类", [question], labels)
    said = _said(printed)
    assert all(text in said for text in (*_CHINESE, "客服问题分类")) and "\ufffd" not in said
    assert said.count(question) >= 80


@needs_browser
@pytest.mark.slow
def test_hostile_text_is_printed_and_neither_runs_nor_loads_anything(print_rows: PrintRows) -> None:
    with _server() as (address, asked):
        hostile = [
            "<script>document.title = 'owned'; document.body.textContent = 'owned'</script>",
            f"<img src='{address}/img' onerror='document.title = `owned`'>",
            f"</td></table></style><style>body {{ background: url({address}/css) }}</style>",
            "<iframe src='file:///etc/passwd'></iframe>",
            f"'; }} }} body {{ display: none }} @import url({address}/import); /*",
            "</details></section></main></body></html>",
        ]
        printed = print_rows(hostile[4], hostile, [hostile[0], hostile[1]])
        assert asked == []
    said = _said(printed)
    assert all(_packed(text) in said for text in hostile)
    assert "Threeways" in printed.pages[-1].extract_text() and "root:" not in said
    assert printed.metadata is not None and not str(printed.metadata.title).startswith("owned")


@needs_browser
@pytest.mark.slow
def test_the_browser_reaches_no_address_whatever_the_page_asks_for() -> None:
    with _server() as (address, asked):
        port = address.rpartition(":")[2]
        page = "".join(f"<img src='http://{host}:{port}/'>" for host in ("127.0.0.1", "localhost"))
        printed = _read(render_pdf(f"<p>Printed</p>{page}<script>fetch('{address}/fetch')</script>"))
        assert asked == [] and "Printed" in printed.pages[0].extract_text()


def test_without_a_browser_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, synthetic_report: MakeReport) -> None:
    monkeypatch.setenv("CHROME", "/no/such/browser")
    assert find_browser() is None
    with pytest.raises(BadInput, match=re.escape(NO_BROWSER)):
        render_pdf(render_html(synthetic_report()))


@pytest.mark.parametrize(
    ("program", "reason"),
    [("exit 3", "it ended with code 3"), ("exit 0", "ended without writing one"), ("sleep 60 & wait", "0.5 seconds")],
)
def test_a_browser_that_fails_is_named_with_the_reason(
    program: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = tmp_path / "chromium"
    browser.write_text(f"#!/bin/sh\n{program}\n")
    browser.chmod(0o755)
    monkeypatch.setenv("CHROME", str(browser))
    monkeypatch.setattr(pdf, "SECONDS", 0.5)
    with pytest.raises(BadInput, match=rf"^chromium could not make the PDF: .*{reason}\. Open report\.html in your"):
        render_pdf("<p>Anything</p>")


@needs_browser
@pytest.mark.slow
def test_a_browser_that_takes_too_long_is_ended_with_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(pdf, "SECONDS", 2)
    endless = "<script>for (;;);</script>"  # no report has scripts: this stands for a page that is never done
    with pytest.raises(BadInput, match="it took longer than 2 seconds"):
        render_pdf(endless)
    own = [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or [])]
    assert psutil.wait_procs(own, timeout=5)[1] == []  # what was killed may take a moment to be gone
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _server() -> Iterator[tuple[str, list[str]]]:
    """The address of a web server, and the paths that it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def _read(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content))


def _packed(text: str) -> str:
    """Without white space: lines break where they must."""
    return "".join(text.split())


def _said(printed: pypdf.PdfReader) -> str:
    """All that the pages say, without their feet, which would stand in the middle of a sentence."""
    number = f"/{len(printed.pages)}"
    feet = re.compile(rf"^\d+{number}Threeways·.*?(\d{{4}}-\d\d-\d\d|\.\.\.)")
    return "".join(feet.sub("", _packed(page.extract_text())) for page in printed.pages)


def _texts(block: Any) -> Iterator[str]:
    """The words in a section as `plain` gives it."""
    match block:
        case str():
            yield block
        case dict():
            named = (value for name, value in block.items() if name not in ("id", "kind", "look", "cells"))
            for value in named:
                yield from _texts(value)
            yield from (re.sub(r" \(.*\)$", "", cell) for cell in block.get("cells", ()))
        case list():
            for each in block:
                yield from _texts(each)


def _flat(outline: Sequence[Any]) -> Iterator[Any]:
    for entry in outline:
        yield from _flat(entry) if isinstance(entry, list) else [entry]


def _has_chinese_font() -> bool:
    if (listing := shutil.which("fc-list")) is None:
        return False
    return bool(subprocess.run([listing, ":lang=zh"], capture_output=True, check=False).stdout.strip())
