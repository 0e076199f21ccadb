"""The licence of a base model, as far as its own files say. Imports no torch."""

from __future__ import annotations

import re
from pathlib import Path

from strategies.engine.models import SUGGESTIONS

_FRONT = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)
_LICENCE = re.compile(r"^(license|license_name): *[\"']?([\w.+-]+)", re.MULTILINE)


def licence_of(name: str, path: Path) -> str | None:
    """That of a model we suggest, or what the README.md in its folder says first; None if neither says."""
    known = {one.name: one.licence for one in SUGGESTIONS}
    if name in known:
        return known[name]
    folder = path if path.is_dir() else path.parent
    try:
        front = _FRONT.match((folder / "README.md").read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    said = dict(_LICENCE.findall(front.group(1))) if front else {}
    return said.get("license_name") or said.get("license")
