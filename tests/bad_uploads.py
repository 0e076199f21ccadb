"""Uploads that no comparison can be made of, with the one they are made from. Every way in must say so."""

from __future__ import annotations

from pathlib import Path

# Small files that crash or fill whatever process parses them; the README beside them says how each does it.
HOSTILE = {
    path.name: path.read_bytes()
    for path in sorted((Path(__file__).parent / "fixtures" / "hostile").iterdir())
    if path.suffix != ".md"
}
TABLE = b"message,label\n" + b"".join(
    b"%s number %d,%s\n" % ((b"cake", b"parcel", b"bill")[row % 3], row, (b"yes", b"no", b"no")[row % 3])
    for row in range(60)
)

BAD_UPLOADS: dict[str, tuple[str, bytes]] = {
    "empty": ("task.csv", b""),
    "header only": ("task.csv", b"message,label\n"),
    "one column": ("task.csv", b"message\n" + b"a text\n" * 30),
    "one label": ("task.csv", b"message,label\n" + b"".join(b"text %d,yes\n" % row for row in range(30))),
    "binary named .csv": ("task.csv", bytes(range(256)) * 20),
    "truncated JSONL": ("task.jsonl", b'{"input": "a", "output": "b"}\n' * 30 + b'{"input": "a", "outp'),
    "ragged rows": ("task.csv", TABLE + b"too,many,cells,here\n"),
    "NUL bytes": ("task.csv", TABLE.replace(b"parcel", b"par\0cel")),
    "wrong encoding": ("task.csv", TABLE.replace(b"cake", "käse".encode("utf-16-le"))),
    "too large": ("task.csv", TABLE + b"x" * 210 * 2**20),
    **{name: (name, content) for name, content in HOSTILE.items()},
}
