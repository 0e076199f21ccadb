"""Hosted fine-tuning on the command line: its prices, the person's consent, and how to delete what came of it."""

from __future__ import annotations

import argparse
import sys

from advisor.command_line.terminal import harmless
from advisor.storage.store import Store
from advisor.storage.tuned_models import tuned_models
from eval.task import BadInput


def add_tuning(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--send-training-data",
        action="store_true",
        help="fine-tune served models at their services: sends them the training and dev rows, and costs money",
    )
    parser.add_argument(
        "--tuning-price",
        action="append",
        default=[],
        metavar="MODEL=TRAINING[/INPUT/OUTPUT]",
        help="what fine-tuning a served model costs per million training tokens, and per million input and output "
        "tokens of the tuned model, such as gpt-4o-mini=3/0.30/1.20 (default: unknown; repeatable)",
    )


def forget_tuned(store: Store, run_id: str) -> None:
    """Deletes the tuned models of a run at their services. Raises BadInput if there are none, or if one can't be
    deleted."""
    from strategies.tuning.training import delete_tuned  # its HTTP client takes a second to import

    run = store.run(run_id)
    tuned = tuned_models(run.plan, store.run_folder(run.id))
    if not tuned:
        raise BadInput(f"No service fine-tuned a model for run {run.id}, so there is nothing to delete.")
    for address, name in tuned:
        delete_tuned(address, name)
        said = f"{name} was deleted at {address.host}. Run {run.id} can't be tried with it any more."
        sys.stdout.write(f"{harmless(said)}\n")
