"""One training by a service, from the upload to the tuned model. What it is called is on disk before anybody waits, so
that a killed run starts no second job."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from eval.money.tokens import Spent
from eval.task import BadInput
from strategies.served.address import ServedAddress
from strategies.served.answers_kept import AnswersKept, KeptAccount, kept_file
from strategies.served.budget import LimitReachedError, Spending, training_of
from strategies.served.client import NoKeyError, Patience, StoppedError
from strategies.served.serving import Serving
from strategies.tuning.chats import Chats, TrainingForeseen
from strategies.tuning.provider import Cancelled, Failed, JobOrder, JobState, Provider, Running, Tuned, Waiting
from strategies.tuning.providers import look_for_provider, provider_at

_FIRST_LOOK, _LONGER, _LONGEST_LOOK = 0.2, 1.5, 20.0  # seconds between looks at a job
_SUFFIX = "threeways"
# For cancelling: somebody waits for it.
_QUICK = Patience(connecting=5.0, answering=20.0, whole_answer=40.0, without_answers=30.0, tries=2)


class TrainingError(BadInput):
    """A job ended without a model. The message says why."""


@dataclass(frozen=True, slots=True)
class KeptTraining:
    """What is known of a training of `server`, a served model by its full name. Ids are "" as long as there are none;
    `model` is there once the job is done, and `tokens` are those it was paid for."""

    server: str
    provider: str
    training_file: str = ""
    validation_file: str = ""
    job: str = ""
    model: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Trained:
    """`was_kept`: an earlier run had it trained. `files_left`: the uploaded files couldn't be deleted."""

    model: str
    tokens: int
    was_kept: bool = False
    files_left: bool = False


def train(
    address: ServedAddress,
    chats: Chats,
    foreseen: TrainingForeseen,
    seed: int,
    serving: Serving,
    tell: Callable[[JobState], None],
) -> Trained:
    """The model at this address, trained on these chats. Takes up a job that a killed run began, and takes a model
    that an earlier run had trained on the same.

    Raises `LimitReachedError` if the run may not spend so much, `TrainingError` if the job fails, `StoppedError` if
    the service can't be asked.
    """
    kept = AnswersKept(serving.kept)
    try:
        return _Training(address, chats, foreseen, seed, serving, kept).carry_out(tell)
    finally:
        kept.close()


def end_trainings(account: str, kept_at: Path | None = None) -> list[str]:
    """Cancels the jobs that a cancelled run left, and deletes their files. A sentence on each."""
    if not (kept_at or kept_file()).exists():
        return []
    kept = AnswersKept(kept_at or kept_file())
    try:
        left = {key: KeptTraining(**known) for key, known in kept.tunings_of(account).items()}
        return [_end(key, one, account, kept) for key, one in left.items() if not one.model]
    finally:
        kept.close()


def delete_tuned(address: ServedAddress, model: str, kept_at: Path | None = None) -> None:
    """Deletes a tuned model at its service, and forgets that it was trained. Raises BadInput if that fails."""
    kept = AnswersKept(kept_at or kept_file())
    try:
        with provider_at(address, look_for_provider(address, kept)) as provider:
            provider.delete_model(model)
        kept.forget_tuned(model)
    finally:
        kept.close()


