"""`python -m tests.benchmarks.fuzz_uploads FOLDER ... --count 2000`: damaged uploads, from the reader to the split.

The files of the folders are the seeds. Each mutant is read in a forked child with the limits of `eval.reading.apart`,
and what was read is made a task, checked and split. With `--apart`, it is read as the pages and the command line read
it, in a spawned child, which takes ten times as long. The only allowed ends are a result and one sentence (BadInput).
"""

from __future__ import annotations

import argparse
import io
import os
import random
import select
import signal
import sys
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

# Loaded once, before the fork: the readers load them when they need them.
import charset_normalizer  # noqa: F401
import openpyxl  # noqa: F401
import pyarrow.parquet  # noqa: F401
import pypdf  # noqa: F401
import scipy.sparse.csgraph  # noqa: F401
import sklearn.feature_extraction.text
import sklearn.random_projection  # noqa: F401

from eval.checks import check_task
from eval.mapping.build import build_task
from eval.mapping.columns import guess_columns
from eval.reading.apart import _limit, read_documents_apart, read_table_apart
from eval.reading.documents import DOCUMENT_ENDINGS, FoundDocuments, read_documents
from eval.reading.table import TABLE_ENDINGS, Table, read_table
from eval.splitting.split import split_task
from eval.task import BadInput

HANG_SECONDS = 10  # of processor time
LOST_SECONDS = 120  # by the clock, on a machine that others use too
LARGEST_SEED = 300_000
_ENCODINGS = ("utf-16", "utf-8-sig", "cp1252", "cp932", "gb18030", "utf-32", "cp1255")
_MARKS = (b'"', b"'", b",", b";", b"\t", b"\n", b"\r", b"{", b"}", b"[", b"]", b"\\", b"<", b">", b"&", b"\0", b"%")
_INSERTED = (
    b"[" * 20_000, b'{"a":' * 20_000, b"9" * 5_000, b"1e999", b"-0.0", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\\ud800", b'"' * 999, b"\n" * 5_000, b"," * 3_000, b"=cmd|' /C calc'!A0", b"\x1a",
    b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 99 + b'"><!ENTITY c "&b;&b;&b;">]>&c;', b"<div>" * 5_000,
    b"PK\x03\x04", b"%PDF-1.7", "\u202e\u200d\ufdfa".encode(),
)  # fmt: skip


def mutants(seeds: Sequence[tuple[str, bytes]], count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Named as the seed, so that the same reader gets it; now and then as another kind of file."""
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        name, content = chance.choice(seeds)
        for _ in range(chance.choice((1, 1, 2, 4))):
            content = chance.choice(_MUTATIONS)(content, chance)
        if chance.random() < 0.06:
            name = f"{Path(name).stem}{chance.choice([*TABLE_ENDINGS, *DOCUMENT_ENDINGS])}"
        yield name, content


def _flip(content: bytes, chance: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(chance.choice((1, 3, 30)) if found else 0):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def _cut(content: bytes, chance: random.Random) -> bytes:
    a, b = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return chance.choice((content[:a], content[a:], content[:a] + content[b:], content[a:b]))


def _repeat(content: bytes, chance: random.Random) -> bytes:
    a, b = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:b] + content[a:b] * chance.choice((1, 2, 20)) + content[b:]


def _insert(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content) + 1)
    return content[:at] + chance.choice(_INSERTED) + content[at:]


def _without_mark(content: bytes, chance: random.Random) -> bytes:
    mark = chance.choice(_MARKS)
    return content.replace(mark, chance.choice((b"", chance.choice(_MARKS))), chance.choice((1, -1)))


def _encoded(content: bytes, chance: random.Random) -> bytes:
    """All of it, or the second half, in another encoding."""
    half = chance.choice((0, len(content) // 2))
    return content[:half] + content[half:].decode("utf-8", "replace").encode(chance.choice(_ENCODINGS), "replace")


def _in_zip(content: bytes, chance: random.Random) -> bytes:
    """A ZIP that holds the file, once or within another; or the parts of a ZIP, each damaged by itself."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        try:
            parts = zipfile.ZipFile(io.BytesIO(content))
            for part in parts.namelist():
                inner = parts.read(part)
                archive.writestr(part, _flip(inner, chance) if chance.random() < 0.3 else inner)
        except Exception:
            archive.writestr(chance.choice(("a.csv", "a.zip", "a.md", "b.json", "../a.csv")), content)
            archive.writestr("zeros.txt", bytes(chance.choice((0, 1_000, 50_000_000))))
    return packed.getvalue()


_MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _cut, _repeat, _insert, _without_mark, _encoded, _in_zip,
)  # fmt: skip


