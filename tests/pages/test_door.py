"""What a request reaches before its sender has logged in, asked at the door itself and over real sockets."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import pytest
from argon2 import PasswordHasher
from starlette.types import Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from advisor.pages import door
from advisor.pages.door import COOKIE, VISIT_HEADER, Door, _page_of
from advisor.pages.provider import Provider, check_provider, log_in_provider
from advisor.pages.visits import (
    MOST_WRONG,
    SECONDS_OF_A_VISIT,
    SECONDS_OF_WRONG,
    Visits,
    WrongTries,
    handle_of,
    visits,
    wrong_tries,
)
from advisor.pages.way_in import REFUSAL, check_before_serving, is_on_this_machine, way_in
from advisor.storage.passwords import Account, check_password, read_accounts, remove_account, set_password
from eval.task import BadInput
from tests.app import ROOT, SECRETS, app_at, as_toml, free_port, secrets_at

GOOD, OTHER = "correct horse battery", "another good password"
SESSION = "/_stcore/stream"
SECONDS = 120  # the first answer takes some, and the machine may be busy
ANYWHERE = ("--server.address", "0.0.0.0")
AT = {"Host": "127.0.0.1:80"}
OWN = AT | {"Origin": "http://127.0.0.1:80"}
AT_80 = f"{COOKIE}_80"  # the cookie of a server on that port


PROVIDER = {
    "redirect_uri": "http://127.0.0.1/oauth2callback",
    "cookie_secret": "0123456789" * 4,
    "client_id": "threeways",
    "client_secret": "s",
    "server_metadata_url": "http://127.0.0.1:9/.well-known/openid-configuration",
}
AUTH = as_toml({"auth": PROVIDER})
TEAM = as_toml({"team": {"emails": ["@example.com"]}})


# At the door itself


@dataclass
class Heard:
    """What the door sent, and the requests that it let through."""

    sent: list[Message] = field(default_factory=list)
    let_in: list[Scope] = field(default_factory=list)

    @property
    def status(self) -> int | None:
        return next((one["status"] for one in self.sent if one["type"] == "http.response.start"), None)

    @property
    def body(self) -> str:
        return b"".join(one.get("body", b"") for one in self.sent).decode()


def at_the_door(
    path: str,
    server: tuple[str, int | None] | None = ("127.0.0.1", 80),
    kind: str = "http",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Heard:
    return asyncio.run(knock(Door(let_in), path, server, kind, headers, body))


async def let_in(scope: Scope, receive: Receive, send: Send) -> None:
    scope["heard"].let_in.append(scope)


async def knock(
    door: Door,
    path: str,
    server: tuple[str, int | None] | None = ("127.0.0.1", 80),
    kind: str = "http",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    client: str = "127.0.0.1",
    seconds: float = 0,
) -> Heard:
    """`seconds`: until the body arrives."""
    heard = Heard()

    async def receive() -> Message:
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": body or b""} if kind == "http" else {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        heard.sent.append(message)

    scope = {
        "type": kind,
        "path": path,
        "query_string": b"",
        "server": server,
        "client": (client, 50_000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (AT | (headers or {})).items()],
        "heard": heard,
    }
    scope |= {"method": "GET" if body is None else "POST"} if kind == "http" else {}
    await door(scope, receive, send)
    return heard


def typed(name: str, password: str) -> bytes:
    return urlencode({"name": name, "password": password}).encode()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The password file of a home where nobody logs in yet."""
    monkeypatch.setenv("THREEWAYS_HOME", str(tmp_path))
    with secrets_at(tmp_path / SECRETS):
        yield tmp_path / "passwords"


@pytest.fixture
def secrets(file: Path) -> Path:
    """Where everyone at example.com is welcome."""
    secrets = file.with_name(SECRETS)
    secrets.write_text(AUTH + TEAM)
    return secrets


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost"])
def test_without_log_in_this_machine_is_answered(file: Path, host: str) -> None:
    assert at_the_door("/", (host, 80)).let_in and at_the_door(SESSION, (host, 80), "websocket").let_in