class _Training:
    def __init__(
        self,
        address: ServedAddress,
        chats: Chats,
        foreseen: TrainingForeseen,
        seed: int,
        serving: Serving,
        kept: AnswersKept,
    ) -> None:
        self._address, self._chats, self._foreseen, self._seed = address, chats, foreseen, seed
        self._serving, self._kept = serving, kept
        decides = [address.name.encode(), chats.training, chats.validation, f"{foreseen.epochs} {seed}".encode()]
        self._key = sha256(b"\0".join(decides)).hexdigest()

    def carry_out(self, tell: Callable[[JobState], None]) -> Trained:
        known = self._kept.tuning(self._key)
        found = KeptTraining(**known) if known else None
        if found is not None and found.model:
            return Trained(found.model, found.tokens, was_kept=True)
        if found is None:
            name = look_for_provider(self._address, self._kept, self._serving.patience)
            if not name:
                raise BadInput(f"The server at {self._address.host} offers no fine-tuning that we know.")
            found = KeptTraining(self._address.name, name)
        with provider_at(self._address, found.provider, self._serving.patience) as provider:
            if not found.job:
                found = self._begin(found, provider)
            ended = self._wait(found, provider, tell)
            return self._finish(found, ended, provider)

    def _begin(self, found: KeptTraining, provider: Provider) -> KeptTraining:
        allowance = self._serving.allowance
        spending = Spending(self._account, training_of(self._address.name), allowance)
        if refused := spending.refusal_of_training(self._address.name, self._foreseen.most_tokens):
            raise LimitReachedError(refused)
        tell_apart, was_killed = self._key[:12], bool(found.training_file)
        try:
            if not found.training_file:
                name = f"{_SUFFIX}-{tell_apart}-training.jsonl"
                file = provider.uploaded(name) or provider.upload(name, self._chats.training)
                found = self._keep(replace(found, training_file=file))
            if self._chats.validation and not found.validation_file:
                name = f"{_SUFFIX}-{tell_apart}-validation.jsonl"
                file = provider.uploaded(name) or provider.upload(name, self._chats.validation)
                found = self._keep(replace(found, validation_file=file))
            order = JobOrder(
                self._address.model,
                found.training_file,
                found.validation_file,
                self._foreseen.epochs,
                self._seed,
                _SUFFIX,
            )
            begun = provider.started(found.training_file) if was_killed else None
            return self._keep(replace(found, job=begun or provider.start(order)))
        except StoppedError:
            if found.training_file and not _may_run(provider, found):
                _delete_files(provider, found)
                self._kept.keep_tuning(self._key, "", None)
            raise

    def _wait(
        self, found: KeptTraining, provider: Provider, tell: Callable[[JobState], None]
    ) -> Tuned | Failed | Cancelled:
        wait = _FIRST_LOOK
        while True:
            try:
                state = provider.state(found.job)
            except StoppedError as wrong:
                if isinstance(wrong, NoKeyError):  # a key is asked for, and then it goes on
                    raise
                raise StoppedError(
                    f"{wrong} The fine-tuning job {found.job} may go on there, and cost: another run with the same "
                    "rows takes it up."
                ) from wrong
            if not isinstance(state, (Waiting, Running)):
                return state
            tell(state)
            time.sleep(wait)
            wait = min(_LONGER * wait, _LONGEST_LOOK)

    def _finish(self, found: KeptTraining, ended: Tuned | Failed | Cancelled, provider: Provider) -> Trained:
        files_left = not _delete_files(provider, found)
        host = self._address.host
        if isinstance(ended, Tuned):
            tokens = round(self._foreseen.tokens) if ended.tokens is None else ended.tokens
            self._keep(replace(found, training_file="", validation_file="", model=ended.model, tokens=tokens))
            self._account.add(Spent(1, tokens))
            return Trained(ended.model, tokens, files_left=files_left)
        self._kept.keep_tuning(self._key, "", None)
        if ended.tokens:
            self._account.add(Spent(1, ended.tokens))
        if isinstance(ended, Cancelled):
            raise TrainingError(f"The fine-tuning job {found.job} was cancelled at {host}: start the run again.")
        reason = ended.reason.strip().rstrip(".") or "without saying why"
        raise TrainingError(f"The fine-tuning job {found.job} at {host} failed: {reason}.")

    @property
    def _account(self) -> KeptAccount:
        allowance = self._serving.allowance
        return KeptAccount(self._kept, allowance.account, allowance.step, training_of(self._address.name))

    def _keep(self, found: KeptTraining) -> KeptTraining:
        self._kept.keep_tuning(self._key, self._serving.allowance.account, asdict(found))
        return found


def _may_run(provider: Provider, found: KeptTraining) -> bool:
    """Whether a job may be training on the uploaded file, as far as its service can be asked."""
    try:
        return provider.started(found.training_file) is not None
    except StoppedError:
        return True


def _delete_files(provider: Provider, found: KeptTraining) -> bool:
    try:
        for file in filter(None, (found.training_file, found.validation_file)):
            provider.delete_file(file)
    except StoppedError:
        return False
    return True


def _end(key: str, found: KeptTraining, account: str, kept: AnswersKept) -> str:
    address = ServedAddress.parse(found.server)
    try:
        with provider_at(address, found.provider, _QUICK) as provider:
            job = found.job or (provider.started(found.training_file) if found.training_file else None)
            if job is not None:
                provider.cancel(job)
            was_deleted = _delete_files(provider, found)
            with suppress(StoppedError):
                if job is not None and (tokens := getattr(provider.state(job), "tokens", None)):
                    KeptAccount(kept, account, "", training_of(found.server)).add(Spent(1, tokens))
    except StoppedError as wrong:
        return (
            f"The fine-tuning job {found.job or 'of this run'} at {address.host} couldn't be cancelled, so it may go "
            f"on and cost: cancel it there. {wrong}"
        )
    kept.keep_tuning(key, account, None)
    left = "" if was_deleted else f" The uploaded rows are still at {address.host}: delete them there."
    return f"The fine-tuning job {job or 'of this run'} at {address.host} was cancelled.{left}"
