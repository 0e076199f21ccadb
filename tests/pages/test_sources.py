"""The sources of an answer, as every page shows them."""

from __future__ import annotations

import re
from html import unescape

from advisor.pages.sources import marked_html, sources_html, sources_of
from eval.task import Document, Example, Kind, Task

BAD = "<img src=x onerror=alert(1)>"
TASK = Task(
    "t",
    Kind.ANSWERING,
    "",
    (Example("e1", f"an example {BAD}", "the break & more"),),
    (
        Document("breaks", "Night breaks", f"{'Nothing about it. ' * 200}{BAD} A break at night is <b>long</b>."),
        Document("empty", "", ""),
    ),
)


def test_the_part_of_a_source_that_answers_is_shown_with_the_words_of_the_input_marked() -> None:
    said = sources_html(
        ("breaks", "train:e1", "empty", "gone"), sources_of(TASK), "How long is an example night break?"
    )
    assert "Sources (4)" in said and "Marked words are also in the input." in said
    document, example, empty, gone = re.findall("<li>(.*?)</li>", said)
    assert document.startswith("<b><mark>Night</mark> <mark>breaks</mark></b> … ") and len(unescape(document)) < 900
    assert "A <mark>break</mark> at <mark>night</mark> is &lt;b&gt;<mark>long</mark>&lt;/b&gt;." in document
    assert "&lt;img src=x onerror=alert(1)&gt;" in document and "<img" not in said
    assert (
        example.startswith("<b>Example</b> an <mark>example</mark> &lt;img")
        and "<mark>break</mark> &amp; more" in example
    )
    assert (empty, gone) == ("<b>empty</b> ", "<b>gone</b> ")


def test_sources_without_words_of_the_input_are_shown_from_their_beginning() -> None:
    said = sources_html(("breaks",), sources_of(TASK), "14天?")
    assert "mark" not in said.casefold() and "</b> Nothing about it." in said and said.count("…") == 1
    assert sources_html((), {}, "anything") == ""


def test_marks_never_break_an_escaped_sign() -> None:
    assert marked_html("a & b <c>", ((2, 3), (7, 8))) == "a <mark>&amp;</mark> b &lt;<mark>c</mark>&gt;"
    assert marked_html("abcdef", ((1, 5),), 2, 4) == "<mark>cd</mark>"
