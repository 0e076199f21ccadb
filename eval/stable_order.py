"""A random order of rows that follows from what they say, so that other rows can come and go without changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

_HASHES = 2**64


def stable_hash(*parts: str | int) -> int:
    """64 bits that depend on `parts` alone: equal on every machine and in every process."""
    return int.from_bytes(blake2b("\x1f".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class Unit:
    """`size` rows of one stratum that take one place, known by what they say and not by where they stand."""

    stratum: str
    key: str | int
    size: int = 1


def places(units: Sequence[Unit], *seed: str | int) -> list[float]:
    """The place of each unit in a random order, a number in [0, 1).

    Within a stratum units stand in the order of their hashes, evenly spaced by their rows (systematic sampling), so
    that the units before any place hold the same share of every stratum, to within one unit. Each stratum starts at a
    random fraction of a unit, or all small strata would round the same way. One unit more or less shifts the others of
    its stratum by one place at most, and no unit of another stratum. Equal keys keep the order in which they are given.
    """
    rows = Counter[str]()
    for unit in units:
        rows[unit.stratum] += unit.size
    start = {stratum: stable_hash(*seed, "start", stratum) / _HASHES for stratum in rows}
    before = Counter[str]()
    found = [0.0] * len(units)
    for at in sorted(range(len(units)), key=lambda at: stable_hash(*seed, "place", units[at].key)):
        stratum, size = units[at].stratum, units[at].size
        found[at] = (before[stratum] + start[stratum] * size) / rows[stratum]
        before[stratum] += size
    return found
