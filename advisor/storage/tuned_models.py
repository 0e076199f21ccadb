"""The models that a service fine-tuned for a run. They are at the service, and only their names are here."""

from __future__ import annotations

from pathlib import Path

from advisor.hosted_training import hosted_pairings
from advisor.plan import Plan
from advisor.storage.stored import StoredRun
from advisor.storage.trial_files import read_trial
from eval.task import BadInput
from strategies.served.address import ServedAddress


def tuned_models(plan: Plan, run_folder: Path) -> list[tuple[ServedAddress, str]]:
    """The models that services fine-tuned for a run, and where they are. They may be deleted there by now."""
    tuned: list[tuple[ServedAddress, str]] = []
    for one in hosted_pairings(plan):
        trial = read_trial(run_folder / one.name)
        if trial is not None and (name := trial.settings.get("tuned_model")):
            tuned.append((ServedAddress.parse(one.model), str(name)))
    return tuned


def tuned_models_left(run: StoredRun, run_folder: Path) -> str:
    """Where a service may still have what it trained for a run, in a sentence; "" if it trained nothing."""
    try:
        tuned = tuned_models(run.plan, run_folder)
    except BadInput:  # another version planned it
        return ""
    named = " and ".join(f"{name} at {address.host}" for address, name in tuned)
    return f"{named} may still be there; `python -m advisor forget-tuned {run.id}` deletes it." if named else ""
