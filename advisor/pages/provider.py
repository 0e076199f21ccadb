"""The log-in provider in secrets.toml, and who of its people may enter.

Why Threeways reads the file itself: Streamlit reads it again only when its watcher sees a later time of change, and
stops watching a file that was away. Somebody who was taken out of [team] would stay in.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st

from eval.task import BadInput

DEFAULT = "default"  # the name of the provider whose settings stand in [auth] itself
_SHORTEST_SECRET = 32  # characters: who guesses it can be anybody
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_OF_STREAMLIT = "connections"  # a table for other programs, which says nothing about log-in
_ALIKE = 0.75  # "taem" and "team"
_WELCOME = re.compile(r"[^@\s]*@[^@\s]+")  # an address, or its ending

_Stamp = tuple[str, tuple[int, ...] | None]


@dataclass(frozen=True, slots=True)
class Provider:
    """`auth` is the table [auth]. `welcome` are the addresses, and endings such as @example.com, under [team]; None if
    the provider alone decides who may enter."""

    auth: Mapping[str, Any]
    welcome: tuple[str, ...] | None

    @property
    def names(self) -> list[str]:
        """Of one or several providers, in the order in which they stand in the file."""
        named = [name for name, one in self.auth.items() if isinstance(one, Mapping) and "client_id" in one]
        return [*([DEFAULT] if "client_id" in self.auth else []), *named]

    def welcomes(self, email: str) -> bool:
        if self.welcome is None:
            return True
        known = in_small_letters(email)
        return any(known.endswith(one) if one.startswith("@") else known == one for one in self.welcome)


def log_in_provider() -> Provider | None:
    """As the file says now; None if it names none. Raises BadInput if it isn't clear who may enter."""
    return _read(tuple(_stamp(file) for file in st.get_option("secrets.files")))


def in_small_letters(address: str) -> str:
    """Only A to Z: other letters that look the same, or that have the same small letter, make another address."""
    return "".join(sign.lower() if sign.isascii() else sign for sign in address)


def _stamp(file: str) -> _Stamp:
    """Changes with the file."""
    try:
        found = Path(file).stat()
    except OSError as wrong:
        if isinstance(wrong, FileNotFoundError) and not os.path.lexists(file):
            return file, None
        raise BadInput(
            f"{file} can't be read ({wrong.strerror}), so it isn't clear who may log in; correct it."
        ) from wrong
    return file, (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=1)
def _read(files: tuple[_Stamp, ...]) -> Provider | None:
    """Read again only after a change: each look at a page asks."""
    found: dict[str, Any] = {}
    for file, stamp in files:
        found |= _tables_of(file) if stamp else {}  # Streamlit, too, takes the last file that has a table
    _check_names(found)
    if "auth" not in found:
        return None
    auth = _table(found, "auth")
    for one in (auth, *(section for section in auth.values() if isinstance(section, Mapping))):
        if misplaced := next((name for name in one if "email" in name.casefold()), None):
            raise BadInput(f"{misplaced} in secrets.toml belongs under [team], not under [auth]; move it there.")
    st.secrets._reset()  # so that Streamlit signs with the same secret as the file says
    st.secrets.load_if_toml_exists()
    return Provider(auth, _welcome_in(_table(found, "team")) if "team" in found else None)


def _tables_of(file: str) -> dict[str, Any]:
    if not file.endswith(".toml"):
        raise BadInput(f"{file} is no .toml file, so it isn't clear who may log in; set secrets.files to one.")
    try:
        return tomllib.loads(Path(file).read_text("utf-8"))
    except (OSError, ValueError) as wrong:
        raise BadInput(f"{file} can't be read ({wrong}), so it isn't clear who may log in; correct it.") from wrong


def _check_names(found: Mapping[str, Any]) -> None:
    """Raises BadInput for a name that nothing reads, if it may stand for one of ours: then everybody could enter."""
    if "team" in found and "auth" not in found:
        raise BadInput("[team] in secrets.toml needs [auth], which says how people log in; docs/team.md shows it.")
    for name, value in found.items():
        if name in ("auth", "team", _OF_STREAMLIT):
            continue
        is_alike = get_close_matches(name.casefold(), ("auth", "team", "emails"), 1, _ALIKE)
        if is_alike or ("auth" in found and isinstance(value, Mapping)):
            raise BadInput(
                f"Threeways doesn't know {name} in secrets.toml; say who may log in under [auth] and [team], as "
                "docs/team.md shows, and take other tables out."
            )


def _table(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = found[name]
    if not isinstance(table, Mapping):
        raise BadInput(f"{name} in secrets.toml is no table; write [{name}] as docs/team.md shows.")
    return table


def _welcome_in(team: Mapping[str, Any]) -> tuple[str, ...]:
    if set(team) != {"emails"}:
        raise BadInput(
            "[team] in secrets.toml needs one setting, emails, and no other; write there, for example: "
            'emails = ["@example.com"]'
        )
    emails = [team["emails"]] if isinstance(team["emails"], str) else team["emails"]
    if not isinstance(emails, list) or not emails:
        raise BadInput("emails under [team] in secrets.toml is no list of addresses; write one, or take [team] out.")
    for one in emails:
        if not isinstance(one, str) or not _WELCOME.fullmatch(one):
            raise BadInput(
                f"{one!r} under [team] in secrets.toml is neither an e-mail address nor an ending such as "
                "@example.com; correct it."
            )
    return tuple(in_small_letters(one) for one in emails)


def check_provider(provider: Provider) -> None:
    """Raises BadInput if nobody could log in, or if everybody could."""
    auth = provider.auth
    if find_spec("authlib") is None:
        raise BadInput("secrets.toml names a log-in provider, which needs Authlib; install it with: make team")
    if "redirect_uri" not in auth:
        raise BadInput("[auth] in secrets.toml lacks redirect_uri, such as https://HOST/oauth2callback; add it.")
    if len(str(auth.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        raise BadInput(
            f"cookie_secret under [auth] in secrets.toml needs {_SHORTEST_SECRET} characters or more, or it could be "
            "guessed; take the output of: python -c 'import secrets; print(secrets.token_hex())'"
        )
    if not provider.names:
        raise BadInput("[auth] in secrets.toml names no provider; add client_id, client_secret, server_metadata_url.")
    for name in provider.names:
        section = auth if name == DEFAULT else auth[name]
        if missing := [one for one in _OF_A_PROVIDER if one not in section]:
            raise BadInput(f"The provider in secrets.toml ({name}) lacks {' and '.join(missing)}; add what is missing.")