@pytest.mark.parametrize("host", ["192.0.2.7", "10.0.0.1", "fd00::2", "::ffff:10.0.0.1", "0.0.0.0", "nowhere.invalid"])
def test_without_log_in_no_other_machine_is(file: Path, host: str) -> None:
    """Whatever server listens, and whatever it was told to listen on."""
    assert not is_on_this_machine(host)
    for path in ("/", "/report", "/media/a", "/_stcore/upload_file/a/b", "/log-in"):
        heard = at_the_door(path, (host, 80))
        assert not heard.let_in and heard.status == 403 and heard.body.strip() == REFUSAL
    heard = at_the_door(SESSION, (host, 80), "websocket")
    assert not heard.let_in and heard.sent == [{"type": "websocket.close", "code": 1008}]
    assert not at_the_door("/", None).let_in


def test_with_log_in_all_machines_are_asked_to(file: Path) -> None:
    set_password(file, "anna", GOOD)
    heard = at_the_door("/report", ("192.0.2.7", 80))
    assert not heard.let_in and heard.status == 303


def test_nobody_says_from_outside_who_they_are(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even with what this server would say itself."""
    set_password(file, "anna", GOOD)
    token = visits.begin(read_accounts(file)["anna"])
    told = {"X-Threeways-Visit": handle_of(token)}
    assert not at_the_door(SESSION, kind="websocket", headers=told).let_in
    (scope,) = at_the_door(SESSION, kind="websocket", headers={"Cookie": f"{AT_80}={token}"} | told).let_in
    assert [value for name, value in scope["headers"] if name == VISIT_HEADER] == [handle_of(token).encode()]
    monkeypatch.setenv("THREEWAYS_HOME", str(file.with_name("home where nobody logs in")))
    (scope,) = at_the_door("/", headers=told).let_in
    assert not [name for name, _ in scope["headers"] if name == VISIT_HEADER]


def test_a_password_file_that_cant_be_used_lets_nobody_in(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("THREEWAYS_PASSWORDS", str(file.with_name("gone")))
    assert way_in() == "password" and at_the_door("/").status == 303
    monkeypatch.delenv("THREEWAYS_PASSWORDS")
    set_password(file, "anna", GOOD)
    token = visits.begin(read_accounts(file)["anna"])
    file.chmod(0o644)
    assert at_the_door("/", headers={"Cookie": f"{AT_80}={token}"}).status == 303
    heard = at_the_door("/log-in", headers=OWN, body=typed("anna", GOOD))
    assert heard.status == 503 and "chmod 600" in capsys.readouterr().err and str(file) not in heard.body


End = Callable[[Path, str], object]


@pytest.mark.parametrize(
    "end",
    [
        lambda file, token: visits.end(handle_of(token)),
        lambda file, token: set_password(file, "anna", OTHER),
        lambda file, token: set_password(file, "anna", GOOD),
        lambda file, token: remove_account(file, "anna"),
    ],
    ids=["log-out", "new password", "password set again", "removed"],
)
def test_a_visit_ends_at_once(file: Path, end: End) -> None:
    set_password(file, "anna", GOOD)
    token = visits.begin(read_accounts(file)["anna"])
    cookie = {"Cookie": f"other=1; {AT_80}={token}"}
    assert at_the_door("/", headers=cookie).let_in
    end(file, token)
    assert not at_the_door("/", headers=cookie).let_in


def test_a_visit_ends_after_a_day(file: Path) -> None:
    set_password(file, "anna", GOOD)
    now = 0.0
    book = Visits(lambda: now)
    handle = handle_of(book.begin(read_accounts(file)["anna"]))
    now = SECONDS_OF_A_VISIT - 1.0
    assert book.account_of(handle)
    now += 1
    assert book.account_of(handle) is None


def test_what_is_kept_of_a_visit_opens_nothing(file: Path) -> None:
    account = Account("anna", "a hash")
    book = Visits()
    first, second = book.begin(account), book.begin(account)
    assert first != second and len(first) > 40 and first not in repr(vars(book))


def test_wrong_tries_are_counted_for_each_name_and_forgotten_in_time() -> None:
    now = 0.0
    tries = WrongTries(lambda: now)
    assert [tries.begin("anna") for _ in range(MOST_WRONG + 1)] == [True] * MOST_WRONG + [False]
    assert tries.begin("bob")
    now = SECONDS_OF_WRONG - 1.0
    assert not tries.begin("anna")
    now += 1
    assert tries.begin("anna")  # a refused try doesn't count, or somebody could keep her out for good
    tries.forget("anna")
    assert [tries.begin("anna") for _ in range(MOST_WRONG)] == [True] * MOST_WRONG


def test_many_names_dont_fill_the_memory() -> None:
    tries = WrongTries()
    for number in range(10_500):
        tries.begin(f"name {number}")
    assert len(vars(tries)["_at"]) <= 10_000


@pytest.mark.parametrize(
    ("wanted", "page"),
    [
        ("/report?run=1", "/report?run=1"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        ("/\n", "/"),
        ("javascript:alert(1)", "/"),
        ("/log-in?next=/log-in", "/"),
    ],
)
def test_the_way_on_leads_to_no_other_site(wanted: str, page: str) -> None:
    assert _page_of(wanted) == page


# Where log-in disappears, or is set up wrong


def test_a_password_file_that_disappears_lets_nobody_in(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_password(file, "anna", GOOD)
    token = visits.begin(read_accounts(file)["anna"])
    assert way_in() == "password"
    file.unlink()
    for kind in ("http", "websocket"):
        heard = at_the_door("/" if kind == "http" else SESSION, kind=kind, headers={"Cookie": f"{AT_80}={token}"})
        assert not heard.let_in and heard.status == (503 if kind == "http" else None)
    assert "put back what you had, or restart the server" in capsys.readouterr().err


def test_a_provider_that_disappears_lets_nobody_in(secrets: Path) -> None:
    assert way_in() == "provider" and at_the_door("/").let_in
    secrets.rename(secrets.with_name("away"))
    assert at_the_door("/").status == 503
    secrets.symlink_to("nowhere.toml")
    assert at_the_door("/").status == 503
    secrets.unlink()
    secrets.with_name("away").rename(secrets)
    assert at_the_door("/").let_in


def test_a_link_that_leads_nowhere_is_a_password_file(file: Path) -> None:
    """Such as to a disk that isn't mounted."""
    file.symlink_to(file.with_name("away"))
    assert way_in() == "password"
    assert at_the_door("/").status == 303 and not at_the_door(SESSION, kind="websocket").let_in
    with pytest.raises(SystemExit, match="can't be read"):
        check_before_serving()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AUTH + "[taem]\nemails = ['@example.com']", "doesn't know taem"),
        (AUTH + "[Team]\nemails = ['@example.com']", "doesn't know Team"),
        (AUTH + "[members]\nemails = ['@example.com']", "doesn't know members"),
        ("emails = ['@example.com']\n" + AUTH, "doesn't know emails"),
        (AUTH.replace("[auth]", "[auht]"), "doesn't know auht"),
        (AUTH + "emails = ['@example.com']", r"emails .* belongs under \[team\]"),
        (AUTH + "[auth.team]\nemails = ['@example.com']", r"emails .* belongs under \[team\]"),
        ("auth = 1", "auth .* is no table"),
        (TEAM, r"\[team\] .* needs \[auth\]"),
        ("team = '@example.com'\n" + AUTH, "team .* is no table"),
        (AUTH + "[team]", "needs one setting, emails"),
        (AUTH + "[team]\nemail = ['@example.com']", "needs one setting, emails"),
        (AUTH + TEAM + "names = ['Anna']", "needs one setting, emails"),
        (AUTH + "[team]\nemails = ''", "'' .* is neither"),
        (AUTH + "[team]\nemails = ['']", "'' .* is neither"),
        (AUTH + "[team]\nemails = ['@']", "'@' .* is neither"),
        (AUTH + "[team]\nemails = ['@example.com ']", "is neither"),
        (AUTH + "[team]\nemails = ['example.com']", "is neither"),
        (AUTH + "[team]\nemails = [5]", "5 .* is neither"),
        (AUTH + "[team]\nemails = 5", "no list of addresses"),
        (AUTH + "[team]\nemails = []", "no list of addresses"),
    ],
)
def test_a_misspelt_team_lets_nobody_in(secrets: Path, text: str, said: str) -> None:
    """Neither when the server starts nor when the file changes later."""
    assert at_the_door("/").let_in
    secrets.write_text(text)
    with pytest.raises(SystemExit, match=said):
        check_before_serving()
    heard = at_the_door("/")
    assert not heard.let_in and heard.status == 503 and "example.com" not in heard.body


