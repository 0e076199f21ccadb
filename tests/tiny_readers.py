"""Readers that behave as parsers can: they never end, take all memory, or print. The child imports them from here."""

from __future__ import annotations

import sys
from threading import Event

from eval.reading.documents import FoundDocuments
from eval.task import Document


def compute(name: str, content: bytes) -> FoundDocuments:
    while True:
        sum(range(10_000))


def hang(name: str, content: bytes) -> FoundDocuments:
    Event().wait()
    return FoundDocuments([])


def crash(name: str, content: bytes) -> FoundDocuments:
    raise RuntimeError("a parser's own mistake")


def fill(name: str, content: bytes) -> FoundDocuments:
    return FoundDocuments([Document("a", "b", "x" * 2**30) for _ in range(3)])


def swell(name: str, content: bytes) -> FoundDocuments:
    return FoundDocuments([Document("a", "b", "x" * 2**20)] * 600)


def chat(name: str, content: bytes) -> FoundDocuments:
    sys.stdout.write("a warning of the parser")
    sys.stdout.flush()
    return FoundDocuments([Document("a", "b", " ".join(sys.modules))])
