"""Fine-tuning by a service: its jobs, what is kept of them, and what goes wrong, as sentences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.money.tokens import Price
from eval.task import Brief, Example, Kind, LearningSplit
from strategies.presets import Budget
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept
from strategies.served.budget import Allowance, Limit, LimitReachedError, training_of
from strategies.served.client import NoKeyError, Patience, StoppedError
from strategies.served.serving import Serving
from strategies.tuning import training
from strategies.tuning.chats import Chats, TrainingForeseen, foresee_training, foreseen_for
from strategies.tuning.provider import JobState, Running, Tuned, Waiting
from strategies.tuning.providers import known_provider, look_for_provider
from strategies.tuning.service import Service
from strategies.tuning.together_jobs import TogetherJobs
from strategies.tuning.training import Trained, TrainingError, delete_tuned, end_trainings, train
from tests.servers.tiny_server import Behaviour, TinyServer
from tests.servers.tiny_tuning import TinyTuning

QUICK = Patience(connecting=1, answering=5, first_wait=0.01, longest_wait=0.02, tries=3, failures=2)
ROWS = tuple(Example(f"r{at}", f"where is parcel {at}", ("delivery", "refund")[at % 2]) for at in range(12))
SPLIT = LearningSplit(ROWS[:10], ROWS[10:])
BUDGET = Budget(10, 2, 2, 3, training_tokens=1000, epochs=3, answer_tokens=10)
CHATS = Chats.of(SPLIT, Kind.CLASSIFICATION)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[TinyServer]:
    monkeypatch.setattr(training, "_FIRST_LOOK", 0.01)
    with TinyServer(Behaviour(tuning=TinyTuning())) as server:
        yield server


@pytest.fixture
def serving(tmp_path: Path, server: TinyServer) -> Serving:
    return Serving(tmp_path / "kept.sqlite", Allowance("run", "finetuning"), patience=QUICK)


def service_of(server: TinyServer) -> TinyTuning:
    assert server.behaviour.tuning is not None
    return server.behaviour.tuning


def trained(server: TinyServer, serving: Serving, told: list[JobState] | None = None, seed: int = 0) -> Trained:
    heard = [] if told is None else told
    return train(ServedAddress.parse(server.name), CHATS, foreseen_for(CHATS, BUDGET), seed, serving, heard.append)


def jobs_started(service: TinyTuning) -> int:
    return sum(method == "POST" and path.endswith("/jobs") for method, path in service.sent)


def test_a_job_is_started_once_and_its_files_are_deleted(server: TinyServer, serving: Serving) -> None:
    told: list[JobState] = []
    found, service = trained(server, serving, told), service_of(server)
    assert found.model == "ft:tiny:threeways:0" and service.models == [found.model]
    assert told[0] == Waiting() and isinstance(told[-1], Running) and told[-1].tokens
    assert service.uploads == [CHATS.training, CHATS.validation] and service.files == {}
    order = service.jobs[0].order
    assert order["model"] == "tiny" and order["seed"] == 0 and order["validation_file"] == "file-1"
    assert order["method"]["supervised"]["hyperparameters"] == {"n_epochs": 3}

    again = trained(server, replace(serving, allowance=Allowance("another run", "finetuning")))
    assert again == replace(found, was_kept=True) and jobs_started(service) == 1
    trained(server, serving, seed=1)
    assert jobs_started(service) == 2  # another seed trains another model
    kept = AnswersKept(serving.kept)
    assert kept.spent("run")[training_of(server.name)].read == 2 * found.tokens
    assert "another run" not in kept.spent("another run")
    kept.close()

    delete_tuned(ServedAddress.parse(server.name), found.model, serving.kept)
    assert found.model not in service.models
    assert not trained(server, serving).was_kept


class KilledError(Exception):
    """Stands in for the end of a process, wherever it comes."""


@pytest.mark.parametrize("looks", [0, 1])
def test_a_killed_run_takes_up_its_job(server: TinyServer, serving: Serving, looks: int) -> None:
    seen = 0

    def killed(state: JobState) -> None:
        nonlocal seen
        seen += 1
        if seen > looks:
            raise KilledError

    with pytest.raises(KilledError):
        train(ServedAddress.parse(server.name), CHATS, foreseen_for(CHATS, BUDGET), 0, serving, killed)
    assert not trained(server, serving).was_kept and jobs_started(service_of(server)) == 1
    assert len(service_of(server).uploads) == 2 and service_of(server).files == {}


def test_an_answer_that_is_lost_starts_no_second_job(server: TinyServer, serving: Serving) -> None:
    service_of(server).breaks_off = 1
    assert trained(server, serving).model and jobs_started(service_of(server)) == 1


def test_what_fails_is_a_sentence(server: TinyServer, serving: Serving) -> None:
    host, service = ServedAddress.parse(server.name).host, service_of(server)
    service.fails = "The training file has too few rows."
    with pytest.raises(TrainingError) as failed:
        trained(server, serving)
    assert str(failed.value) == f"The fine-tuning job ftjob-0 at {host} failed: The training file has too few rows."
    assert service.files == {}

    service.fails, service.refuses_files = "", "Invalid file format."
    with pytest.raises(StoppedError, match=r"refused the request \(400\): Invalid file format\."):
        trained(server, serving)
    service.refuses_files = ""
    assert trained(server, serving).model == "ft:tiny:threeways:1"  # a failed job isn't taken up

    server.behaviour.key = "sk-right"
    with pytest.raises(NoKeyError, match=r"asks for a key \(401\)"):
        trained(server, serving, seed=5)


def test_a_cancelled_run_cancels_its_job_or_says_that_it_goes_on(server: TinyServer, serving: Serving) -> None:
    service = service_of(server)

    def cancelled(state: JobState) -> None:
        raise KilledError

    def begin(seed: int) -> None:
        with pytest.raises(KilledError):
            train(ServedAddress.parse(server.name), CHATS, foreseen_for(CHATS, BUDGET), seed, serving, cancelled)

    service.hangs = True
    begin(0)
    host = ServedAddress.parse(server.name).host
    assert end_trainings("run", serving.kept) == [f"The fine-tuning job ftjob-0 at {host} was cancelled."]
    assert service.jobs[0].status == "cancelled" and service.files == {}
    assert end_trainings("run", serving.kept) == []

    begin(1)
    server.behaviour.key = "sk-right"
    [said] = end_trainings("run", serving.kept)
    assert said.startswith(f"The fine-tuning job ftjob-1 at {host} couldn't be cancelled, so it may go on and cost")
    assert service.jobs[1].status == "queued"


@pytest.mark.parametrize(
    ("limit", "prices", "said"),
    [
        (Limit(money=0.001), {"training": Price(25, 0)}, r"Training would cost up to \$0\.0\d, which passes the run's"),
        (Limit(money=5.0), {}, r"Training would cost an unknown sum, which passes the run's limit of \$5\.00"),
        (Limit(tokens=100), {}, r"Training may take up to [\d,]+ tokens, which passes the run's limit of 100 tokens"),
    ],
)
def test_a_job_that_would_pass_the_limit_is_not_started(
    server: TinyServer, serving: Serving, limit: Limit, prices: dict[str, Price], said: str
) -> None:
    named = {training_of(server.name): price for price in prices.values()}
    with pytest.raises(LimitReachedError, match=said):
        trained(server, replace(serving, allowance=Allowance("run", "finetuning", limit, named)))
    assert service_of(server).uploads == [] and jobs_started(service_of(server)) == 0


def test_the_provider_is_known_by_its_host_or_asked_once(tmp_path: Path) -> None:
    kept = AnswersKept(tmp_path / "kept.sqlite")
    for url, name in (("https://api.openai.com/v1", "openai"), ("https://api.together.xyz/v1", "together")):
        assert known_provider(ServedAddress("m", url), kept) == name
    assert known_provider(ServedAddress("m", "https://notopenai.com/v1"), kept) is None
    with TinyServer() as without, TinyServer(Behaviour(tuning=TinyTuning())) as with_tuning:
        for server, name in ((without, ""), (with_tuning, "openai")):
            address = ServedAddress.parse(server.name)
            assert look_for_provider(address, kept, QUICK) == name == known_provider(address, kept)
        assert len(service_of(with_tuning).sent) == 1 and with_tuning.seen == 0
    kept.close()


def test_together_has_paths_of_its_own(server: TinyServer) -> None:
    service = Service(ServedAddress.parse(server.name), patience=QUICK)
    jobs = TogetherJobs(service)
    file = jobs.upload("t.jsonl", CHATS.training)
    assert jobs.uploaded("t.jsonl") == file and jobs.started(file) is None
    from strategies.tuning.provider import JobOrder

    job = jobs.start(JobOrder("tiny", file, "", 3, 0, "threeways"))
    assert jobs.started(file) == job and jobs.state(job) == Waiting()
    assert jobs.state(job) == Running() and isinstance(jobs.state(job), Tuned)
    jobs.delete_file(file)
    jobs.delete_file(file)  # it is gone already
    with pytest.raises(StoppedError, match="We don't know how to delete ft:tiny"):
        jobs.delete_model("ft:tiny:threeways:0")
    paths = {path.partition("?")[0] for _, path in service_of(server).sent}
    assert paths == {"/v1/files/upload", "/v1/files", "/v1/fine-tunes", f"/v1/fine-tunes/{job}", f"/v1/files/{file}"}
    service.close()


def test_the_rows_are_chats_in_the_form_of_our_prompts_and_the_effort_is_that_of_our_own_training() -> None:
    first = CHATS.training.decode().splitlines()[0]
    assert first == (
        '{"messages": [{"role": "system", "content": "Give the label."}, {"role": "user", "content": '
        '"where is parcel 0"}, {"role": "assistant", "content": "delivery"}]}'
    )
    foreseen = foresee_training(Brief("t", Kind.CLASSIFICATION, "", ("delivery", "refund")), SPLIT, BUDGET)
    assert foreseen == TrainingForeseen(10, 2, 3, 3 * CHATS.tokens) and foreseen.most_tokens > foreseen.tokens
    assert foreseen_for(CHATS, replace(BUDGET, training_tokens=10)).epochs == 1
