"""Keep the split of an earlier run, where only test rows changed since."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.plan import Plan
from advisor.runs.fit_key import content_of
from advisor.runs.reuse import earlier_runs
from advisor.runs.tuning_again import unseen
from advisor.storage.start import LearnedRow
from advisor.storage.store import Store
from advisor.storage.task_file import read_task
from advisor.wording import count_text
from eval.task import BadInput, Example, Split, Task

MOST_LOST = 0.1  # of the test rows, to keep the rows that were learned from
_SPLITS_LOOKED_AT = 3


def kept_split(store: Store, plan: Plan, task: Task, split: Split) -> Split:
    """The split of an earlier run, with test rows as they are now, if no row changed that it learned from. Otherwise a
    few edited test rows would change which rows are left out for being like them, or change sides, and everything would
    be fitted again. Test rows that are now like the others are left out instead. The same split if there is no such
    run."""
    if not plan.reuses or plan.tunes_from is not None:
        return split
    found: list[tuple[int, Split]] = []
    alike = 0
    for run, folder in earlier_runs(store, store.owner):
        try:
            if (run.plan.preset, run.plan.seed) != (plan.preset, plan.seed):
                continue
            old_task, old = read_task(folder)
        except BadInput:  # of another version
            continue
        if old_task.kind != task.kind:
            continue
        if (kept := _earlier_split(task, split, old_task, old, run.id)) is not None:
            tested = set(map(content_of, old.test))
            found.append((sum(content_of(row) in tested for row in kept.test), kept))
        if (alike := alike + 1) == _SPLITS_LOOKED_AT:
            break
    return max(found, key=lambda one: one[0])[1] if found else split


def _earlier_split(task: Task, split: Split, old_task: Task, old: Split, run_id: str) -> Split | None:
    """None if a row that was learned from came, went or changed, or is asked to be on another side."""
    here, there = _by_content(task.examples), _by_content(old_task.examples)
    gone = {row.id for content, rows in there.items() if content not in here for row in rows}
    was_tested = {row.id for row in old.test}
    fitted, tested = {row.id for row in (*split.train, *split.dev)}, {row.id for row in split.test}
    edited: dict[str, Example] = {}
    added = []
    for row in (row for content, rows in here.items() if content not in there for row in rows):
        if row.id in gone and row.id in was_tested:
            edited[row.id] = row
        elif row.id in fitted:
            return None
        elif row.id in tested and row.id not in gone:
            added.append(row)
    sides = []
    for side, rows in (("train", old.train), ("dev", old.dev), ("test", old.test)):
        found = [_next(here, row) or edited.get(row.id) for row in rows]
        kept = tuple(row for row in found if row is not None)
        if any((row.split or side) != side for row in kept) or (side != "test" and len(kept) < len(rows)):
            return None
        sides.append(kept)
    train, dev, test = sides
    clean = unseen((*test, *added), [LearnedRow(row.input, row.group) for row in (*train, *dev)])
    lost = len(test) + len(added) - len(clean)
    if not clean or lost > MOST_LOST * len(clean):
        return None
    if (train, dev, clean) == (split.train, split.dev, split.test):
        return split
    also = f" We left out {count_text(lost, 'test row')} like one of those." if lost else ""
    return Split(train, dev, clean, (f"We kept the split of run {run_id}: no row that it learned from changed.{also}",))


def _by_content(rows: Sequence[Example]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = {}
    for row in rows:
        found.setdefault(content_of(row), []).append(row)
    return found


def _next(rows: dict[str, list[Example]], like: Example) -> Example | None:
    """The next row with this content, which then is taken."""
    left = rows.get(content_of(like))
    return left.pop(0) if left else None
