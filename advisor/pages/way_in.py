"""How people log in on this server, and that nobody reaches it from another machine without."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from advisor.storage.passwords import named_file, password_file, read_accounts
from advisor.storage.store import home_at
from eval.task import BadInput

Way = Literal["password", "provider"]
REFUSAL = (
    "Threeways answers other machines only if people log in: add a person with 'python -m advisor password NAME', or "
    "set up OIDC as docs/team.md says, or start it with --server.address 127.0.0.1."
)
_SHORTEST_SECRET = 32  # characters: who guesses it can be anybody
_OF_A_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
DEFAULT = "default"  # the name of the provider whose settings stand in [auth] itself


def way_in() -> Way | None:
    """None where nobody logs in. Raises BadInput if it isn't clear how, because then nobody may enter."""
    by_provider = auth_settings() is not None
    try:
        by_password = named_file() is not None or password_file(home_at()).exists()
    except OSError as wrong:
        raise BadInput(f"The password file can't be looked for ({wrong}); check the path and its owner.") from wrong
    if by_provider and by_password:
        raise BadInput(
            "People can log in with a password or with the provider in secrets.toml, not both: move "
            f"{password_file(home_at())} away, or take [auth] out of secrets.toml."
        )
    return "provider" if by_provider else "password" if by_password else None


def auth_settings() -> Mapping[str, Any] | None:
    """[auth] of Streamlit's secrets.toml; None if there is none. Raises BadInput if the file can't be read."""
    if st.secrets.load_if_toml_exists():
        found = st.secrets.get("auth")
        return found if isinstance(found, Mapping) else None
    for file in st.get_option("secrets.files"):
        if Path(file).exists():
            raise BadInput(f"{file} can't be read, so it isn't clear who may log in; correct it.")
    return None


def providers(auth: Mapping[str, Any]) -> list[str]:
    """Their names under [auth], in the order in which they stand there."""
    named = [name for name, section in auth.items() if isinstance(section, Mapping) and "client_id" in section]
    return [*([DEFAULT] if "client_id" in auth else []), *named]


def welcome_emails() -> tuple[str, ...] | None:
    """Addresses, and endings such as @example.com, of the people who may enter; None if the provider alone decides."""
    team = st.secrets.get("team") if st.secrets.load_if_toml_exists() else None
    found = team.get("emails") if isinstance(team, Mapping) else None
    if found is None:
        return None
    return tuple(str(one).casefold() for one in ([found] if isinstance(found, str) else found))


def check_before_serving() -> None:
    """Ends this process with one sentence if the server would let strangers in, or nobody.

    The option says what `streamlit run` listens on. Another server, such as uvicorn, may listen elsewhere: there, the
    door refuses each request that comes from another machine.
    """
    try:
        way = way_in()
        if way == "provider":
            check_provider(auth_settings() or {})
        elif way == "password":
            read_accounts(password_file(home_at()))
    except BadInput as wrong:
        sys.exit(str(wrong))
    if way is None and not is_on_this_machine(st.get_option("server.address") or "0.0.0.0"):
        sys.exit(REFUSAL)


def check_provider(auth: Mapping[str, Any]) -> None:
    """Raises BadInput if nobody could log in, or if everybody could."""
    if find_spec("authlib") is None:
        raise BadInput("secrets.toml names a log-in provider, which needs Authlib; install it with: make team")
    if "redirect_uri" not in auth:
        raise BadInput("[auth] in secrets.toml lacks redirect_uri, such as https://HOST/oauth2callback; add it.")
    if len(str(auth.get("cookie_secret", ""))) < _SHORTEST_SECRET:
        raise BadInput(
            f"cookie_secret under [auth] in secrets.toml needs {_SHORTEST_SECRET} characters or more, or it could be "
            "guessed; take the output of: python -c 'import secrets; print(secrets.token_hex())'"
        )
    if not providers(auth):
        raise BadInput("[auth] in secrets.toml names no provider; add client_id, client_secret, server_metadata_url.")
    for name in providers(auth):
        section = auth if name == DEFAULT else auth[name]
        if missing := [one for one in _OF_A_PROVIDER if one not in section]:
            raise BadInput(f"The provider in secrets.toml ({name}) lacks {' and '.join(missing)}; add what is missing.")


def is_on_this_machine(address: str) -> bool:
    """Whether an address, or all that a name stands for, is the loopback of this machine."""
    try:
        found = {address} if _is_number(address) else {str(one[4][0]) for one in socket.getaddrinfo(address, None)}
    except OSError:  # an unknown name
        return False
    return bool(found) and all(_is_loopback(one) for one in found)


def _is_number(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    one = ip_address(address.partition("%")[0])
    mapped = one.ipv4_mapped if isinstance(one, IPv6Address) else None
    return (mapped or one).is_loopback
