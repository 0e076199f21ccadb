"""A team in a real browser: log-in by a real provider, log-in by a password, and what one person sees of another."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from advisor.storage.passwords import set_password
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from eval.outcomes import Trial
from eval.task import Split, Task
from tests.app import app_at, finish_run, free_port, visit, wait_for_the_page
from tests.servers.tiny_provider import CLIENT, SECRET, TinyProvider

pytestmark = pytest.mark.slow
_WAIT = 60_000  # milliseconds: the machine may be busy
_PASSWORD = "correct horse battery"
_PRIVATE = "There is no run at this address."
ACCOUNTS = {
    "Anna": {"sub": "1", "name": "Anna A", "email": "anna@example.com", "email_verified": True},
    "Bob": {"sub": "2", "name": "Bob B", "email": "bob@example.com", "email_verified": True},
    "Eve": {"sub": "3", "name": "Eve E", "email": "eve@evil.example", "email_verified": True},
}


@dataclass(frozen=True, slots=True)
class Team:
    address: str
    provider: TinyProvider
    run: StoredRun  # Anna's


@pytest.fixture
def finish(
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Callable[[Store], StoredRun]:
    task = synthetic_task()
    return lambda store: finish_run(store, task, synthetic_split(task), synthetic_trials())


@pytest.fixture
def team(tmp_path: Path, finish: Callable[[Store], StoredRun]) -> Iterator[Team]:
    """Everyone at example.com is welcome."""
    home, port, secrets = tmp_path / "home", free_port(), tmp_path / "secrets.toml"
    with TinyProvider(ACCOUNTS) as provider:
        provider.redirect_uri = f"http://127.0.0.1:{port}/oauth2callback"
        secrets.write_text(
            f'[auth]\nredirect_uri = "{provider.redirect_uri}"\ncookie_secret = "{"0123456789" * 4}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\nserver_metadata_url = "{provider.metadata_url}"\n'
            '[team]\nemails = ["@example.com"]\n'
        )
        run = finish(PersonalStore(Store(home), Person(f"provider:{provider.issuer} 1", "Anna A")))
        options = ("--server.address", "0.0.0.0", "--secrets.files", str(secrets))
        with app_at(home, *options, port=port) as address:
            yield Team(address, provider, run)


def log_in(page: Page, team: Team, account: str) -> None:
    visit(page, team.address)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=account).click()
    page.wait_for_url(f"{team.address}/**", timeout=_WAIT)
    wait_for_the_page(page)


def test_a_provider_lets_people_in_and_each_sees_their_own_runs(page: Page, team: Team) -> None:
    browser = page.context.browser
    assert browser is not None
    report = f"{team.address}/report?run={team.run.id}"
    visit(page, report)  # before anybody has logged in
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".verdict")).to_have_count(0)
    log_in(page, team, "Anna")
    visit(page, report)
    expect(page.locator(".verdict")).to_be_visible(timeout=_WAIT)
    bob = browser.new_context().new_page()
    log_in(bob, team, "Bob")
    visit(bob, report)
    expect(bob.get_by_text(_PRIVATE)).to_be_visible(timeout=_WAIT)
    page.get_by_text("Share this run with everyone who can log in").click()
    wait_for_the_page(page)
    visit(bob, report)
    expect(bob.get_by_text("Anna A shared this run.")).to_be_visible(timeout=_WAIT)
    expect(bob.locator(".verdict")).to_be_visible()
    with page.expect_navigation(url=f"{team.address}/"):
        page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=_WAIT)
    visit(page, report)
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=_WAIT)
    expect(page.locator(".verdict")).to_have_count(0)
    assert not team.provider.refused


def test_a_stranger_with_an_account_at_the_provider_stays_outside(page: Page, team: Team) -> None:
    log_in(page, team, "Eve")
    expect(page.get_by_text("eve@evil.example may not enter")).to_be_visible(timeout=_WAIT)
    expect(page.get_by_role("link", name="History")).to_have_count(0)


def test_a_forged_token_opens_nothing(page: Page, team: Team) -> None:
    """One that says who somebody is, but that the provider hasn't signed."""
    team.provider.forges = True
    log_in(page, team, "Anna")
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=_WAIT)
    expect(page.get_by_role("link", name="History")).to_have_count(0)


def test_uploads_and_files_are_for_those_whom_the_provider_knows(page: Page, team: Team) -> None:
    host = team.address.removeprefix("http://")
    log_in(page, team, "Anna")
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    forged = cookies.replace("_streamlit_user=", "_streamlit_user=x")
    found = {}
    for name, sent in (("known", cookies), ("unknown", ""), ("forged", forged)):
        for method, path in (("PUT", "/_stcore/upload_file/a/b"), ("GET", "/media/a.csv")):
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(method, path, headers={"Cookie": sent})
            answer = connection.getresponse()
            found[name, method] = (answer.status, b"Log in first" in answer.read())
            connection.close()
    refused = {kind: each for kind, each in found.items() if kind[0] != "known"}
    assert set(refused.values()) == {(403, True)}
    assert not any(asked for kind, (_, asked) in found.items() if kind[0] == "known")


def test_a_password_opens_the_page_that_was_asked_for(
    page: Page, tmp_path: Path, finish: Callable[[Store], StoredRun]
) -> None:
    home = tmp_path / "home"
    for name in ("anna", "bob"):
        set_password(home / "passwords", name, _PASSWORD)
    run = finish(PersonalStore(Store(home), Person("password:anna", "anna")))
    with app_at(home, "--server.address", "0.0.0.0") as address:
        page.goto(f"{address}/report?run={run.id}")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong. Try again.", timeout=_WAIT)
        page.get_by_label("Password").fill(_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{address}/report?run={run.id}*", timeout=_WAIT)
        wait_for_the_page(page)
        expect(page.locator(".verdict")).to_be_visible(timeout=_WAIT)
        page.reload()
        wait_for_the_page(page)
        expect(page.locator(".verdict")).to_be_visible(timeout=_WAIT)
        with page.expect_download(timeout=_WAIT) as file:
            page.get_by_role("button", name="Page (HTML)").click()
        assert run.id in Path(file.value.path()).read_text()
        page.set_viewport_size({"width": 400, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_text("Log in again")).to_be_visible(timeout=_WAIT)
        page.get_by_text("Log in again").click()
        page.get_by_label("Name").fill("bob")
        page.get_by_label("Password").fill(_PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{address}/", timeout=_WAIT)
        visit(page, f"{address}/report?run={run.id}")
        expect(page.get_by_text(_PRIVATE)).to_be_visible(timeout=_WAIT)
