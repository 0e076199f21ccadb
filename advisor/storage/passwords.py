"""The password file of a small team: one line for each person, with the argon2 hash of their password.

Hashes are slow to compute on purpose, so a stolen file gives no passwords away soon. The file lies in the home folder,
or where THREEWAYS_PASSWORDS says, and only its owner may read it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from filelock import FileLock

from advisor.storage.files import write_whole
from eval.task import BadInput

SHORTEST, _LONGEST = 10, 1_000  # characters of a password
_NAME = re.compile(r"[\w.@-]{1,64}")
_FOR_OTHERS = 0o077

_hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106 for little memory: 64 MB and some 50 ms a try


@dataclass(frozen=True, slots=True)
class Account:
    """A line of the file."""

    name: str
    hash: str

    @property
    def key(self) -> str:
        return key_of(self.name)


def password_file(home: Path) -> Path:
    """Where it is, or would be."""
    return named_file() or home / "passwords"


def named_file() -> Path | None:
    """The one that THREEWAYS_PASSWORDS names."""
    named = os.environ.get("THREEWAYS_PASSWORDS")
    return Path(named).expanduser().absolute() if named else None


def key_of(name: str) -> str:
    """Names that differ only in case, or in how their accents are stored, are the same person."""
    return unicodedata.normalize("NFKC", name).casefold()


def read_accounts(path: Path) -> dict[str, Account]:
    """By key. Raises BadInput if others may read or change the file, or if it can't be read."""
    try:
        found = path.stat()
        return _read(path, found.st_mtime_ns, found.st_size, found.st_ino, stat.S_IMODE(found.st_mode))
    except (OSError, UnicodeDecodeError) as wrong:
        raise BadInput(f"The password file {path} can't be read ({wrong}); check the path and its owner.") from wrong


@lru_cache(maxsize=1)
def _read(path: Path, changed_at: int, size: int, inode: int, mode: int) -> dict[str, Account]:
    """Read again only after a change: each look at a page asks."""
    if mode & _FOR_OTHERS:
        raise BadInput(f"Others on this machine can open the password file {path}; run: chmod 600 {path}")
    lines = (line.partition(":") for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return {key_of(name): Account(name, hashed) for name, _, hashed in lines}


def check_name(name: str) -> None:
    """Raises BadInput if it can't be one."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} can't be a name; use 1 to 64 letters, digits, dots, hyphens, underscores or @.")


def set_password(path: Path, name: str, password: str) -> bool:
    """Whether the name is new; otherwise it has another password now. Raises BadInput if one of them can't be used."""
    check_name(name)
    if len(password) < SHORTEST:
        raise BadInput(f"The password has {len(password)} characters; use {SHORTEST} or more.")
    if len(password) > _LONGEST:
        raise BadInput(f"The password has {len(password):,} characters; use at most {_LONGEST:,}.")
    hashed = _hasher.hash(password)
    with _changing(path):
        accounts = read_accounts(path) if path.exists() else {}
        is_new = key_of(name) not in accounts
        _write(path, accounts | {key_of(name): Account(accounts.get(key_of(name), Account(name, "")).name, hashed)})
    return is_new


def remove_account(path: Path, name: str) -> None:
    """Raises BadInput if there is no such name."""
    with _changing(path):
        accounts = read_accounts(path)
        if accounts.pop(key_of(name), None) is None:
            raise BadInput(f"There is no {name!r} in {path}; check the spelling.")
        _write(path, accounts)


def _changing(path: Path) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(f"{path.name}.lock"), mode=0o600)
    except OSError as wrong:
        raise BadInput(f"{path.parent} can't be made ({wrong.strerror}); choose another folder.") from wrong


def _write(path: Path, accounts: dict[str, Account]) -> None:
    """With the mode 600, which a temporary file has from its first moment."""
    write_whole(path, "".join(f"{one.name}:{one.hash}\n" for one in accounts.values()))


def check_password(path: Path, name: str, password: str) -> Account | None:
    """The account if this is its password. An unknown name takes as long as a known one, so that nobody can find out
    by the time who has an account. Raises BadInput if the file can't be used."""
    account = read_accounts(path).get(key_of(name))
    stand_in = _stand_in()
    if len(password) > _LONGEST:
        password = ""
    try:
        _hasher.verify(account.hash if account else stand_in, password)
        return account
    except VerificationError:
        return None
    except InvalidHashError:  # a line that somebody wrote by hand
        with suppress(VerificationError):
            _hasher.verify(stand_in, password)
        return None


@cache
def _stand_in() -> str:
    """The hash that is tried for an unknown name. Nobody knows its password, and a hit would still give no account."""
    return _hasher.hash(secrets.token_hex())
