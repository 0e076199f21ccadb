"""What is paid by the token: how many were read and written, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, read and written."""

    read: float
    written: float

    def of(self, read: float, written: float) -> float:
        return (read * self.read + written * self.written) / 1e6


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests that were sent, and the tokens that their servers counted, read and written. Requests that failed count
    too."""

    requests: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.requests + other.requests, self.read + other.read, self.written + other.written)