def test_settings_of_other_programs_are_left_alone(secrets: Path) -> None:
    more = "KEY = 'x'\n" + AUTH + TEAM + "[connections.sales]\nurl = 'x'\n[auth.microsoft]\nclient_id = 'x'\n"
    secrets.write_text(more)
    provider = log_in_provider()
    assert provider is not None and provider.names == ["default", "microsoft"]
    secrets.write_text("KEY = 'x'\n[openai]\nkey = 'x'\n")
    assert log_in_provider() is None


def test_without_a_team_the_server_says_that_everyone_may_enter(
    secrets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_before_serving()
    assert capsys.readouterr().err == ""
    secrets.write_text(AUTH)
    check_before_serving()
    assert capsys.readouterr().err.startswith("Everyone whom the log-in provider lets in may enter")


def signed(secret: str = PROVIDER["cookie_secret"], **changed: object) -> dict[str, str]:
    """What a browser sends after a log-in at the provider."""
    claims: dict[str, Any] = {"iss": "https://provider", "sub": "1", "iat": time.time(), "email_verified": True}
    claims |= {"email": "anna@example.com", "is_logged_in": True, "origin": "http://127.0.0.1"} | changed
    return {"Cookie": f"_streamlit_user={create_signed_value(secret, '_streamlit_user', json.dumps(claims)).decode()}"}


FOR_KNOWN = ("/_stcore/upload_file/a/b", "/media/a.csv", "/_stcore/metrics")


@pytest.mark.parametrize("path", FOR_KNOWN)
def test_uploads_files_and_counts_are_for_those_who_may_enter(secrets: Path, path: str) -> None:
    assert at_the_door(path, headers=signed()).let_in
    others: list[dict[str, Any]] = [
        {"email": "eve@evil.example"},
        {"email_verified": False},
        {"iat": time.time() - SECONDS_OF_A_VISIT - 1},
        {"is_logged_in": False},
        {"sub": 1},
    ]
    for one in others:
        assert at_the_door(path, headers=signed(**one)).status == 403
    for headers in ({}, signed("another secret, which is long enough"), {"Cookie": r'_streamlit_user="\777"'}):
        assert at_the_door(path, headers=headers).status == 403
    secrets.write_text(AUTH + "[team]\nemails = 5")
    assert at_the_door(path, headers=signed()).status == 503


def test_whoever_is_taken_out_of_the_team_is_out_at_once(secrets: Path) -> None:
    """However the file is replaced, and after it was away."""

    def enters() -> bool:
        return bool(at_the_door(FOR_KNOWN[0], headers=signed()).let_in)

    def replace(text: str) -> None:
        beside = secrets.with_name("beside")
        beside.write_text(text)
        os.utime(beside, (1, 1))  # older than the one before
        beside.replace(secrets)

    assert enters()
    replace(AUTH + TEAM.replace("example.com", "other.example"))
    assert not enters()
    replace(AUTH + TEAM)
    assert enters()
    secrets.rename(secrets.with_name("away"))
    assert not enters()
    secrets.with_name("away").rename(secrets)
    assert enters()
    times = secrets.stat()
    secrets.write_text(AUTH + TEAM.replace("example.com", "eleven.com."))  # as long as before
    os.utime(secrets, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert not enters()


def test_another_secret_logs_everyone_out_at_once(secrets: Path) -> None:
    assert at_the_door(FOR_KNOWN[0], headers=signed()).let_in
    secrets.write_text((AUTH + TEAM).replace(PROVIDER["cookie_secret"], "another secret, " * 4))
    os.utime(secrets, (1, 1))
    assert at_the_door(FOR_KNOWN[0], headers=signed()).status == 403
    assert at_the_door(FOR_KNOWN[0], headers=signed("another secret, " * 4)).let_in


# What other programs, and people who don't log in, can do


@pytest.mark.parametrize(
    "other", ['prefs={"a":1,"b":2}', "consent=a=b&c=[1,2]", "a[b]=1", "n=\u00e9", "\u00e9=1", "flag", "x=a, b c", "=x"]
)
def test_cookies_of_other_programs_lock_nobody_out(file: Path, other: str) -> None:
    set_password(file, "anna", GOOD)
    own = f"{AT_80}={visits.begin(read_accounts(file)['anna'])}"
    for cookies in (f"{other}; {own}", f"{own}; {other}"):
        assert at_the_door("/", headers={"Cookie": cookies}).let_in


def test_two_servers_on_a_host_keep_their_cookies_apart(file: Path) -> None:
    set_password(file, "anna", GOOD)
    names = []
    for port in (80, 8501):
        own = {"Origin": f"http://127.0.0.1:{port}", "Host": f"127.0.0.1:{port}"}
        heard = at_the_door("/log-in", headers=own, body=typed("anna", GOOD))
        names.append(cookie_in(heard).partition("=")[0])
    assert names == ["threeways_visit_80", "threeways_visit_8501"]


def cookie_in(heard: Heard) -> str:
    return str(next(value.decode() for name, value in heard.sent[0]["headers"] if name == b"set-cookie"))


def test_on_https_no_other_host_can_leave_a_cookie_of_its_own(file: Path) -> None:
    """Such as one that logs people in as somebody else: a neighbour under the same domain could set it, but not with
    __Host-."""
    set_password(file, "anna", GOOD)
    at = {"Host": "threeways.example"}
    https = at | {"Origin": "https://threeways.example"}
    cookie = cookie_in(at_the_door("/log-in", headers=https, body=typed("anna", GOOD)))
    pair = cookie.partition(";")[0]
    assert pair.startswith(f"__Host-{COOKIE}=") and "secure" in cookie.lower() and "path=/;" in cookie.lower()
    foreign = f"{COOKIE}={visits.begin(read_accounts(file)['anna'])}"
    assert at_the_door(SESSION, kind="websocket", headers=https | {"Cookie": f"{foreign}; {pair}"}).let_in
    assert at_the_door("/", headers=at | {"Cookie": pair}).let_in  # a first page doesn't say its origin
    assert not at_the_door(SESSION, kind="websocket", headers=https | {"Cookie": foreign}).let_in
    assert not at_the_door("/", headers=at | {"Cookie": f"{foreign}; __Host-{COOKIE}=x"}).let_in


def test_names_that_are_too_long_fill_no_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get the usual answer, after the usual check, and nobody has to wait for them."""
    set_password(file, "anna", GOOD)
    checked = []

    def check(path: Path, name: str, password: str) -> Account | None:
        checked.append(name)
        return check_password(path, name, password)

    monkeypatch.setattr(door, "check_password", check)
    kept, long = dict(vars(wrong_tries)["_at"]), "ﷺ" * 800
    found = [at_the_door("/log-in", headers=OWN, body=typed(f" {long} ", OTHER)).status for _ in range(MOST_WRONG + 1)]
    assert found == [401] * len(found) and checked == [long] * len(found)
    assert vars(wrong_tries)["_at"] == kept
    at_the_door("/log-in", headers=OWN, body=typed("x" * 64, OTHER))
    assert "x" * 64 in vars(wrong_tries)["_at"]


@pytest.mark.parametrize(
    ("many", "headers"),
    [
        ("192.0.2.7", {}),
        ("2001:db8::{}", {}),
        ("::ffff:192.0.2.7", {}),
        ("192.0.2.{}", {"X-Forwarded-For": "192.0.2.{}"}),
    ],
    ids=["an address", "a network", "an address in another form", "made up"],
)
def test_one_sender_keeps_nobody_from_logging_in(
    file: Path, monkeypatch: pytest.MonkeyPatch, many: str, headers: dict[str, str]
) -> None:
    set_password(file, "anna", GOOD)
    ready = Event()

    def check(path: Path, name: str, password: str) -> Account | None:
        assert ready.wait(SECONDS)
        return check_password(path, name, password)

    monkeypatch.setattr(door, "check_password", check)

    async def all_at_once() -> tuple[list[int | None], int | None]:
        one = Door(let_in)
        tries = []
        for number in range(40):
            sent = OWN | {name: value.format(number) for name, value in headers.items()}
            body = typed(f"nobody {number}", OTHER)
            tries.append(
                asyncio.create_task(knock(one, "/log-in", headers=sent, body=body, client=many.format(number)))
            )
        await asyncio.sleep(0.1)
        hers = asyncio.create_task(knock(one, "/log-in", headers=OWN, body=typed("anna", GOOD), client="198.51.100.1"))
        await asyncio.sleep(0.1)
        ready.set()
        found = [(await each).status for each in tries], (await hers).status
        assert not vars(one)["_senders"]
        return found

    others, hers = asyncio.run(all_at_once())
    assert hers == 303 and sorted(map(str, others)) == ["401"] * 5 + ["503"] * 35


def test_a_log_in_that_arrives_too_slowly_is_ended(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_password(file, "anna", GOOD)
    monkeypatch.setattr(door, "_MOST_SECONDS", 0.1)
    heard = asyncio.run(
        asyncio.wait_for(knock(Door(let_in), "/log-in", headers=OWN, body=typed("anna", GOOD), seconds=60), 30)
    )
    assert heard.status == 408 and (b"connection", b"close") in heard.sent[0]["headers"]


def test_many_log_ins_of_one_person_end_nobody_elses_visit() -> None:
    book = Visits()
    hers, *his = [handle_of(book.begin(Account(name, "a hash"))) for name in ["anna", *["bob"] * 10_001]]
    opened = vars(book)["_open"]
    assert hers in opened and set(opened) == {hers, *his[-50:]}


def test_a_hash_that_is_computed_again_ends_no_visit(file: Path) -> None:
    """As after an update of argon2, which asks for more."""
    file.write_text(f"anna:{PasswordHasher(time_cost=1, memory_cost=64).hash(GOOD)}\n")
    file.chmod(0o600)
    weak = read_accounts(file)["anna"]
    before = visits.begin(weak)
    cookie = cookie_in(at_the_door("/log-in", headers=OWN, body=typed("anna", GOOD))).partition(";")[0]
    assert read_accounts(file)["anna"] != weak and check_password(file, "anna", GOOD)
    assert at_the_door("/", headers={"Cookie": cookie}).let_in
    assert at_the_door("/", headers={"Cookie": f"{AT_80}={before}"}).let_in
    set_password(file, "anna", GOOD)
    assert not at_the_door("/", headers={"Cookie": f"{AT_80}={before}"}).let_in


# How the server is started


@pytest.mark.parametrize("address", ["0.0.0.0", "", "its own"])
def test_a_server_for_others_without_log_in_doesnt_start(tmp_path: Path, address: str) -> None:
    """Also where it reads none of our settings and listens on every address."""
    started = start(tmp_path, "--server.address", address_of_this_machine() if address == "its own" else address)
    assert started.returncode == 1 and started.stderr.strip().splitlines()[-1] == REFUSAL


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cookie_secret": "short"}, "cookie_secret .* needs 32 characters"),
        ({"cookie_secret": None}, "cookie_secret .* needs 32 characters"),
        ({"redirect_uri": None}, "lacks redirect_uri"),
        ({"client_secret": None}, r"\(default\) lacks client_secret"),
    ],
    ids=["short secret", "no secret", "no way back", "half a provider"],
)
def test_a_provider_that_isnt_set_up_correctly_is_said(changed: dict[str, str | None], said: str) -> None:
    check_provider(Provider(PROVIDER, None))
    left = {name: value for name, value in (PROVIDER | changed).items() if value is not None}
    with pytest.raises(BadInput, match=said):
        check_provider(Provider(left, None))


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        (AUTH.replace("0123456789", ""), "needs 32 characters"),
        (AUTH.replace("client_id", "other"), "names no provider"),
        (AUTH.replace("[auth]", "[auth"), "so it isn't clear who may log in"),
    ],
    ids=["short secret", "no provider", "damaged"],
)
def test_a_server_with_a_provider_that_isnt_doesnt_start(tmp_path: Path, secrets: str, said: str) -> None:
    """For this machine alone neither."""
    (tmp_path / "secrets.toml").write_text(secrets)
    started = start(tmp_path, "--secrets.files", str(tmp_path / "secrets.toml"))
    assert started.returncode == 1 and said in started.stderr


def test_two_ways_to_log_in_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text(AUTH)
    set_password(tmp_path / "passwords", "anna", GOOD)
    started = start(tmp_path, "--secrets.files", str(tmp_path / "secrets.toml"))
    assert started.returncode == 1 and "not both" in started.stderr


def start(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected to end of itself."""
    run = ["-m", "streamlit", "run", str(ROOT / "streamlit_app.py"), "--server.headless", "true"]
    return subprocess.run(
        [sys.executable, *run, "--server.port", str(free_port()), *options],
        cwd=home,
        env=os.environ | {"THREEWAYS_HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def address_of_this_machine() -> str:
    """One by which other machines reach it."""
    for each in psutil.net_if_addrs().values():
        for one in each:
            if one.family == socket.AF_INET and not ip_address(one.address).is_loopback:
                return one.address
    pytest.skip("this machine has no address but the loopback")


def test_started_by_another_server_it_answers_this_machine_alone(tmp_path: Path) -> None:
    outside, port = address_of_this_machine(), free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "streamlit_app:app", "--host", "0.0.0.0", "--port", str(port)],
        cwd=ROOT,
        env=os.environ | {"THREEWAYS_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stderr is not None
            assert any("running on" in line for line in server.stderr), "the server ended before it was ready"
            Thread(target=server.stderr.read, daemon=True).start()
            assert asked(f"127.0.0.1:{port}", "/")[0] == 200
            status, _, body = asked(f"{outside}:{port}", "/")
            assert status == 403 and body.strip() == REFUSAL
        finally:
            server.terminate()
            server.wait(60)


# A team's server


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of an app for every address of this machine, where anna and bob can log in."""
    home = tmp_path_factory.mktemp("team") / "home"
    for name in ("anna", "bob"):
        set_password(home / "passwords", name, GOOD)
    with app_at(home, *ANYWHERE) as address:
        yield address.removeprefix("http://")


def asked(
    host: str, path: str, method: str = "GET", body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer."""
    connection = http.client.HTTPConnection(host, timeout=SECONDS)
    connection.request(method, path, body, {"Host": host} | (headers or {}))
    answer = connection.getresponse()
    told: dict[str, str] = {}
    for name, value in answer.getheaders():
        told[name.lower()] = f"{told[name.lower()]}, {value}" if name.lower() in told else value
    found = answer.status, told, answer.read().decode()
    connection.close()
    return found


def log_in(
    host: str, name: str, password: str, wanted: str = "/", origin: str | None = None
) -> tuple[int, dict[str, str], str]:
    body = urlencode({"name": name, "password": password, "next": wanted})
    return asked(host, "/log-in", "POST", body, {"Origin": origin or f"http://{host}"})


def cookie_of(host: str, name: str = "anna") -> dict[str, str]:
    _, headers, _ = log_in(host, name, GOOD)
    return {"Cookie": headers["set-cookie"].partition(";")[0]}


def opens_a_session(host: str, cookie: dict[str, str]) -> bool:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        "Sec-WebSocket-Protocol": "streamlit",
        "Origin": f"http://{host}",
    }
    connection = http.client.HTTPConnection(host, timeout=SECONDS)
    connection.request("GET", SESSION, headers=upgrade | cookie)
    status = connection.getresponse().status
    connection.close()
    assert status in (101, 403)
    return status == 101


def test_without_a_cookie_there_is_the_log_in_and_nothing_else(team: str) -> None:
    for path in ("/", "/report?run=1", "/history", "/anything"):
        status, headers, _ = asked(team, path)
        assert status == 303 and headers["location"] == f"/log-in?next={quote(path, safe='')}"
    for path in ("/_stcore/host-config", "/media/a.csv", "/_stcore/upload_file/a/b", "/component/a", "/static/a.js"):
        assert asked(team, path)[0] == 403
    for method in ("POST", "PUT", "DELETE"):
        assert asked(team, "/_stcore/upload_file/a/b", method)[0] == asked(team, "/", method)[0] == 403
    assert not opens_a_session(team, {}) and not opens_a_session(team, {"Cookie": f"{COOKIE}=guessed"})
    assert asked(team, "/_stcore/health")[0] == 200
    status, headers, page = asked(team, "/log-in?next=%2Freport%3Frun%3D%22%3E")
    assert (
        status == 200
        and 'value="/report?run=&quot;&gt;"' in page
        and "default-src 'none'" in headers["content-security-policy"]
    )


def test_a_right_password_opens_the_pages(team: str) -> None:
    status, headers, _ = log_in(team, "Anna", GOOD, "/report?run=1")
    assert status == 303 and headers["location"] == "/report?run=1"
    kept = headers["set-cookie"].lower()
    assert "httponly" in kept and "samesite=lax" in kept and "secure" not in kept
    cookie = cookie_of(team)
    assert asked(team, "/", headers=cookie)[0] == 200 and opens_a_session(team, cookie)
    status, headers, _ = asked(team, "/log-in?next=%2Fhistory", headers=cookie)
    assert status == 303 and headers["location"] == "/history"


def test_behind_https_the_cookie_is_for_https(team: str) -> None:
    _, headers, _ = log_in(team, "anna", GOOD, origin=f"https://{team}")
    assert "secure" in headers["set-cookie"].lower()


def test_another_site_logs_nobody_in(team: str) -> None:
    for origin in ("http://evil.example", "null", f"http://{team}.evil.example"):
        assert log_in(team, "anna", GOOD, origin=origin)[0] == 403
    assert asked(team, "/log-in", "POST", urlencode({"name": "anna", "password": GOOD}))[0] == 403


def test_after_some_wrong_tries_a_name_has_to_wait(team: str) -> None:
    """Known or not, and whether the next password is right or not."""
    for name in ("bob", "nobody", ""):
        found = [log_in(team, name, OTHER)[0] for _ in range(MOST_WRONG + 1)]
        assert found == [401] * MOST_WRONG + [429]
    status, headers, page = log_in(team, "bob", GOOD)
    assert status == 429 and "set-cookie" not in headers and "Wait 15 minutes" in page
    assert log_in(team, "anna", GOOD)[0] == 303


def test_a_log_in_that_is_too_long_isnt_read(team: str) -> None:
    assert log_in(team, "someone", "x" * 10_000)[0] in (401, 429)
