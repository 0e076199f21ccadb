"""A random order of rows that depends only on their text, so it doesn't change when other rows come or go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

_HASHES = 2**64


def stable_hash(*parts: str | int) -> int:
    """64 bits that depend only on `parts`: equal on every machine and in every process."""
    return int.from_bytes(blake2b("\x1f".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).digest())


def stable_hashes(keys: Iterable[str | int], *parts: str | int) -> list[int]:
    """`stable_hash(*parts, key)` of each key, in half the time."""
    start = blake2b("".join(f"{part}\x1f" for part in parts).encode("utf-8", "replace"), digest_size=8)
    found = []
    for key in keys:
        whole = start.copy()
        whole.update(str(key).encode("utf-8", "replace"))
        found.append(int.from_bytes(whole.digest()))
    return found


class Unit(NamedTuple):  # made in a third of a dataclass's time, and there may be a million
    """`size` rows of one stratum that share a place. `key` identifies them by their text, not by their position."""

    stratum: str
    key: str | int
    size: int = 1


def places(units: Sequence[Unit], *seed: str | int) -> list[float]:
    """The place of each unit in a random order, a number in [0, 1).

    Within a stratum, units are ordered by hash and spaced evenly by their rows (systematic sampling). So the units
    before any place hold the same share of every stratum, to within one unit. Each stratum starts at a random fraction
    of a unit, or all small strata would round the same way. Adding or removing a unit shifts the others of its stratum
    by at most one place, and no unit of another stratum. Equal keys keep the given order.
    """
    rows = Counter[str]()
    for unit in units:
        rows[unit.stratum] += unit.size
    start = {stratum: stable_hash(*seed, "start", stratum) / _HASHES for stratum in rows}
    before = Counter[str]()
    found = [0.0] * len(units)
    order = np.array(stable_hashes((unit.key for unit in units), *seed, "place"), dtype=np.uint64)
    for at in np.argsort(order, kind="stable").tolist():
        stratum, _, size = units[at]
        found[at] = (before[stratum] + start[stratum] * size) / rows[stratum]
        before[stratum] += size
    return found
