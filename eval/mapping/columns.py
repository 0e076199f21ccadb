"""Guess what the columns of a table mean, by their names and by what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eval.mapping.column_contents import LONG_CHARACTERS, Contents
from eval.mapping.document_ids import DocumentNames
from eval.mapping.label_sets import marked_columns, ticked_columns
from eval.mapping.names import (
    ALSO_NAMES,
    ANSWER_NAMES,
    CHOICE_NAMES,
    DOCUMENT_NAMES,
    GROUP_NAMES,
    IDEAL_NAMES,
    IDENTIFIER_WORDS,
    INPUT_NAMES,
    JOINED_NAMES,
    LABEL_NAMES,
    LANGUAGE_CODES,
    NEVER_TARGETS,
    PREFERRED_PAIRS,
    REJECTED_NAMES,
    SPLIT_NAMES,
    TITLE_NAMES,
    TURNS_COLUMN,
    flag_side,
    plain,
    side_of,
)
from eval.reading.table import Table
from eval.task import Document

_HALF = 0.5
_ASKED = {"question", "query", "prompt", "instruction", "user_input"}  # their ideal output is an answer before a label
_NAMES_OF_THINGS = {"user", "source", "document", "article"}  # of a text, or only of where it is from
_IDEAL_BEGINNINGS = {"expected", "gold", "golden", "ideal", "correct", "desired"}
_NEVER_BEGINNINGS = {"annotator", "rater", "worker", "actual", "predicted", "neg", "negative", "non", "wrong", "bad"}
_NEVER_ENDINGS = {"url", "uri", "link", "email", "date", "time", "start", "end", "at", "metadata", "contexts", "count"}
_SURE_TARGETS = (*IDEAL_NAMES, *ANSWER_NAMES)


@dataclass(frozen=True, slots=True)
class Columns:
    """The column for each role; None if the table has none. `joined` are further columns of the input, after `input`.
    `rejected` holds a wrong answer to each input, `also` further right ones. `marked` are columns that each say yes or
    no for one label, `target` among them."""

    input: str
    target: str
    group: str | None = None
    split: str | None = None
    document: str | None = None
    joined: tuple[str, ...] = ()
    rejected: str | None = None
    marked: tuple[str, ...] = ()
    also: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return (self.input, *self.joined)

    @property
    def used(self) -> tuple[str, ...]:
        others = (self.target, self.group, self.split, self.document, self.rejected, self.also)
        marked = (name for name in self.marked if name != self.target)
        return (*self.inputs, *(name for name in others if name), *marked)

    def sentence(self, table: Table) -> str:
        """Which columns are used for what, and which aren't."""
        source = "Input: " + " and ".join(f"'{name}'" for name in self.inputs)
        roles = (
            ("Split", self.split),
            ("Group", self.group),
            ("Documents", self.document),
            ("Rejected", self.rejected),
            ("Also right", self.also),
        )
        answer = f"labels: {_some(self.marked)}" if self.marked else f"answer: '{self.target}'"
        parts = [source, answer, *(f"{role.lower()}: '{name}'" for role, name in roles if name)]
        unused = [name for name in table.columns if name not in (*self.used, TURNS_COLUMN)]
        return f"{'; '.join(parts)}." + (f" Not used: {_some(unused)}." if unused else "")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(f"'{name}'" for name in names[:8]) + more


def guess_columns(table: Table, documents: Sequence[Document] = ()) -> Columns:
    """Guess the columns by name, but never a date, an address, an id or a constant as the answer. If no name fits, the
    longest text is the input, and the answer is the first column after it that repeats its values, else the last."""
    if TURNS_COLUMN in table.columns:
        table = table.without(TURNS_COLUMN)
    contents = Contents(table)
    split = _split_column(table, contents)
    document = _document_column(table, contents, documents)
    group = next(
        (
            name
            for name in table.columns
            if plain(name) in GROUP_NAMES and name != document and not contents.is_constant(name)
        ),
        None,
    )
    preferred, rejected = _preferred(contents)
    also = next((name for name in table.columns if plain(name) in ALSO_NAMES), None)
    special = {split, document, group, rejected, also}
    named = [name for name in table.columns if not _is_identifier(contents, name)]
    candidates = [name for name in named if name not in special]
    full = [name for name in candidates if contents.filled(name) >= _HALF]
    usable = next(
        (some for some in (full, candidates, [name for name in table.columns if name != split]) if len(some) > 1),
        list(table.columns),
    )
    source, joined = _input(table, contents, usable, bool(documents))
    joined += _choices(contents, usable, source)
    target = _target(contents, [name for name in usable if name != source and name not in joined], source)
    if group and plain(group) == "group" and (target is None or plain(target) in TITLE_NAMES):
        target = group if contents.has_few_values(group) else target
    if target is None:  # the joined columns hold the only answer
        joined = ()
        target = _target(contents, [name for name in usable if name != source], source)
    if preferred in usable and preferred != source and preferred not in joined:
        target = preferred
    ticked = ticked_columns(table, (name for name in candidates if name != source and name not in joined))
    if ticked and (target is None or target in ticked or not _is_named_target(target)):
        target = ticked[0]
    if target is None:
        target = [name for name in usable if name != source][-1]
    if contents.is_constant(target) and not contents.is_constant(source) and plain(target) in INPUT_NAMES:
        source, target = target, source  # an input that never changes is still the input; reading says what is wrong
    chosen = {source, target, *joined}
    group, split, document, rejected, also = (
        None if name in chosen else name for name in (group, split, document, rejected, also)
    )
    unmarked = [name for name in dict.fromkeys((*usable, *candidates)) if name not in chosen]
    marked = marked_columns(table, target, unmarked, may_be_blank=not _is_named_target(target))
    return Columns(source, target, group, split, document, joined, rejected, marked, also)


