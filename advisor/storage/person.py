"""Somebody who logs in on a server of a team."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Runs and uploads belong to the `key`, which stays the same for as long as the person has their account. The
    `name` is only shown."""

    key: str
    name: str
