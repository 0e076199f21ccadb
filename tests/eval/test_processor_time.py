"""The seconds that work would take on a quiet machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from eval.measuring.processor_time import Spell, Stopwatch

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long threads wait")


@pytest.fixture
def busy_machine() -> Iterator[None]:
    """Three programs per core that never stop."""
    programs = [
        subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
        for _ in range(3 * (os.cpu_count() or 1))
    ]
    for program in programs:
        assert program.stdout is not None
        program.stdout.readline()
    yield
    for program in programs:
        program.kill()
        program.communicate()


def work() -> Spell:
    watch, total = Stopwatch(), 0
    for at in range(15_000_000):
        total += at
    return watch.read()


@linux
def test_what_other_programs_take_is_left_out(busy_machine: None) -> None:
    spell = work()
    assert spell.seconds > 1.5 * spell.processor_seconds  # they did take something
    assert spell.undisturbed_seconds == pytest.approx(spell.processor_seconds, rel=0.2)


@linux
def test_waiting_for_something_else_than_a_core_still_counts() -> None:
    watch = Stopwatch()
    time.sleep(0.2)
    spell = watch.read()
    assert spell.undisturbed_seconds is not None
    assert 0.15 < spell.undisturbed_seconds <= spell.seconds and spell.processor_seconds < 0.1


def test_a_part_that_took_longer_elsewhere_is_added_to_both() -> None:
    assert Spell(1.0, 0.5, 0.75).longer_by(0.25) == Spell(1.25, 0.5, 1.0)
    assert Spell(1.0, 0.5, 0.75).longer_by(-0.875) == Spell(0.125, 0.5, 0.0)
    assert Spell(1.0, 0.5, None).longer_by(0.25) == Spell(1.25, 0.5, None)
    assert Spell(1.0, 0.5, 0.75).longer_by(0.0) == Spell(1.0, 0.5, 0.75)