def _preferred(contents: Contents) -> tuple[str | None, str | None]:
    """The better and the worse of two answers. The better one is None if its name alone doesn't say so."""
    by_name = {plain(name): name for name in reversed(contents.table.columns) if contents.of(name)}
    for better, worse in PREFERRED_PAIRS:
        if better not in by_name or worse not in by_name:
            continue
        first, second = by_name[better], by_name[worse]
        are_words = all(contents.share(name, _has_letters) > _HALF for name in (first, second))
        if are_words and contents.may_be_text(first) and contents.filled(first) >= _HALF:
            return first, second
    return None, next((name for key, name in by_name.items() if key in REJECTED_NAMES), None)


def _has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


def _input(table: Table, contents: Contents, usable: list[str], has_documents: bool) -> tuple[str, tuple[str, ...]]:
    """The column of the input, and those that belong to it."""
    by_name = {plain(name): name for name in reversed(table.columns)}
    for firsts, seconds in JOINED_NAMES:
        first = next((by_name[name] for name in firsts if name in by_name), None)
        second = next((by_name[name] for name in seconds if name in by_name), None)
        if first is None or second is None or not contents.of(first) or contents.is_constant(first):
            continue
        if "context" in seconds and (
            has_documents or contents.share(second, lambda text: text.startswith("[")) > _HALF
        ):
            continue  # contexts were looked up, which is a strategy's work
        if "tools" in seconds and contents.share(second, lambda text: text.startswith(("[", "{"))) <= _HALF:
            continue  # the word has other meanings
        if contents.of(second):
            return first, (second,)
        return first, ()
    codes = [name for name in usable if plain(name) in LANGUAGE_CODES]
    if len(codes) > 1 and not _named(usable, INPUT_NAMES):
        return codes[0], ()
    sure = set(IDEAL_NAMES) | {plain(name) for name in (*LABEL_NAMES, *ANSWER_NAMES)}
    free = [name for name in usable if not contents.is_constant(name) and not contents.has_form(name)] or usable
    texts = [name for name in free if plain(name) not in _NAMES_OF_THINGS or not contents.numbers_rows(name)]
    named = _named([name for name in texts if plain(name) not in sure], INPUT_NAMES)
    if named is None and len(free) > 1:  # leave the column that is surely the answer
        target = _target(contents, free, "")
        others = [name for name in free if name != target or not _is_named_target(name)]
        if any(map(contents.may_be_text, others)):
            free = others
    if any(map(contents.may_be_text, free)):
        free = [name for name in free if not contents.numbers_rows(name)]
    longest = max(free, key=contents.length)
    alike = contents.length(free[0]) * 2 >= contents.length(longest)  # then the order says more than the length
    return named or (free[0] if alike and not contents.has_few_values(free[0]) else longest), ()


def _choices(contents: Contents, usable: list[str], source: str) -> tuple[str, ...]:
    """The columns of a question's choices, from which another column names the right one."""
    by_name = {plain(name): name for name in reversed(usable) if name != source}
    for family in CHOICE_NAMES:
        found = [by_name[name] for name in family if name in by_name]
        if len(found) >= 3 and found[0] == by_name.get(family[0]):
            others = [name for name in usable if name != source and name not in found]
            target = _target(contents, others, source)
            return tuple(found) if target and _is_named_target(target) and contents.has_few_values(target) else ()
    return ()


