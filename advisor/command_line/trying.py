"""`python -m advisor try` and `download`: fitted strategies of a run, on a new input and outside Threeways."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.pairing import strategy_of
from advisor.render.fitted_zip import write_fitted_zip
from advisor.runs.adapter_off import no_adapter
from advisor.runs.answering import Fitted
from advisor.runs.trying import check_measured_here, order_to_answer, strategies_to_try, with_adapter
from advisor.storage.files import check_replaceable, give
from advisor.storage.store import Store
from advisor.storage.tries import TriedAnswer, Try, keep_try, new_try
from advisor.wording import count_text, name_of, seconds_text, share_text
from eval.task import BadInput
from strategies.registry import DECLARATIONS


def try_of(store: Store, run_id: str, text: str, adapter_off: bool = False) -> Try:
    """Raises BadInput if there is nothing to answer, or nothing that answers, or no adapter to switch off."""
    run = store.run(run_id)
    strategies = strategies_to_try(store, run)
    also_off = with_adapter(strategies) if adapter_off else ()
    if adapter_off and not also_off:
        trained = [name for name in strategies if DECLARATIONS[strategy_of(name)].changes_weights]
        reasons = " ".join(filter(None, map(no_adapter, trained)))
        raise BadInput(reasons or f"Run {run.id} trained no adapter, so there is none to switch off.")
    return new_try(run.id, text, strategies, also_off)


def answer_try(store: Store, one: Try, build_strategy: str) -> int:
    """Prints each answer as it comes, and keeps the try with its run. Returns the exit code: 1 if none could answer."""
    run, screen, fitted = store.run(one.run_id), Screen(highlight=False), Fitted(store.home / "error.log")
    for asked in one.asked:
        order = order_to_answer(store, run, asked.strategy, build_strategy)
        answer = fitted.answer(order, one.input, lambda _: None, asked.adapter_off)
        one = replace(one, answers=(*one.answers, answer))
        _print(screen, answer)
    keep_try(store, replace(one, state="done", since=time.time()))
    return int(all(answer.problem for answer in one.answers))


def download(store: Store, run_id: str, strategy: str, file: Path) -> None:
    """Raises BadInput if there is nothing to download, or if the file can't be written."""
    run = store.run(run_id)
    check_measured_here(run)
    try:
        check_replaceable(file)
        with tempfile.NamedTemporaryFile(dir=file.absolute().parent, prefix=f".{file.name}.", delete=False) as beside:
            try:
                write_fitted_zip(store, run, strategy, beside)
            except BaseException:
                Path(beside.name).unlink()
                raise
        give(Path(beside.name))
        Path(beside.name).replace(file)
    except OSError as wrong:
        raise BadInput(f"{file} can't be written ({wrong.strerror}); choose another file.") from wrong
    Screen(highlight=False).print(
        Text(f"{name_of(strategy)}: {file}. Its README.md says how to use it."), soft_wrap=True
    )


def _print(screen: Screen, answer: TriedAnswer) -> None:
    name = f"{name_of(answer.strategy)}, adapter switched off" if answer.adapter_off else name_of(answer.strategy)
    screen.print(Text.assemble((name, "bold"), f" · {_facts(answer)}" if answer.seconds else ""))
    screen.print(Text(f"  {answer.problem or answer.text or '(nothing)'}"), soft_wrap=True)
    if answer.likely:
        shown = ", ".join(f"{one.label} {share_text(one.share)}" for one in answer.likely)
        screen.print(Text(f"  Probabilities: {shown}"), soft_wrap=True)
    if answer.sources:
        screen.print(Text(f"  Sources: {', '.join(answer.sources)}"), soft_wrap=True)


def _facts(answer: TriedAnswer) -> str:
    if answer.prompt is None:
        return seconds_text(answer.seconds)
    return f"{seconds_text(answer.seconds)}, {count_text(answer.tokens_in, 'prompt token')}"
