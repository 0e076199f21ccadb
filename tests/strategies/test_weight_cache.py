"""Unpacked weights are whole or absent, and what was damaged is unpacked again."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from strategies.engine.sealed_folder import SUMS
from strategies.engine.weight_cache import cached

WEIGHTS = bytes(range(256)) * 64


def unpack(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "config.json").write_text("{}")


def refuse(folder: Path) -> None:
    raise AssertionError(f"{folder} was to be unpacked, but there are sound weights")


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF" * 100)
    return tmp_path / "tiny.gguf"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[99] ^= 1
    path.write_bytes(content)


def test_weights_are_unpacked_once_and_a_copy_of_the_file_has_the_same(gguf: Path, tmp_path: Path) -> None:
    folder = cached(gguf, tmp_path / "cache", unpack)
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    (copy / gguf.name).write_bytes(gguf.read_bytes())
    assert cached(copy / gguf.name, tmp_path / "cache", refuse) == folder
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "config.json", SUMS}


@pytest.mark.parametrize(
    "damage",
    [flip, lambda path: path.write_bytes(WEIGHTS[:99]), Path.unlink],
    ids=["flipped", "cut", "gone"],
)
def test_damaged_weights_are_unpacked_again(gguf: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    folder = cached(gguf, tmp_path / "cache", unpack)
    cached(gguf, tmp_path / "cache", refuse)  # so that they were checked today
    damage(folder / "model.safetensors")
    assert cached(gguf, tmp_path / "cache", unpack) == folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert not list((tmp_path / "cache").glob(".*"))


def test_weights_that_rot_on_the_disk_are_noticed_the_next_day(gguf: Path, tmp_path: Path) -> None:
    """What no program wrote to has the same times, so only reading it tells."""
    folder = cached(gguf, tmp_path / "cache", unpack)
    sums = (folder / SUMS).read_text()
    (folder / SUMS).write_text(sums.replace(sums[0], "0" if sums[0] != "0" else "1", 1))  # instead of the weights
    cached(gguf, tmp_path / "cache", unpack)
    assert (folder / SUMS).read_text() == sums  # never checked before, so it was read
    cached(gguf, tmp_path / "cache", refuse)
    (folder / SUMS).write_text(sums.replace(sums[0], "0" if sums[0] != "0" else "1", 1))
    cached(gguf, tmp_path / "cache", refuse)
    (noted,) = (tmp_path / "cache").glob("*.checked")
    os.utime(noted, (noted.stat().st_mtime - 25 * 3600,) * 2)
    cached(gguf, tmp_path / "cache", unpack)
    assert (folder / SUMS).read_text() == sums


def test_weights_of_an_earlier_version_are_used_as_they_are(gguf: Path, tmp_path: Path) -> None:
    folder = cached(gguf, tmp_path / "cache", unpack)
    (folder / SUMS).unlink()
    assert cached(gguf, tmp_path / "cache", refuse) == folder


def stop_halfway(gguf: Path, cache: Path, reports: Connection) -> None:
    def unpack_half(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(WEIGHTS[:99])
        reports.send("half")
        reports.recv()  # never comes

    cached(gguf, cache, unpack_half)


def test_a_process_that_is_killed_while_it_unpacks_leaves_nothing(gguf: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    heard, reports = context.Pipe()
    process = context.Process(target=stop_halfway, args=(gguf, tmp_path / "cache", reports))
    process.start()
    assert heard.recv() == "half"
    process.kill()
    process.join()
    assert [path.name.startswith(".") for path in (tmp_path / "cache").iterdir()] == [True]
    folder = cached(gguf, tmp_path / "cache", unpack)
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [folder.suffix]


def test_what_cannot_be_unpacked_leaves_nothing_and_harms_nothing(gguf: Path, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        unpack(folder)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        cached(gguf, tmp_path / "cache", fail)
    assert not list((tmp_path / "cache").iterdir())
