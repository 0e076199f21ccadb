"""The password file: what is in it, who may read it, and that a wrong name takes as long as a wrong password."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from argon2 import PasswordHasher

from advisor.storage import passwords
from advisor.storage.passwords import (
    check_password,
    password_file,
    read_accounts,
    remove_account,
    renew_hash,
    set_password,
)
from eval.task import BadInput
from tests.app import ROOT

GOOD, OTHER = "correct horse battery", "another good password"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "passwords"


def test_a_name_and_its_password_open_an_account(file: Path) -> None:
    assert set_password(file, "Anna", GOOD) and set_password(file, "bob@example.com", OTHER)
    account = check_password(file, "anna", GOOD)
    assert account is not None and (account.name, account.key) == ("Anna", "anna")
    assert check_password(file, "ANNA", OTHER) is None and check_password(file, "carl", GOOD) is None
    assert check_password(file, "anna", "") is check_password(file, "", "") is None
    assert check_password(file, "anna", GOOD + "x" * 2_000) is None


def test_only_hashes_are_stored_and_only_the_owner_reads_them(file: Path) -> None:
    set_password(file, "anna", GOOD)
    text = file.read_text()
    assert GOOD not in text and text.startswith("anna:$argon2id$") and text.count("\n") == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_file_that_others_can_open_is_refused(file: Path, mode: int) -> None:
    set_password(file, "anna", GOOD)
    file.chmod(mode)
    with pytest.raises(BadInput, match=r"Others on this machine can open .* run: chmod 600"):
        check_password(file, "anna", GOOD)
    file.chmod(0o600)
    assert check_password(file, "anna", GOOD)


def test_a_new_password_replaces_the_old_one_and_a_removed_name_is_unknown(file: Path) -> None:
    set_password(file, "Anna", GOOD)
    set_password(file, "bob", GOOD)
    assert not set_password(file, "anna", OTHER)
    assert check_password(file, "anna", GOOD) is None
    assert [one.name for one in read_accounts(file).values()] == ["Anna", "bob"]
    remove_account(file, "ANNA")
    assert check_password(file, "anna", OTHER) is None and check_password(file, "bob", GOOD)
    with pytest.raises(BadInput, match="There is no 'anna'"):
        remove_account(file, "anna")


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a\nb", "../a", "x" * 65])
def test_a_name_that_would_break_the_file_is_refused(file: Path, name: str) -> None:
    with pytest.raises(BadInput, match="can't be a name"):
        set_password(file, name, GOOD)
    assert not file.exists()


@pytest.mark.parametrize(("password", "said"), [("123456789", "has 9 characters"), ("x" * 1_001, "has 1,001")])
def test_a_password_that_is_too_short_or_too_long_is_refused(file: Path, password: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        set_password(file, "anna", password)


def test_a_line_that_was_written_by_hand_opens_nothing(file: Path) -> None:
    set_password(file, "anna", GOOD)
    with file.open("a") as lines:
        lines.write(f"# a remark\n\nbob:{GOOD}\ncarl\n")
    assert check_password(file, "bob", GOOD) is check_password(file, "carl", "") is None
    assert check_password(file, "# a remark", "") is None and check_password(file, "anna", GOOD)


@pytest.mark.parametrize("line", [":{}", " :{}", "\ufeffbob:{}", "b b:{}", "x" * 65 + ":{}"])
def test_a_line_without_a_name_is_refused(file: Path, line: str) -> None:
    """Also of an empty one, with which somebody could log in who types no name."""
    set_password(file, "anna", GOOD)
    lines = file.read_text()
    file.write_text(f"# the team\n{line.format(lines.partition(':')[2])}{lines}", "utf-8")
    with pytest.raises(BadInput, match=r"Line 2 of the password file .* doesn't begin with a name"):
        check_password(file, "", GOOD)


def test_a_hash_with_other_letters_opens_nothing(file: Path) -> None:
    set_password(file, "anna", GOOD)
    file.write_text(f"{file.read_text()}bob:€\n", "utf-8")
    assert check_password(file, "bob", GOOD) is None and check_password(file, "anna", GOOD)


def test_what_somebody_wrote_into_the_file_stays(file: Path) -> None:
    set_password(file, "anna", GOOD)
    anna = file.read_text()
    file.write_text(f"# Sales\n{anna}\n# Support\n")
    set_password(file, "bob", GOOD)
    bob = file.read_text().splitlines()[-1]
    assert file.read_text() == f"# Sales\n{anna}\n# Support\n{bob}\n"
    set_password(file, "ANNA", OTHER)
    assert file.read_text().startswith("# Sales\nanna:$argon2id$") and anna not in file.read_text()
    remove_account(file, "anna")
    assert file.read_text() == f"# Sales\n\n# Support\n{bob}\n"


def test_a_link_to_the_file_stays_one(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "mounted" / "passwords"
    file.parent.mkdir()
    file.symlink_to(real)
    with pytest.raises(BadInput, match="is a link to a file that isn't there"):
        set_password(file, "anna", GOOD)
    assert not real.parent.exists()
    set_password(real, "anna", GOOD)
    set_password(file, "bob", GOOD)
    remove_account(file, "anna")
    assert file.is_symlink() and list(read_accounts(real)) == ["bob"] and stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_weak_hash_is_computed_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_password(file, "anna", GOOD)
    strong = read_accounts(file)["anna"]
    assert renew_hash(file, strong, GOOD) is strong
    file.write_text(f"# the team\nanna:{PasswordHasher(time_cost=1, memory_cost=64).hash(GOOD)}\n")
    weak = read_accounts(file)["anna"]
    with monkeypatch.context() as full:
        full.setattr(passwords, "write_whole", Mock(side_effect=OSError))  # a file that nobody can write
        assert renew_hash(file, weak, GOOD) is weak
    renewed = renew_hash(file, weak, GOOD)
    assert renewed != weak and read_accounts(file)["anna"] == renewed == check_password(file, "anna", GOOD)
    assert "m=65536" in renewed.hash and file.read_text().startswith("# the team\n")
    set_password(file, "anna", OTHER)
    renew_hash(file, weak, GOOD)  # while somebody changed the password
    assert check_password(file, "anna", OTHER)


@pytest.mark.parametrize("name", ["nobody", "byhand", "withothers"], ids=["unknown", "without a hash", "other letters"])
def test_nobody_learns_by_the_time_who_has_an_account(file: Path, name: str) -> None:
    """By processor time, which other programs don't change; the shortest of some tries."""
    set_password(file, "anna", GOOD)
    with file.open("a") as lines:
        lines.write("byhand:x\nwithothers:€\n")

    def shortest(name: str) -> float:
        found = []
        for _ in range(3):
            begun = time.process_time()
            assert check_password(file, name, OTHER) is None
            found.append(time.process_time() - begun)
        return min(found)

    shortest("nobody")  # makes what it is compared with
    assert shortest(name) > shortest("anna") / 2


