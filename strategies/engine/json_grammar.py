"""A JSON schema as a grammar for llguidance, in its Lark dialect, with the layout in which answers are written.

llguidance reads JSON schemas itself, but it wants an object's fields in the order of the schema: a model that names
them in another order would lose those it passed. Here they come in any order, each once. Rules with a number
(`rest::_`) do that: its bits are the fields that are already written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_CHARACTER = r'[^"\\\x00-\x1F\x7F]|\\["\\\/nrt]'
# Half of a surrogate pair is no character, and a control character would be hidden in a text.
_ESCAPED = (
    r"|\\u(00[2-9a-fA-F][0-9a-fA-F]|0[1-9a-fA-F][0-9a-fA-F]{2}|[1-9a-cefA-CEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2}"
    r"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_SPACE = r"[ ]|\r?\n[ \t]{0,24}"
_DECIMALS = 18
_LARGEST = 10**18 - 1
_LONGEST = 2000  # characters; counting further costs memory, and no answer is that long


def grammar_of(schema: dict[str, Any]) -> str:
    """The grammar of the answers that follow a schema of `json_bounds.py` or `json_shape.py`. An answer may begin with
    a space, which many tokenizers put in front of a text."""
    return _Grammar(schema.get("layout") or {"separators": None, "indent": None, "ascii": False}).of(schema)


class _Grammar:
    def __init__(self, layout: dict[str, Any]) -> None:
        self._separators: tuple[str, str] | None = layout["separators"] and tuple(layout["separators"])
        self._indent: str | None = " " * layout["indent"] if isinstance(layout["indent"], int) else layout["indent"]
        self._ascii: bool = layout["ascii"]
        self._rules: dict[str, str] = {}  # names by what they stand for
        self._terminals: dict[str, str] = {}  # names by pattern

    def of(self, schema: dict[str, Any]) -> str:
        start = f'start: " "? {self._value(schema, 0)}'
        rules = [f"{name}: {meaning}" for meaning, name in self._rules.items()]
        terminals = [f"{name}: /{pattern}/" for pattern, name in self._terminals.items()]
        return "\n".join([start, *rules, *terminals])

    def _value(self, schema: dict[str, Any], depth: int) -> str:
        """An expression for a value that is written `depth` objects and lists deep."""
        if "anyOf" in schema:
            return _one_of(self._value(way, depth) for way in schema["anyOf"])
        if "enum" in schema:
            return _one_of(_literal(self._dumped(value)) for value in schema["enum"])
        kinds = schema["type"]
        if isinstance(kinds, list):
            return _one_of(self._value({**schema, "type": kind}, depth) for kind in kinds)
        match kinds:
            case "object" if "properties" in schema:
                return self._object(schema, depth)
            case "object":
                return self._open_object(schema, depth)
            case "array":
                return self._several("[]", self._value(schema["items"], depth + 1), schema.get("maxItems"), depth)
            case "string":
                return self._text(schema.get("maxLength"))
            case "integer" | "number":
                return self._number(schema, whole=kinds == "integer")
            case "boolean":
                return '("true" | "false")'
        return '"null"'

    def _object(self, schema: dict[str, Any], depth: int) -> str:
        """The required fields have the lowest bits."""
        fields = schema["properties"]
        if not fields:
            return '"{}"'
        required = [name for name in fields if name in schema["required"]]
        names = [*required, *(name for name in fields if name not in required)]
        pairs = [self._pair(_literal(self._dumped(name)), fields[name], depth) for name in names]
        rest = f"rest_{len(self._rules)}"
        complete = f" %if is_ones([0:{len(required)}])" if required else ""
        others = [
            f"{self._comma(depth)} {pair} {rest}::set_bit({bit}) %if bit_clear({bit})" for bit, pair in enumerate(pairs)
        ]
        self._rules["\n    | ".join([f'{self._line(depth)} "}}"{complete}', *others])] = f"{rest}::_"
        firsts = _one_of(f"{pair} {rest}::{hex(1 << bit)}" for bit, pair in enumerate(pairs))
        some = f'"{{" {self._line(depth + 1)} {firsts}'
        return self._rule(some if required else _one_of(['"{}"', some]))

    def _open_object(self, schema: dict[str, Any], depth: int) -> str:
        """An object whose names are data, so that one may come twice."""
        name = self._text(schema["propertyNames"].get("maxLength"))
        pair = self._pair(name, schema["additionalProperties"], depth)
        return self._several("{}", pair, schema.get("maxProperties"), depth)

    def _pair(self, name: str, schema: dict[str, Any], depth: int) -> str:
        colon = self._sign(":", self._separators and self._separators[1])
        space = self._space if self._separators is None else ""
        return self._rule(f"{name} {colon} {space} {self._value(schema, depth + 1)}")

    def _several(self, brackets: str, one: str, most: int | None, depth: int) -> str:
        opening, closing = tuple(brackets)
        one = self._rule(one)
        others = f"({self._comma(depth)} {one})" + ("*" if most is None else f"{{0,{most - 1}}}")
        if most == 1:  # llguidance refuses {0,0}
            others = ""
        some = f'"{opening}" {self._line(depth + 1)} {one} {others} {self._line(depth)} "{closing}"'
        return self._rule(_one_of([_literal(brackets), some]))

    def _rule(self, meaning: str) -> str:
        return self._rules.setdefault(meaning, f"rule_{len(self._rules)}")

    def _text(self, most: int | None) -> str:
        character = _CHARACTER + (_ESCAPED if self._ascii else "")
        times = "*" if most is None or most > _LONGEST else f"{{0,{most}}}"
        return self._terminal("TEXT", f'"({character}){times}"')

    def _number(self, schema: dict[str, Any], whole: bool) -> str:
        """Numbers are bounded in their digits alone: all of 999 and less is also all of three digits and less."""
        pattern = f"-?(0|[1-9][0-9]{{0,{len(str(schema.get('maximum', _LARGEST))) - 1}}})"
        if not whole:
            pattern += rf"(\.[0-9]{{1,{schema.get('decimals') or _DECIMALS}}})?"
            pattern += r"([eE][+-]?[0-9]{1,2})?" if schema.get("exponent") else ""
        return self._terminal("NUMBER", pattern)

    def _terminal(self, kind: str, pattern: str) -> str:
        return self._terminals.setdefault(pattern, f"{kind}_{len(self._terminals)}")

    def _dumped(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self._ascii)

    def _comma(self, depth: int) -> str:
        return f"{self._sign(',', self._separators and self._separators[0])} {self._line(depth + 1)}"

    def _sign(self, sign: str, written: str | None) -> str:
        return _literal(written) if written is not None else f"{self._space} {_literal(sign)}"

    def _line(self, depth: int) -> str:
        """What is between a bracket or a comma and what comes next, so many objects and lists deep."""
        if self._separators is None:
            return self._space
        return "" if self._indent is None else _literal("\n" + self._indent * depth)

    @property
    def _space(self) -> str:
        return f"{self._terminal('SPACE', _SPACE)}?"


def _one_of(ways: Iterable[str]) -> str:
    return f"({' | '.join(ways)})"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
