"""The store as one person sees it: their own uploads and runs, and the runs that were shared with everyone.

Pages of a server with log-in get this store and no other. What it doesn't show doesn't exist for the person: a method
that is given the id of something hidden fails as for an id that was never given out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from advisor.plan import Setup
from advisor.schema import Report
from advisor.storage.person import Person
from advisor.storage.store import Store
from advisor.storage.stored import StoredDataset, StoredRun, StoredStep
from advisor.storage.upload import Upload
from eval.task import BadInput
from strategies.served.budget import Limit


class PersonalStore(Store):
    """Raises BadInput wherever a run or a dataset isn't there for this person, and where somebody else's run would be
    changed. `machine` is the store that shows everything: for queues and timings, never for what is in a run."""

    def __init__(self, machine: Store, person: Person) -> None:
        self.home, self._database = machine.home, machine._database
        self._machine, self._person = machine, person

    @property
    def machine(self) -> Store:
        return self._machine

    @property
    def person(self) -> Person:
        return self._person

    # What is seen

    def _seen(self) -> tuple[str, tuple[str, ...]]:
        return "(owner = ? OR is_shared = 1 OR origin = 'sample')", (self._key,)

    def _own_data(self) -> tuple[str, tuple[str, ...]]:
        return "owner = ?", (self._key,)

    @property
    def _key(self) -> str:
        return self._person.key

    def owns(self, run_id: str) -> bool:
        return self._database.row("SELECT 1 FROM runs WHERE id = ? AND owner = ?", run_id, self._key) is not None

    def _is_seen(self, run_id: str) -> bool:
        condition, values = self._seen()
        return self._database.row(f"SELECT 1 FROM runs WHERE id = ? AND {condition}", run_id, *values) is not None

    def _check_seen(self, run_id: str) -> None:
        if not self._is_seen(run_id):
            self.run(run_id)  # says that there is none
            raise BadInput(f"There is no run {run_id!r}.")  # only the beginning of an id was given

    def _check_own(self, run_id: str) -> None:
        self._check_seen(run_id)
        if not self.owns(run_id):
            raise BadInput("Only the person who started this run can change it; start one of your own.")

    def run_folder(self, run_id: str) -> Path:
        self._check_seen(run_id)
        return super().run_folder(run_id)

    def own_run_folder(self, run_id: str) -> Path:
        self._check_own(run_id)
        return super().own_run_folder(run_id)

    def dataset_folder(self, dataset_id: str) -> Path:
        self.dataset(dataset_id)
        return super().dataset_folder(dataset_id)

    def steps(self, run_id: str) -> list[StoredStep]:
        self._check_seen(run_id)
        return super().steps(run_id)

    def report(self, run_id: str) -> Report | None:
        report = super().report(run_id) if self._is_seen(run_id) else None
        return report if report is None or self.owns(run_id) else report.for_others()

    def queue_position(self, run_id: str) -> int | None:
        self._check_seen(run_id)
        return super().queue_position(run_id)

    # What is changed

    def as_own(self, upload: Upload) -> Upload:
        return replace(upload, owner=self._key)

    def save_setup(self, dataset_id: str, setup: Setup) -> None:
        self.dataset(dataset_id)
        super().save_setup(dataset_id, setup)

    def delete_dataset(self, dataset_id: str) -> None:
        self.dataset(dataset_id)
        super().delete_dataset(dataset_id)

    def add_finished(
        self,
        dataset: StoredDataset,
        run: StoredRun,
        steps: Iterable[StoredStep],
        dataset_files: Mapping[str, bytes],
        run_files: Mapping[str, bytes],
    ) -> NoReturn:
        """A run that was measured elsewhere belongs to the machine."""
        raise BadInput("A packed run is added on the command line; ask the person who runs this server.")

    def cancel(self, run_id: str) -> None:
        self._check_own(run_id)
        super().cancel(run_id)

    def retry_step(self, run_id: str, *strategies: str) -> None:
        self._check_own(run_id)
        super().retry_step(run_id, *strategies)

    def continue_run(self, run_id: str, limit: Limit) -> None:
        self._check_own(run_id)
        super().continue_run(run_id, limit)

    def describe_run(self, run_id: str, given_name: str, note: str, tags: Iterable[str]) -> None:
        self._check_own(run_id)
        super().describe_run(run_id, given_name, note, tags)

    def share_run(self, run_id: str, is_shared: bool) -> None:
        self._check_own(run_id)
        super().share_run(run_id, is_shared)

    def delete_run(self, run_id: str) -> None:
        self._check_own(run_id)
        super().delete_run(run_id)