def test_the_file_can_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert password_file(tmp_path) == tmp_path / "passwords"
    monkeypatch.setenv("THREEWAYS_PASSWORDS", str(tmp_path / "team.txt"))
    assert password_file(tmp_path) == tmp_path / "team.txt"
    with pytest.raises(BadInput, match="can't be read"):
        read_accounts(tmp_path / "team.txt")


def command(home: Path, *arguments: str, typed: tuple[str, ...] = ()) -> tuple[int, str]:
    """The exit code and what a terminal shows."""
    process, terminal = pty.fork()
    if not process:
        os.chdir(ROOT)
        os.environ["THREEWAYS_HOME"] = str(home)
        os.execv(sys.executable, [sys.executable, "-m", "advisor", "password", *arguments])
    shown = b""
    for line in typed:
        begun = len(shown)
        while not shown[begun:].endswith(b": "):
            shown += os.read(terminal, 1_000)
        os.write(terminal, line.encode() + b"\n")
    try:
        while more := os.read(terminal, 1_000):
            shown += more
    except OSError:  # the command has ended
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), shown.decode().replace("\r", "")


def test_the_command_asks_twice_and_shows_nothing(tmp_path: Path) -> None:
    code, shown = command(tmp_path, "anna", typed=(GOOD, GOOD))
    assert code == 0 and "anna can log in now." in shown and GOOD not in shown
    file = tmp_path / "passwords"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and check_password(file, "anna", GOOD)
    code, shown = command(tmp_path, "anna", typed=(OTHER, GOOD))
    assert code == 2 and "The two passwords differ" in shown and check_password(file, "anna", GOOD)
    code, shown = command(tmp_path, "anna", typed=(OTHER, OTHER))
    assert code == 0 and "anna has a new password now." in shown and check_password(file, "anna", OTHER)
    code, shown = command(tmp_path, "anna", "--remove")
    assert code == 0 and "can't log in any more" in shown and read_accounts(file) == {}


def test_a_password_that_would_be_shown_isnt_read(tmp_path: Path) -> None:
    """As where the command gets its input from a file."""
    done = subprocess.run(
        [sys.executable, "-m", "advisor", "password", "anna"],
        cwd=ROOT,
        env=os.environ | {"THREEWAYS_HOME": str(tmp_path)},
        input=f"{GOOD}\n{GOOD}\n",
        capture_output=True,
        text=True,
        start_new_session=True,  # without a terminal
        check=False,
    )
    assert done.returncode == 2 and "run this command in one" in done.stderr
    assert not (tmp_path / "passwords").exists()
