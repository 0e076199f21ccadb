"""`python -m advisor judge`: a language model compares the written answers of a run."""

from __future__ import annotations

from contextlib import ExitStack

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from advisor.command_line.terminal import Screen
from advisor.pairing import model_words
from advisor.runs.judging import judge_run
from advisor.sections import judges
from advisor.sections.blocks import Bullets
from advisor.spending import unlimited
from advisor.storage.store import Store
from eval.task import BadInput
from strategies.base_models import loader_of


def judge_answers(store: Store, run_id: str, model: str) -> None:
    """Prints what all judges of this run say, once this model has compared its answers. Raises BadInput if there is
    nothing to judge, or if the model can't be loaded."""
    bars = Progress(
        TextColumn("Pairs judged"), BarColumn(bar_width=24), MofNCompleteColumn(), console=Screen(stderr=True)
    )
    bar = bars.add_task("", total=None)
    allowance = unlimited(store.run(run_id).id, "judge")
    with ExitStack() as shown:

        def show(done: int, total: int) -> None:
            if not bars.live.is_started:  # not before there is something to judge
                shown.enter_context(bars)
            bars.update(bar, completed=done, total=total)

        report = judge_run(store, run_id, model_words(model), lambda: loader_of(model, allowance)(), show)
    section = judges.section(report)
    if section is None:
        raise BadInput("The strategies of this run gave the same answer to every test row: there is nothing to judge.")
    screen = Screen(highlight=False)
    for block in section.blocks:
        if isinstance(block, Bullets):
            for sentence in block.sentences:
                screen.print(Text(sentence), soft_wrap=True)