def _target(contents: Contents, usable: list[str], source: str) -> str | None:
    """The column of the answer, or None if every column is something else."""
    varied = [name for name in usable if not contents.is_constant(name) and not contents.has_form(name)]
    possible = [name for name in varied if not _is_never(name)]
    groups = (ANSWER_NAMES, LABEL_NAMES) if plain(source) in _ASKED else (LABEL_NAMES, ANSWER_NAMES)
    named = _named(possible, IDEAL_NAMES, whole=True)
    named = named or next((name for name in possible if plain(name).split("_")[0] in _IDEAL_BEGINNINGS), None)
    labels = [name for name in possible if contents.has_few_values(name) or contents.is_metadata(name)]
    for group in groups:
        named = named or _named(labels if group is LABEL_NAMES else possible, group, whole=True)
    for group in groups:
        named = named or _named(possible, group, whole=True)
    for group in (IDEAL_NAMES, *groups):
        named = named or _named(possible, group)
    # A date or an address is the answer only of a column that says so.
    named = named or _named([name for name in usable if not contents.is_constant(name)], _SURE_TARGETS, whole=True)
    if named:
        return named
    rest = [name for name in possible if not contents.numbers_rows(name) and not contents.is_metadata(name)]
    order = list(contents.table.columns)
    rest = [name for name in rest if plain(name) not in TITLE_NAMES] or rest
    few = [name for name in rest if contents.has_few_values(name)]
    after = [name for name in few if source not in order or order.index(name) > order.index(source)]
    return next(iter(after or few), None) or next(iter(rest[-1:] or varied[-1:]), None)


def _named(columns: Sequence[str], words: Sequence[str], whole: bool = False) -> str | None:
    """The column named by the earliest of `words`, else (unless `whole`) one that ends or begins with it
    ("ticket_text")."""
    known = [plain(word) for word in words]
    names = {plain(column): column for column in reversed(columns)}
    lasts = {plain(column).split("_")[-1]: column for column in reversed(columns)}
    firsts = {plain(column).split("_")[0]: column for column in reversed(columns)}
    ways = (names,) if whole else (names, lasts, firsts)
    found = next((way[word] for way in ways for word in known if word in way), None)
    if found or whole:
        return found
    # Languages without spaces join words, as German does.
    joined = [word for word in known if len(word) >= (2 if word > "\u3000" else 5)]
    return next((names[name] for word in joined for name in names if name.endswith(word)), None) or next(
        (names[name] for word in joined if word > "\u3000" for name in names if name.startswith(word)), None
    )


def _is_identifier(contents: Contents, column: str) -> bool:
    """A column named as an id, unless it numbers a few labels ("Class Index")."""
    words = plain(column).split("_")
    if not set(words) & IDENTIFIER_WORDS:
        return False
    is_label = words[0] in ("class", "label", "category", "intent") and words[-1] in ("id", "index", "idx", "nr")
    return not (is_label and contents.has_few_values(column))


def _is_named_target(column: str) -> bool:
    return _named([column], (*IDEAL_NAMES, *LABEL_NAMES, *ANSWER_NAMES)) is not None


def _is_never(column: str) -> bool:
    name = plain(column)
    words = name.split("_")
    return name in NEVER_TARGETS or words[0] in _NEVER_BEGINNINGS or words[-1] in _NEVER_ENDINGS


def _split_column(table: Table, contents: Contents) -> str | None:
    """A column that names sides, at least half of its values; by another name only if it names two and nothing else."""
    for name in table.columns:
        share = contents.share(name, lambda value, name=name: side_of(value, name))  # type: ignore[misc]
        words = plain(name).split("_")
        if share >= _HALF and (flag_side(name) or words[-1] in SPLIT_NAMES or words[0] in SPLIT_NAMES):
            return name
        sides = {side_of(value) for value in contents.of(name)}
        if share == 1 and len(sides) > 1 and not _is_named_target(name) and plain(name) not in INPUT_NAMES:
            return name
    return None


def _document_column(table: Table, contents: Contents, documents: Sequence[Document]) -> str | None:
    named = next(
        (
            name
            for name in table.columns
            if plain(name) in DOCUMENT_NAMES and contents.length(name) < LONG_CHARACTERS and contents.of(name)
        ),
        None,
    )
    if not documents:
        return named
    names = DocumentNames(documents)

    def names_one(value: str) -> bool:
        return any(map(names.find, names.in_cell(value)))

    found = [
        name
        for name in table.columns
        if contents.length(name) < LONG_CHARACTERS and contents.share(name, names_one) >= _HALF
    ]
    return named if named in found or not found else found[0]
