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
from argon2.exceptions import VerificationError
from filelock import FileLock

from advisor.storage.files import write_whole
from eval.task import BadInput

SHORTEST, _LONGEST = 10, 1_000  # characters of a password
LONGEST_NAME = 64  # characters
_NAME = re.compile(rf"[\w.@-]{{1,{LONGEST_NAME}}}")
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
    accounts = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if _is_remark(line):
            continue
        name, _, hashed = line.partition(":")
        if not _NAME.fullmatch(name):
            raise BadInput(f"Line {number} of the password file {path} doesn't begin with a name; correct the line.")
        accounts[key_of(name)] = Account(name, hashed)
    return accounts


def _is_remark(line: str) -> bool:
    return not line.strip() or line.startswith("#")


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
    real = _target(path)
    with _changing(real):
        known = read_accounts(real).get(key_of(name)) if real.exists() else None
        _replace_line(real, key_of(name), Account(known.name if known else name, hashed))
    return known is None


def remove_account(path: Path, name: str) -> None:
    """Raises BadInput if there is no such name."""
    real = _target(path)
    with _changing(real):
        if key_of(name) not in read_accounts(real):
            raise BadInput(f"There is no {name!r} in {path}; check the spelling.")
        _replace_line(real, key_of(name), None)


def renew_hash(path: Path, account: Account, password: str) -> Account:
    """The account with a hash as this version of argon2 makes it, if it has an older or weaker one. The password stays
    the same. A file that can't be written, or that has changed meanwhile, stays as it is."""
    if not _hasher.check_needs_rehash(account.hash):
        return account
    renewed = Account(account.name, _hasher.hash(password))
    with suppress(BadInput, OSError):
        real = _target(path)
        with _changing(real):
            if read_accounts(real).get(account.key) == account:
                _replace_line(real, account.key, renewed)
                return renewed
    return account


def _target(path: Path) -> Path:
    """Where the file really lies: a link to it stays one. Raises BadInput if the link leads nowhere."""
    if path.is_symlink() and not path.exists():
        raise BadInput(f"{path} is a link to a file that isn't there; restore that file, or delete the link.")
    return Path(os.path.realpath(path))


def _changing(path: Path) -> FileLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path.with_name(f"{path.name}.lock"), mode=0o600)
    except OSError as wrong:
        raise BadInput(f"{path.parent} can't be made ({wrong.strerror}); choose another folder.") from wrong


def _replace_line(path: Path, key: str, account: Account | None) -> None:
    """With the mode 600, which a temporary file has from its first moment. Remarks and other lines stay."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    found = [at for at, line in enumerate(lines) if not _is_remark(line) and key_of(line.partition(":")[0]) == key]
    kept = [line for at, line in enumerate(lines) if at not in found]
    if account is not None:
        kept.insert(found[0] if found else len(kept), f"{account.name}:{account.hash}")
    write_whole(path, "".join(f"{line}\n" for line in kept))


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
    except ValueError:  # no argon2 hash: a line that somebody wrote by hand
        with suppress(VerificationError):
            _hasher.verify(stand_in, password)
        return None


@cache
def _stand_in() -> str:
    """The hash that is tried for an unknown name. Nobody knows its password, and a hit would still give no account."""
    return _hasher.hash(secrets.token_hex())
