"""The parts of an answer's time add up to it, and nobody pays while nobody listens."""

import time

import pytest

from eval.measuring.phases import LOOKING_UP, READING, listening, phase


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def test_phases_are_told_apart_and_added_up() -> None:
    with listening() as spent:
        began = time.perf_counter()
        for _ in range(2):
            with phase(READING):
                spin(0.01)
        with pytest.raises(ValueError), phase(LOOKING_UP):
            spin(0.01)
            raise ValueError
        whole = time.perf_counter() - began
    assert set(spent) == {READING, LOOKING_UP}
    assert spent[READING] >= 0.02 and spent[LOOKING_UP] >= 0.01 and sum(spent.values()) <= whole


def test_what_nobody_listens_to_is_not_kept() -> None:
    with phase(READING):
        pass
    with listening() as spent:
        pass
    with phase(READING):
        pass
    assert spent == {}
