"""How people log in on this server, and that nobody reaches it from another machine without."""

from __future__ import annotations

import socket
import sys
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Literal

import streamlit as st

from advisor.pages.provider import check_provider, log_in_provider
from advisor.storage.passwords import named_file, password_file, read_accounts
from advisor.storage.store import home_at
from eval.task import BadInput

Way = Literal["password", "provider"]
REFUSAL = (
    "Threeways answers other machines only if people log in: add a person with 'python -m advisor password NAME', or "
    "set up OIDC as docs/team.md says, or start it with --server.address 127.0.0.1."
)
_EVERYONE = (
    "Everyone whom the log-in provider lets in may enter, because secrets.toml has no [team]; docs/team.md says how to "
    "name the people."
)
_homes_with_log_in: set[Path] = set()  # since this process started


def way_in() -> Way | None:
    """None where nobody logs in. Raises BadInput if it isn't clear how, because then nobody may enter."""
    by_provider, by_password = log_in_provider() is not None, _is_by_password()
    home, file = home_at(), password_file(home_at())
    if by_provider and by_password:
        raise BadInput(
            "People can log in with a password or with the provider in secrets.toml, not both: move "
            f"{file} away, or take [auth] out of secrets.toml."
        )
    if by_provider or by_password:
        _homes_with_log_in.add(home)
    elif home in _homes_with_log_in:
        raise BadInput(
            f"People had to log in here, but now {file} and [auth] in secrets.toml are both gone; put back what you "
            "had, or restart the server if nobody should log in any more."
        )
    return "provider" if by_provider else "password" if by_password else None


def _is_by_password() -> bool:
    """Also if the file is a link to one that isn't there at the moment."""
    if named_file() is not None:
        return True
    try:
        password_file(home_at()).lstat()
    except FileNotFoundError:
        return False
    except OSError as wrong:
        raise BadInput(f"The password file can't be looked for ({wrong}); check the path and its owner.") from wrong
    return True


def check_before_serving() -> None:
    """Ends this process with one sentence if the server would let strangers in, or nobody.

    The option says what `streamlit run` listens on. Another server, such as uvicorn, may listen elsewhere: there, the
    door refuses each request that comes from another machine.
    """
    try:
        way = way_in()
        provider = log_in_provider()
        if provider is not None:
            check_provider(provider)
        elif way == "password":
            read_accounts(password_file(home_at()))
    except BadInput as wrong:
        sys.exit(str(wrong))
    if way is None and not is_on_this_machine(st.get_option("server.address") or "0.0.0.0"):
        sys.exit(REFUSAL)
    if provider is not None and provider.welcome is None:
        sys.stderr.writelines([_EVERYONE, "\n"])


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
