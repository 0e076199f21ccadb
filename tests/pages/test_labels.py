"""Words of a person, a model or a file are shown as they stand: in a label, Streamlit reads Markdown, with $ as
mathematics and ! as a picture that the browser would fetch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor.pages.marks import plain
from advisor.render.markdown import escaped

PAGES = Path(__file__).parents[2] / "advisor" / "pages"
WIDGETS = {
    "button", "caption", "checkbox", "dialog", "download_button", "error", "expander", "form_submit_button", "header",
    "info", "link_button", "markdown", "metric", "multiselect", "number_input", "page_link", "pills", "popover",
    "progress", "radio", "segmented_control", "selectbox", "slider", "spinner", "subheader", "success", "tabs",
    "text_area", "text_input", "title", "toast", "toggle", "waiting", "warning", "write",
}  # fmt: skip
# What we say ourselves, and numbers in words. Short names of models have only letters, digits, "_", "." and "-".
OURS = {
    "_ICONS[one]", "_size_text(size)", "choice", "done", "letter", "moment(run.created_at)", "name_of(name)", "one",
    "order.lower()", "path.suffix", "rows_text(foreseen)", "short", "short[name]", "short_names([model])[model]",
    "title", "KEPT_IN_MEMORY", "currency", "table.encoding", "was.currency", "tokens", "what", "sample.file",
    "name[:1].upper()", "name[1:]",
}  # fmt: skip


def labels_of(file: Path) -> Iterator[ast.JoinedStr]:
    """Texts with something filled in that are the first argument of an element, its help, or how its options look."""
    assigned: dict[str, ast.JoinedStr] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.JoinedStr):
            assigned |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    for node in ast.walk(ast.parse(file.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr not in WIDGETS:
            continue
        said = [
            word.value for word in node.keywords if word.arg in ("label", "help", "format_func", "captions", "text")
        ]
        for part in (*node.args[:1], *said):
            if isinstance(part, ast.Call) and ast.unparse(part.func) == "plain":
                continue
            for inner in ast.walk(part):
                if isinstance(inner, ast.JoinedStr):
                    yield inner
                elif isinstance(inner, ast.Name) and inner.id in assigned:
                    yield assigned[inner.id]


def is_safe(filled: ast.FormattedValue) -> bool:
    value, said = filled.value, ast.unparse(filled.value)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in ("plain", "count_text", "len") or said in OURS
    return filled.format_spec is not None or said in OURS


@pytest.mark.parametrize("file", sorted(PAGES.glob("*.py")), ids=lambda file: file.stem)
def test_labels_hold_no_words_of_others_as_markdown(file: Path) -> None:
    unsafe = [
        f"line {label.lineno}: {ast.unparse(part)}"
        for label in labels_of(file)
        for part in label.values
        if isinstance(part, ast.FormattedValue) and not is_safe(part)
    ]
    assert not unsafe, "put plain(…) around it, or name it in OURS"


@pytest.mark.parametrize("text", ["$x^2$", "$$", "![](http://host/a.png)", ":red[a]", "`a`", "<b>", "a_b_c"])
def test_no_sign_keeps_its_meaning(text: str) -> None:
    """After every sign that Markdown could act on comes from us: a backslash."""
    for written in (plain(text), escaped(text)):
        unescaped = written.replace("\\\\", "").split("\\")
        assert not set("$`*_[]<") & set(unescaped[0] + "".join(part[1:] for part in unescaped[1:]))
