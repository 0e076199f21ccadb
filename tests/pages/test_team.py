"""What each person sees of a server where people log in. The door is not here: `test_door.py` knocks at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from streamlit.testing.v1 import AppTest

from advisor.command_line.comparing import model_named
from advisor.pages.claims import person_of
from advisor.pages.downloads import file_of
from advisor.pages.own_clicks import after_clicks
from advisor.pages.past_runs import Measured
from advisor.pages.visits import SECONDS_OF_A_VISIT, handle_of, visits
from advisor.pages.who import VISIT
from advisor.plan import Plan, Setup
from advisor.runs.experiment import prepare
from advisor.storage.clicks import read_clicks, write_clicks
from advisor.storage.own_marks import OwnMark, write_marks
from advisor.storage.packed import pack
from advisor.storage.passwords import read_accounts, remove_account, set_password
from advisor.storage.person import Person
from advisor.storage.personal import PersonalStore
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_task, task_to_json
from advisor.storage.trial_files import read_trials
from eval.blind.pairs import Choice, Click, pairs_of_trials
from eval.outcomes import Trial
from eval.task import BadInput, Split, Task
from tests.app import finish_run, html_of, open_page_as, primaries
from tests.bad_uploads import TABLE
from tests.tiny_strategies import tiny_task

ANNA, BOB = Person("password:anna", "anna"), Person("password:bob", "bob")
PAGES = ("Start", "Data", "Compare", "Report", "Advice", "History")
UNKNOWN = "20200101-000000-00000000"
_PASSWORD = "correct horse battery"

Finish = Callable[..., StoredRun]  # of a person, without some training rows


@pytest.fixture
def team(store: Store) -> Store:
    for one in (ANNA, BOB):
        set_password(store.home / "passwords", one.name, _PASSWORD)
    return store


@pytest.fixture
def finished_by(
    team: Store,
    synthetic_task: Callable[..., Task],
    synthetic_split: Callable[[Task], Split],
    synthetic_trials: Callable[..., tuple[Trial, ...]],
) -> Finish:
    def finish(person: Person, left_out: int = 0) -> StoredRun:
        task = synthetic_task()
        split = synthetic_split(task)
        gone, split = split.train[:left_out], replace(split, train=split.train[left_out:])
        task = replace(task, examples=tuple(row for row in task.examples if row not in gone))
        return finish_run(PersonalStore(team, person), task, split, synthetic_trials())

    return finish


def user_of(team: Store, person: Person) -> dict[str, Any]:
    """As if they had given their password at the door."""
    return {VISIT: handle_of(visits.begin(read_accounts(team.home / "passwords")[person.name]))}


def open_as(team: Store, person: Person, title: str, **address: str) -> AppTest:
    return open_page_as(user_of(team, person), {}, title, **address)


def listed(app: AppTest) -> list[str]:
    return [box.key.removeprefix("tick-") for box in app.checkbox if box.key and box.key.startswith("tick-")]


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.parametrize("user", [{}, {VISIT: None}, {VISIT: "0" * 64}, {"is_logged_in": True, "sub": "1"}])
@pytest.mark.parametrize("title", PAGES)
def test_without_a_log_in_there_is_no_page(team: Store, finished_by: Finish, title: str, user: dict[str, Any]) -> None:
    run = finished_by(ANNA)
    app = open_page_as(user, {}, "Start", run=run.id, dataset=run.dataset_id)
    app.switch_page(f"advisor/pages/{title.lower()}.py").run()
    said = html_of(app)
    assert "Log in again" in said and said.count("<h1") == 1 and not app.button and not app.get("page_link")


def test_each_person_sees_their_own_runs(team: Store, finished_by: Finish) -> None:
    hers, his = finished_by(ANNA), finished_by(BOB)
    assert listed(open_as(team, ANNA, "History")) == [hers.id]
    assert listed(open_as(team, BOB, "History")) == [his.id]
    assert "Your comparisons, and those that others share." in html_of(open_as(team, BOB, "History"))


@pytest.mark.parametrize(
    ("title", "name"),
    [("Report", "run"), ("Data", "dataset"), ("Compare", "dataset"), ("History", "run"), ("History", "runs")],
)
def test_what_is_private_is_like_what_isnt_there(team: Store, finished_by: Finish, title: str, name: str) -> None:
    run = finished_by(ANNA)
    finished_by(BOB)
    address = {"run": run.id, "dataset": run.dataset_id, "runs": f"{run.id},{run.id}"}[name]
    hidden = open_as(team, BOB, title, **{name: address})
    nowhere = open_as(team, BOB, title, **{name: UNKNOWN if name != "runs" else f"{UNKNOWN},{UNKNOWN}"})
    assert html_of(hidden) == html_of(nowhere) and buttons(hidden) == buttons(nowhere)
    if (title, name) != ("History", "run"):  # where the run only sets a filter
        assert html_of(open_as(team, ANNA, title, **{name: address})) != html_of(nowhere)


def test_a_shared_run_can_be_read_and_not_changed(team: Store, finished_by: Finish) -> None:
    run = finished_by(ANNA)
    report = team.report(run.id)
    assert report is not None
    hers = open_as(team, ANNA, "Report", run=run.id)
    switch = hers.toggle(key=f"share-{run.id}")
    assert switch.label == "Share this run with everyone who can log in" and switch.value is False
    switch.set_value(True).run()
    assert team.run(run.id).is_shared
    app = open_as(team, BOB, "Report", run=run.id)
    said = html_of(app)
    assert "anna shared this run. You can read it, but not change it." in said and report.task.name in said
    assert not [one for one in app.toggle if one.key and one.key.startswith("share-")]
    assert primaries(app) == ["Compare your own data"]
    assert not {"Run again with changed data", "Answer with every strategy", "Continue this run"} & set(buttons(app))
    folds = [one.label for one in app.expander]
    assert folds and not [one for one in folds if "Try it" in one or "Check the score yourself" in one]
    app.session_state["answers-fold"] = True
    app.run()
    assert not [one for one in app.get("button_group") if "marks" in str(one.proto)]
    assert "By anna" in html_of(open_as(team, BOB, "History")) and "Shared" in html_of(open_as(team, ANNA, "History"))
    assert open_as(team, ANNA, "Report", run=run.id).toggle(key=f"share-{run.id}").value is True
    hers.toggle(key=f"share-{run.id}").set_value(False).run()
    assert "There is no run at this address." in html_of(open_as(team, BOB, "Report", run=run.id))


def test_a_ticked_run_of_another_cant_be_deleted_or_renamed(team: Store, finished_by: Finish) -> None:
    hers, his = finished_by(ANNA), finished_by(BOB)
    team.share_run(hers.id, True)
    app = open_as(team, BOB, "History", runs=hers.id)
    assert "Only the person who started a run can change or delete it." in html_of(app)
    assert not {"Delete", "Name, note, tags", "Run again with changed data"} & set(buttons(app))
    both = open_as(team, BOB, "History", runs=f"{hers.id},{his.id}")
    assert "Compare 2 runs" in buttons(both) and "Delete" not in buttons(both)
    assert "Delete" in buttons(open_as(team, BOB, "History", runs=his.id))


def test_the_rows_of_another_arent_compared(team: Store, finished_by: Finish) -> None:
    """Neither on the data page, after a link with the run of somebody else, nor of two runs side by side."""
    hers, his, own = finished_by(ANNA), finished_by(BOB, 5), finished_by(BOB)
    team.share_run(hers.id, True)
    team.save_setup(hers.dataset_id, hers.plan.setup)
    open_as(team, ANNA, "Data", dataset=hers.dataset_id)  # after which the server has her rows in memory
    said = "What changed since the previous run"
    assert said in html_of(open_as(team, BOB, "Data", dataset=own.dataset_id, follows=his.id))
    assert said not in html_of(open_as(team, BOB, "Data", dataset=own.dataset_id, follows=hers.id))
    for first, is_said in ((own, True), (hers, False)):
        app = open_as(team, BOB, "History", runs=f"{first.id},{his.id}", view="compare")
        assert "Runs side by side" in html_of(app)
        assert ("What changed in the data" in html_of(app)) is is_said


def test_a_shared_run_at_work_is_watched_and_not_stopped(team: Store) -> None:
    anna = PersonalStore(team, ANNA)
    dataset = anna.add_dataset("tickets.csv", b"message,label\n" + b"a,b\nc,d\n" * 20)
    run = anna.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task()))
    team.share_run(run.id, True)
    assert "Cancel this run" in buttons(open_as(team, ANNA, "Report", run=run.id))
    app = open_as(team, BOB, "Report", run=run.id)
    assert "This run is next." in html_of(app) and "Cancel this run" not in buttons(app)


def test_a_queue_names_no_run_that_is_hidden(team: Store) -> None:
    runs = {}
    for one in (ANNA, BOB):
        own = PersonalStore(team, one)
        dataset = own.add_dataset(f"{one.name}s-secret.csv", b"message,label\n" + b"a,b\nc,d\n" * 20)
        runs[one] = own.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task()))
    with team.device_lock:
        assert team.start_run(runs[ANNA].id)
        said = html_of(open_as(team, BOB, "Report", run=runs[BOB].id))
        assert "It waits for another comparison, which is running." in said and "annas-secret" not in said
        team.share_run(runs[ANNA].id, True)
        assert "It waits for annas-secret.csv" in html_of(open_as(team, BOB, "Report", run=runs[BOB].id))


NOTE = "Annas private note"


@pytest.fixture
def marked(team: Store, finished_by: Finish) -> StoredRun:
    """A shared run of Anna, who clicked and marked answers."""
    anna, run = PersonalStore(team, ANNA), finished_by(ANNA)
    measured = measured_in(anna, run)
    outcome = measured.trials[0].outcomes[0]
    asked = next(row.input for row in measured.split.test if row.id == outcome.example_id)
    write_marks(anna.own_run_folder(run.id), [OwnMark(asked, outcome.text, False, NOTE, "2026-11-30T12:00:00", run.id)])
    pairs = pairs_of_trials((*measured.trials, *measured.baselines), measured.split.test, run.plan.seed)
    clicks = [
        Click(each.input, each.left.text, each.right.text, Choice.LEFT, "2026-11-30", run.id) for each in pairs[:20]
    ]
    write_clicks(anna.own_run_folder(run.id), clicks)
    report = anna.report(run.id)
    assert report is not None
    after_clicks(anna, run, report, measured)
    anna.share_run(run.id, True)
    return run


def measured_in(store: Store, run: StoredRun) -> Measured:
    _, split = read_task(store.run_folder(run.id))
    trials, baselines = read_trials(store.run_folder(run.id), [step.strategy for step in store.steps(run.id)])
    return Measured(trials, baselines, split)


def test_readers_of_a_run_dont_get_what_its_owner_clicked_and_marked(team: Store, marked: StoredRun) -> None:
    said = {}
    for person in (ANNA, BOB):
        store = PersonalStore(team, person)
        report = store.report(marked.id)
        assert report is not None
        made = ThreadPoolExecutor(1)  # a thread that knows nobody, as the one in which Streamlit makes files
        with made:
            files = [
                made.submit(file_of, store, marked, report, measured_in(store, marked), name).result()
                for name in ("report.html", "report.md", "report.json", "outcomes.csv")
            ]
        page = html_of(open_as(team, person, "Report", run=marked.id))
        said[person.name] = [NOTE in content.decode() for content in files], "By your clicks" in page
    assert said == {"anna": ([True, True, True, False], True), "bob": ([False] * 4, False)}
    with ZipFile(BytesIO(pack(team, marked.id))) as packed:
        assert not any(NOTE.encode() in packed.read(name) for name in packed.namelist())


def test_a_page_that_is_still_open_takes_no_clicks_of_somebody_who_was_removed(
    team: Store, finished_by: Finish
) -> None:
    run = finished_by(ANNA)
    app = open_as(team, ANNA, "Report", run=run.id)
    app.button(key="blind-start").click().run()
    app.button(key="blind-left").click().run()
    kept = read_clicks(team.run_folder(run.id))
    assert len(kept) == 1
    remove_account(team.home / "passwords", "anna")
    app.button(key="blind-left").click().run()
    assert read_clicks(team.run_folder(run.id)) == kept and "Log in again" in html_of(app)
    assert not [button for button in app.button if button.key and button.key.startswith("blind-")]


def test_a_model_that_somebody_else_trained_cant_be_named(team: Store, finished_by: Finish) -> None:
    trained = finished_by(ANNA)
    bob = PersonalStore(team, BOB)
    dataset = bob.add_dataset("tickets.csv", b"message,label\n" + b"a,b\nc,d\n" * 20)
    model = team.run_folder(trained.id) / "full_finetuning" / "fitted"
    model.mkdir(parents=True)
    with pytest.raises(BadInput, match="is in the folder where Threeways keeps runs"):
        prepare(bob, Plan(dataset.id, Setup("message", "label"), model=str(model)))


@pytest.mark.parametrize("name", ["~nobody-has-this-name/model", "a\0b", "x" * 5000])
def test_an_odd_name_of_a_model_is_one_sentence(team: Store, name: str) -> None:
    bob = PersonalStore(team, BOB)
    dataset = bob.add_dataset("tickets.csv", TABLE)
    assert model_named(name) == name
    with pytest.raises(BadInput, match=r"There is no folder|is neither a folder nor the id"):
        prepare(bob, Plan(dataset.id, Setup("message", "label"), model=name))


def test_nobody_skips_the_timing_of_others(team: Store) -> None:
    """They would lose their estimates, too."""
    anna = PersonalStore(team, ANNA)
    dataset = anna.add_dataset("tickets.csv", b"message,label\n" + b"a,b\nc,d\n" * 20)
    run = anna.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task()))
    team.request_speed("another model")
    app = open_as(team, ANNA, "Report", run=run.id)
    assert "we have timed this machine" in html_of(app) and "Skip the timing" not in buttons(app)


def test_the_sample_report_is_everyones_and_nobodys(team: Store) -> None:
    for one in (ANNA, BOB):
        app = open_as(team, one, "Start")
        app.button(key="sample-report").click().run()
        assert "This is a sample report" in html_of(app)
    (sample,) = team.runs()
    assert sample.owner == "" and not PersonalStore(team, BOB).owns(sample.id)


def test_a_log_out_ends_the_visit_everywhere(team: Store, finished_by: Finish) -> None:
    run, user = finished_by(ANNA), user_of(team, ANNA)
    first, second = (open_page_as(user, {}, "Report", run=run.id) for _ in range(2))
    first.button(key="log-out").click().run()
    for app in (first, second.run()):
        assert "Log in again" in html_of(app) and not app.button
    assert visits.account_of(user[VISIT]) is None


def test_a_removed_name_sees_nothing_more(team: Store, finished_by: Finish) -> None:
    app = open_as(team, ANNA, "Report", run=finished_by(ANNA).id)
    remove_account(team.home / "passwords", "anna")
    assert "Log in again" in html_of(app.run())


def test_what_one_person_left_in_a_browser_isnt_shown_to_the_next(team: Store) -> None:
    app = open_as(team, ANNA, "Start")
    app.session_state["what-if-1"] = {"hers": 1}
    app.user = user_of(team, BOB)
    app.run()
    assert "what-if-1" not in app.session_state and "Prompt it" in html_of(app)


def test_where_nobody_logs_in_everything_is_as_it_was(store: Store) -> None:
    app = open_page_as({}, {}, "Start")
    assert "Log out" not in buttons(app)
    anna = PersonalStore(store, ANNA)
    dataset = anna.add_dataset("tickets.csv", b"message,label\n" + b"a,b\nc,d\n" * 20)
    run = anna.add_run(Plan(dataset.id, Setup("message", "label")), task_to_json(*tiny_task()))
    app = open_page_as({}, {}, "History")
    assert listed(app) == [run.id] and "All comparisons on this machine." in html_of(app)


# With a provider

SECRETS = {"auth": {"redirect_uri": "x", "cookie_secret": "x" * 40, "client_id": "x"}}
SAID = {"is_logged_in": True, "iss": "https://provider", "sub": "1", "email": "Anna@Example.com", "name": "Anna A"}


def known(**changed: object) -> dict[str, Any]:
    return SAID | {"iat": time.time(), "email_verified": True} | changed


def test_a_provider_says_who_somebody_is(store: Store) -> None:
    app = open_page_as(known(), SECRETS, "Start")
    assert "Prompt it" in html_of(app)
    assert app.button(key="log-out").help == r"You are logged in as Anna A \(Anna\@Example\.com\)."
    app.button(key="use-furniture_tickets").click().run()
    (dataset,) = store.unused_datasets()
    assert dataset.owner == "provider:https://provider 1"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"is_logged_in": False},
        known(is_logged_in=False),
        known(is_logged_in="True"),
        known(sub=""),
        known(iss=None),
        known(iat=None),
        known(iat=time.time() - SECONDS_OF_A_VISIT - 1),
        known(sub=1),
        known(sub=["1"]),
        known(iss=True),
        known(iat=time.time() + SECONDS_OF_A_VISIT / 2),  # still ahead when this test's turn comes
        known(iat=float("nan")),
        known(iat=float("inf")),
        known(iat=10**400),
        known(iat=True),
        known(iat=str(time.time())),
        {VISIT: "0" * 64},
    ],
    ids=[
        "nothing",
        "out",
        "out with claims",
        "a text",
        "no subject",
        "no issuer",
        "no time",
        "long ago",
        "a number as subject",
        "a list as subject",
        "no text as issuer",
        "in the future",
        "not a time",
        "for ever",
        "a huge number",
        "true as time",
        "a text as time",
        "a visit",
    ],
)
def test_what_a_provider_didnt_say_opens_nothing(store: Store, said: dict[str, Any]) -> None:
    app = open_page_as(said, SECRETS, "Start")
    assert buttons(app) == ["Log in"] and "Prompt it" not in html_of(app)


def test_the_clock_of_a_provider_may_be_a_little_ahead() -> None:
    assert person_of(known(iat=time.time() + 30))


def test_no_two_accounts_have_one_key() -> None:
    first, second = (person_of(known(iss=iss, sub=sub)) for iss, sub in (("p", "x y"), ("p x", "y")))
    third = person_of(known(iss="p", sub="x%20y"))
    assert len({first.key, second.key, third.key}) == 3
    assert person_of(known(iss="https://login.example/t-1/v2.0", sub="auth0|a_b-c=")).key == (
        "provider:https://login.example/t-1/v2.0 auth0|a_b-c="
    )
    assert person_of(known(sub="\ud800")).key.isascii()


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({}, "Anna A (Anna@Example.com)"),
        ({"name": "Bob (bob@example.com)"}, "Bob bob@example.com (Anna@Example.com)"),
        ({"name": "(\u202e)A"}, "A (Anna@Example.com)"),
        ({"name": None, "preferred_username": "anna7"}, "anna7 (Anna@Example.com)"),
        ({"name": ""}, "Anna (Anna@Example.com)"),
        ({"name": "Anna@Example.com"}, "Anna (Anna@Example.com)"),
        ({"name": ["Anna"]}, "Anna (Anna@Example.com)"),
        ({"name": "A" * 100}, f"{'A' * 61} (Anna@Example.com)"),
        ({"email": f"{'a' * 60}@example.com"}, f"Anna A (…{'a' * 48}@example.com)"),
        ({"email_verified": False}, "Anna A"),
        ({"email_verified": False, "name": "Bob (bob@example.com)"}, "Bob bob@example.com"),
        ({"email": None, "name": None}, "1"),
    ],
)
def test_a_name_that_anybody_can_choose_stands_beside_the_address(said: dict[str, Any], shown: str) -> None:
    name = person_of(known(**said)).name
    assert name == shown and len(name) <= 80


@pytest.mark.parametrize(
    ("emails", "said", "enters"),
    [
        (["anna@example.com"], {}, True),
        (["@example.com"], {}, True),
        ("@EXAMPLE.com", {}, True),
        (["bob@example.com", "@other.example"], {}, False),
        (["@example.com"], {"email": "anna@evil-example.com"}, False),
        (["@example.com"], {"email": "anna@example.com.evil.example"}, False),
        (["@example.com"], {"email_verified": False}, False),
        (["@example.com"], {"email_verified": None}, False),
        (["@example.com"], {"email": None}, False),
        (["@strasse.de"], {"email": "anna@straße.de"}, False),
        (["@straße.de"], {"email": "anna@strasse.de"}, False),
        (["@straße.de"], {"email": "Anna@STRAßE.de"}, True),
        (["@kiosk.example"], {"email": "anna@\N{KELVIN SIGN}iosk.example"}, False),
    ],
)
def test_only_people_who_are_welcome_enter(store: Store, emails: object, said: dict[str, Any], enters: bool) -> None:
    app = open_page_as(known(**said), SECRETS | {"team": {"emails": emails}}, "Start")
    assert ("Prompt it" in html_of(app)) is enters
    assert ("may not enter" in html_of(app)) is not enters
