"""The text of Word, PowerPoint and HTML files, with their headings and the rows of their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

from eval.reading.decoding import unzip, xml_root
from eval.task import BadInput

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # repeats what stands before it
_SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_HEADING = re.compile(r"(?:heading|titre|berschrift|t[ií]tulo|title|見出し) ?(\d?)", re.IGNORECASE)

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table",
    "tr", "ul",
))  # fmt: skip
_SILENT = frozenset(("script", "style", "noscript", "template", "svg", "head"))
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


def word_text(name: str, content: bytes) -> tuple[str, str]:
    """The title (of the first heading, else "") and the text of a .docx. Raises BadInput if it can't be read."""
    files = dict(unzip(name, content))
    root = _xml(name, files.get("word/document.xml"))
    lines = list(_word_blocks(root))
    title = next((line.lstrip("# ") for line in lines if line.startswith("#")), "")
    return title, _paragraphs(lines)


def _word_blocks(element: ElementTree.Element) -> Iterator[str]:
    """Paragraphs, headings with a # before them, and rows of tables."""
    for child in element:
        if child.tag == f"{_WORD}p":
            style = child.find(f"{_WORD}pPr/{_WORD}pStyle")
            heading = _HEADING.search(style.get(f"{_WORD}val", "")) if style is not None else None
            text = _text(child, _WORD).strip()
            yield f"{'#' * int(heading[1] or 1)} {text}" if heading and text else text
        elif child.tag == f"{_WORD}tr":
            yield " | ".join(_cell(cell, _WORD) for cell in child.iter(f"{_WORD}tc"))
        elif child.tag != _FALLBACK:
            yield from _word_blocks(child)


def presentation_text(name: str, content: bytes) -> tuple[str, str]:
    """The title (the first line, else "") and the text of a .pptx, slide by slide. Raises BadInput if it can't be
    read."""
    slides = sorted(
        (int(number[1]), part) for path, part in unzip(name, content) if (number := _SLIDE.fullmatch(path)) is not None
    )
    texts = [_paragraphs(_slide_blocks(_xml(name, part))) for _, part in slides]
    if not texts:
        raise _unreadable(name)
    return next((text.splitlines()[0] for text in texts if text), ""), "\n\n".join(filter(None, texts))


def _slide_blocks(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        if child.tag == f"{_DRAWING}p":
            yield _text(child, _DRAWING).strip()
        elif child.tag == f"{_DRAWING}tr":
            yield " | ".join(_cell(cell, _DRAWING) for cell in child.iter(f"{_DRAWING}tc"))
        elif child.tag != _FALLBACK:
            yield from _slide_blocks(child)


def _cell(cell: ElementTree.Element, space: str) -> str:
    return " ".join(filter(None, (_text(paragraph, space).strip() for paragraph in cell.iter(f"{space}p"))))


def _text(paragraph: ElementTree.Element, space: str) -> str:
    parts = {f"{space}tab": "\t", f"{space}br": "\n", f"{space}cr": "\n", f"{space}noBreakHyphen": "-"}
    return "".join(one.text or "" if one.tag == f"{space}t" else parts.get(one.tag, "") for one in paragraph.iter())


def _xml(name: str, part: bytes | None) -> ElementTree.Element:
    root = xml_root(part or b"")
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
        self._in_title = tag == "title"
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

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._silent:
            self.parts.append(data)
