"""Vectors of texts, on disk by the model and the text, so that what was embedded once isn't embedded again.

Only what is learned from is looked up here: what a request takes is always measured. SQLite with a rollback journal,
safe for several processes. The file is private, and says nothing of a text but its hash.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from eval.measuring.spared import spare
from strategies.search.embedder import Embedder

MOST_BYTES = 1_000_000_000  # then the vectors that were used longest ago go
_TABLE = (
    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, seconds REAL NOT NULL, "
    "used_at REAL NOT NULL) WITHOUT ROWID"
)
_FIND_AT_ONCE = 500  # SQLite allows some thousand variables
_SPARE_SHARE = 0.2  # of the most bytes, that an eviction makes room for


@runtime_checkable
class Lasting(Protocol):
    """An embedder whose vectors can be kept: `content` changes with all that decides them. "" if nothing tells."""

    content: str


def vectors_file() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "threeways" / "vectors.sqlite"


def embed(embedder: Embedder, texts: Sequence[str], are_queries: bool = False) -> NDArray[np.float32]:
    """As the embedder does, [texts, dimensions], but only those that aren't kept yet. The seconds that the others took
    then are spared (`eval.measuring.spared`). Whatever is wrong with the file, the vectors are computed."""
    compute = embedder.embed_queries if are_queries else embedder.embed
    if not isinstance(embedder, Lasting) or not embedder.content or not texts:
        return compute(texts)
    keys = [_key(embedder.content, are_queries, text) for text in texts]
    kept: dict[bytes, tuple[NDArray[np.float32], float]] = {}
    with suppress(OSError, sqlite3.Error, ValueError):
        kept = _find(keys)
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in kept}
    found = {key: vector for key, (vector, _) in kept.items()}
    if new:
        began = time.perf_counter()
        found |= zip(new, compute(list(new.values())), strict=True)
        each = (time.perf_counter() - began) / len(new)
        with suppress(OSError, sqlite3.Error):
            _keep({key: found[key] for key in new}, each)
    spare(sum(seconds for _, seconds in kept.values()))
    return np.array([found[key] for key in keys], dtype=np.float32)


def kept_bytes() -> int:
    """How large the file is; 0 if there is none."""
    path = vectors_file()
    return path.stat().st_size if path.exists() else 0


def forget_vectors() -> None:
    """Raises OSError if the file can't be deleted."""
    vectors_file().unlink(missing_ok=True)


def _key(content: str, are_queries: bool, text: str) -> bytes:
    said = "\0".join((content, str(are_queries), text))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()


def _find(keys: Sequence[bytes]) -> dict[bytes, tuple[NDArray[np.float32], float]]:
    if not vectors_file().exists():
        return {}
    found = {}
    with _connection() as connection:
        for start in range(0, len(keys), _FIND_AT_ONCE):
            part = keys[start : start + _FIND_AT_ONCE]
            marks = ", ".join("?" * len(part))
            for key, vector, seconds in connection.execute(
                f"SELECT key, vector, seconds FROM vectors WHERE key IN ({marks})", part
            ):
                found[key] = (np.frombuffer(vector, dtype=np.float32), seconds)
        connection.executemany("UPDATE vectors SET used_at = ? WHERE key = ?", ((time.time(), key) for key in found))
    return found


def _keep(vectors: dict[bytes, NDArray[np.float32]], seconds: float) -> None:
    path = vectors_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    with _connection() as connection:
        rows = ((key, vector.tobytes(), seconds, time.time()) for key, vector in vectors.items())
        connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
    _make_room()


def _make_room() -> None:
    """Deletes what was used longest ago once the file is too large."""
    too_much = kept_bytes() - MOST_BYTES
    if too_much <= 0:
        return
    with _connection() as connection:
        (count,) = connection.execute("SELECT count(*) FROM vectors").fetchone()
        share = min(1.0, too_much / kept_bytes() + _SPARE_SHARE)
        connection.execute(
            "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY used_at LIMIT ?)",
            (int(share * count) + 1,),
        )
    with _connection() as connection:
        connection.execute("VACUUM")


@contextmanager
def _connection() -> Iterator[sqlite3.Connection]:
    """One transaction."""
    with closing(sqlite3.connect(vectors_file(), timeout=10)) as connection:
        connection.execute(_TABLE)
        connection.commit()
        with connection:
            yield connection
