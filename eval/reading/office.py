"""The text of Word, PowerPoint and HTML files, with their headings and the rows of their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import PurePosixPath
from xml.etree import ElementTree

from eval.reading.decoding import unzip, xml_root
from eval.task import BadInput

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(wordprocessingml|drawingml)/main")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # repeats what stands before it
_UNSEEN = frozenset((_FALLBACK, f"{_WORD}moveFrom", f"{_WORD}rt"))  # also what was moved away, and how to say a word
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_HEADING = re.compile(r"(?:heading|titre|berschrift|t[ií]tulo|title|見出し) ?(\d?)", re.IGNORECASE)

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table",
    "tr", "ul",
))  # fmt: skip
_SILENT = frozenset(("script", "style", "noscript", "template", "svg"))
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


def word_text(name: str, content: bytes) -> tuple[str, str]:
    """The title (of the first heading, else "") and the text of a .docx. Raises BadInput if it can't be read."""
    files = dict(unzip(name, content))
    path = _main_part(files)
    try:
        lines = list(_word_blocks(_xml(name, files.get(path))))
        for notes in ("footnotes", "endnotes"):
            if part := files.get(str(PurePosixPath(path).with_name(f"{notes}.xml"))):
                lines += filter(None, _word_blocks(_xml(name, part)))
    except RecursionError as wrong:
        raise _unreadable(name) from wrong
    title = next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
    return title, _paragraphs(lines)


def _main_part(files: Mapping[str, bytes]) -> str:
    """The path of a Word file's text. Some programs call it document2.xml."""
    relations = xml_root(files.get("_rels/.rels", b""))
    found = (one.get("Target", "") for one in relations or () if one.get("Type", "").endswith("/officeDocument"))
    return next((path.lstrip("/") for path in found if path.lstrip("/") in files), "word/document.xml")


def _word_blocks(element: ElementTree.Element) -> Iterator[str]:
    """Paragraphs, headings with a # before them, and rows of tables."""
    for child in element:
        if child.tag == f"{_WORD}p":
            style = child.find(f"{_WORD}pPr/{_WORD}pStyle")
            heading = _HEADING.search(style.get(f"{_WORD}val", "")) if style is not None else None
            text = _text(child, _WORD).strip()
            yield f"{'#' * int(heading[1] or 1)} {text}" if heading and text else text
        elif child.tag == f"{_WORD}tr":
            yield " | ".join(_cell(cell, _WORD) for cell in _nearest(child, f"{_WORD}tc"))
        elif child.tag not in _UNSEEN:
            yield from _word_blocks(child)


def presentation_text(name: str, content: bytes) -> tuple[str, str]:
    """The title (the first line, else "") and the text of a .pptx, slide by slide. Raises BadInput if it can't be
    read."""
    slides = sorted(
        (int(number[1]), part) for path, part in unzip(name, content) if (number := _SLIDE.fullmatch(path)) is not None
    )
    try:
        texts = [_paragraphs(_slide_blocks(_xml(name, part))) for _, part in slides]
    except RecursionError as wrong:
        raise _unreadable(name) from wrong
    if not texts:
        raise _unreadable(name)
    return next((text.splitlines()[0] for text in texts if text), ""), "\n\n".join(filter(None, texts))


def _slide_blocks(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        if child.tag == f"{_DRAWING}p":
            yield _text(child, _DRAWING).strip()
        elif child.tag == f"{_DRAWING}tr":
            yield " | ".join(_cell(cell, _DRAWING) for cell in _nearest(child, f"{_DRAWING}tc"))
        elif child.tag != _FALLBACK:
            yield from _slide_blocks(child)


def _cell(cell: ElementTree.Element, space: str) -> str:
    """The text of a cell, and of the cells of a table within it."""
    return " ".join(filter(None, (_text(paragraph, space).strip() for paragraph in _nearest(cell, f"{space}p"))))


def _nearest(element: ElementTree.Element, tag: str) -> Iterator[ElementTree.Element]:
    """What has this tag within an element, but not what has it within another such one."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _UNSEEN:
            yield from _nearest(child, tag)


def _text(paragraph: ElementTree.Element, space: str) -> str:
    """The text of a paragraph. Those of a text box in it follow on lines of their own."""
    parts = {f"{space}tab": "\t", f"{space}br": "\n", f"{space}cr": "\n", f"{space}noBreakHyphen": "-"}
    written: list[str] = []
    for child in paragraph:
        if child.tag in (f"{space}t", _MATH):
            written.append(child.text or "")
        elif child.tag in parts:
            written.append(parts[child.tag])
        elif child.tag not in _UNSEEN:
            written.append(f"\n{_text(child, space)}" if child.tag == f"{space}p" else _text(child, space))
    return "".join(written)


def _xml(name: str, part: bytes | None) -> ElementTree.Element:
    root = xml_root(_STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/main", part or b""))
    if root is None:
        raise _unreadable(name)
    return root


def _unreadable(name: str) -> BadInput:
    return BadInput(f"{name} cannot be read as an Office file, perhaps because it is damaged: save it again.")


def _paragraphs(lines: Iterator[str] | list[str]) -> str:
    """Lines with at most one empty line between them; a table's rows follow one another."""
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def html_text(markup: str) -> tuple[str, str]:
    """The title (of the page, else of the first heading) and the text of an HTML page."""
    page = _Page()
    page.feed(markup)
    page.close()
    lines = [" ".join(line.split()) for line in "".join(page.parts).split("\n")]
    lines = [line.strip("| ") if line.startswith("|") or line.endswith("|") else line for line in lines]
    text = _paragraphs(lines)
    heading = next((line.lstrip("# ") for line in lines if line.startswith("# ")), "")
    return " ".join("".join(page.title).split()) or heading, text


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title: list[str] = []
        self._silent = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self._silent and not self.title  # pictures have titles, too
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.parts.append("\n")
        if re.fullmatch("h[1-6]", tag):
            self.parts.append("#" * int(tag[1]) + " ")
        if tag in ("td", "th"):
            self.parts.append(" | ")

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        if tag in _SILENT or tag == "body":
            self._silent = max(0, self._silent - 1)
        if tag in _BLOCKS and tag not in ("tr", "li", *_VOID):
            self.parts.append("\n")

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """What browsers take for a comment, such as Word's <![if …]>. The library stops at one that it doesn't know."""
        return self.parse_bogus_comment(i, report)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._silent:
            self.parts.append(data)