def use(
    name: str,
    content: bytes,
    table_in: Callable[[str, bytes], Table] = read_table,
    documents_in: Callable[[str, bytes], FoundDocuments] = read_documents,
) -> str:
    """What the product does with an upload. Returns how far it came; raises whatever goes wrong."""
    try:
        if Path(name).suffix.casefold() in TABLE_ENDINGS:
            table = table_in(name, content)
            task = build_task(table, guess_columns(table), kind=None, name="task").task
            check_task(task)
            split_task(task, seed=0)
        else:
            documents_in(name, content)
    except BadInput as refused:
        sentence = str(refused)
        if "\n" in sentence.strip() or len(sentence) > 1_000:
            raise AssertionError(f"not one clear sentence: {sentence[:300]!r}") from refused
        return "refused"
    return "read"


def use_really(name: str, content: bytes) -> str:
    """`use` as the product does: "read", "refused" or a traceback."""
    try:
        return use(name, content, read_table_apart, read_documents_apart)
    except Exception:
        return traceback.format_exc()[-3_000:]


def use_apart(name: str, content: bytes) -> str:
    """`use` in a forked child: "read", "refused", "killed" (a limit or a crash, one sentence in the product), "hangs",
    or a traceback."""
    answers, answer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answers)
        _limit(HANG_SECONDS)
        try:
            end = use(name, content)
        except MemoryError:
            end = "killed"
        except BaseException:
            end = traceback.format_exc()[-3_000:]
        os.write(answer, end.encode("utf-8", "replace"))
        os._exit(0)
    os.close(answer)
    ready, _, _ = select.select([answers], [], [], LOST_SECONDS)
    found = os.read(answers, 65_536).decode() if ready else "hangs"
    os.close(answers)
    if not ready:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return found or ("hangs" if by in (signal.SIGXCPU, signal.SIGKILL) else "killed")


def seeds_in(folders: Sequence[Path]) -> list[tuple[str, bytes]]:
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    known = (*TABLE_ENDINGS, *DOCUMENT_ENDINGS)
    return [
        (path.name, path.read_bytes())
        for path in files
        if path.suffix.casefold() in known and path.stat().st_size <= LARGEST_SEED
    ]


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--count", type=int, default=2_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--keep", type=Path, help="a folder for the mutants that fail")
    arguments.add_argument("--apart", action="store_true", help="as the product reads them")
    given = arguments.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    ends: Counter[str] = Counter()
    slowest = 0.0
    for number, (name, content) in enumerate(mutants(seeds_in(given.folders), given.count, given.seed)):
        start = time.perf_counter()
        end = (use_really if given.apart else use_apart)(name, content)
        slowest = max(slowest, time.perf_counter() - start)
        kind = end if len(end) < 10 else "traceback"
        ends[kind] += 1
        if kind in ("hangs", "traceback"):
            sys.stdout.write(f"{number} {name}: {end}\n")
            if given.keep:
                (given.keep / f"{number}-{name}").write_bytes(content)
    sys.stdout.write(f"{dict(ends)}, the slowest took {slowest:.1f} s\n")
    return ends["hangs"] + ends["traceback"]


if __name__ == "__main__":
    sys.exit(main() > 0)
