"""`python -m advisor compare` and `resume`: a run on the command line, from the file to the report."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from filecmp import cmpfiles
from pathlib import Path
from typing import Any

from filelock import Timeout

from advisor.command_line.arguments import priorities_of
from advisor.command_line.gate import check_rows, end_at_gate, gate_of
from advisor.command_line.limits import limit_of
from advisor.command_line.terminal import (
    Screen,
    fail,
    print_estimate,
    print_report,
    progress_bars,
)
from advisor.command_line.uploads import upload_of
from advisor.estimate import OTHERS_SERVED, UNTIMED_CLUSTER, busy_sentence
from advisor.hosted_training import end_jobs, training_sentences
from advisor.pairing import model_words, paired
from advisor.plan import DEFAULT_MODEL, Plan
from advisor.render.json_file import render_json
from advisor.render.pdf import NO_BROWSER, find_browser, render_pdf
from advisor.report.compared import finished_run
from advisor.request_estimate import sentences_on
from advisor.runs.experiment import REPORT_FILES, draft_task, run_experiment
from advisor.runs.foreseen import foresee_run
from advisor.runs.place import check_cluster
from advisor.runs.reuse import is_all_taken_over, reusable
from advisor.runs.reuse import sentences_on as sentences_on_reuse
from advisor.runs.timing import estimate_run, is_outdated, take_speed
from advisor.runs.tuning_again import with_start
from advisor.schema import Report
from advisor.sections.gate import Gate
from advisor.shutdowns import hosted_shutdown_sentence, shutdown_sentence
from advisor.spending import check_limit, count_probes, price_in, probing, tuning_price_in, with_prices
from advisor.storage.files import for_the_person
from advisor.storage.store import Store
from advisor.storage.stored import StoredRun
from advisor.storage.task_file import read_stored_task, read_task
from eval.task import BadInput
from strategies.model_files import on_disk
from strategies.served.address import ServedAddress, is_served
from strategies.served.budget import Limit

_RESULTS = Path("results")
_CANCELLED = 128 + signal.SIGINT  # as shells report a command that Ctrl-C ended


def compare(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    """Returns the exit code. Raises BadInput before anything is stored."""
    upload, setup = upload_of(options)
    plan = Plan(
        dataset_id="",
        setup=setup,
        preset=options.preset,
        strategies=options.strategies,
        seed=options.seed,
        priorities=priorities_of(options),
        limit=limit_of(options, Limit()),
        sends_training=options.send_training_data,
        tunes_from=store.run(options.tune_from).id if options.tune_from else None,
        asks_all_rows=options.all_rows,
        reuses=not options.fresh,
        cluster=options.cluster,
    )
    models = list(dict.fromkeys(map(model_named, options.model or [DEFAULT_MODEL])))
    left_out: tuple[str, ...] = ()
    if len(models) == 1:
        plan = replace(plan, model=models[0])
    else:
        chosen, left_out = paired(models, options.strategies)
        if left_out and not any(strategies for _, strategies in chosen):
            raise BadInput(" ".join(left_out))
        plan = plan.with_chosen(chosen)
    plan = with_prices(plan, [price_in(text, plan.models) for text in options.price])
    plan = replace(plan, tunings=tuple(tuning_price_in(text, plan.models) for text in options.tuning_price))
    gate = gate_of(options, [one.name for one in plan.pairings], store)
    if plan.cluster:
        check_cluster(plan.cluster)
    probes = probing(plan)
    task_json = draft_task(plan, upload.name, upload.table, upload.documents, probes, store)
    task_json = with_start(store, plan, task_json)
    if gate.earlier:
        check_rows(gate.earlier, read_stored_task(task_json.encode()).test)
    _check_results(options)
    dataset = store.keep_upload(upload)
    store.save_setup(dataset.id, replace(setup, own_metric=None))  # the pages read it and never run a person's code
    screen = Screen(stderr=True)
    ends = [*map(shutdown_sentence, plan.models), hosted_shutdown_sentence(plan.priorities.hosted)]
    notes = (setup.columns.sentence(upload.table), *upload.table.notes, *left_out, *filter(None, ends))
    screen.print(*notes, sep="\n", highlight=False, markup=False)
    with processor(store, screen):
        # Queue and start under one lock, so that no worker takes the run meanwhile.
        run = store.add_run(replace(plan, dataset_id=dataset.id), task_json)
        count_probes(probes, run.id, plan)
        said = f"This is run {run.id}. {_goes_on(run.id, 'If it ends early, continue')}"
        screen.print(said, highlight=False, soft_wrap=True)
        try:
            folder = store.run_folder(run.id)
            task, split = read_task(folder)
            found = reusable(store, run.plan, task, split, folder, run.owner, build_strategy)
            screen.print(*sentences_on_reuse(found), sep="\n", highlight=False, markup=False, soft_wrap=True)
            if plan.cluster:
                screen.print(UNTIMED_CLUSTER, highlight=False, soft_wrap=True)
            elif not is_all_taken_over(run.plan, task, found):
                for model in plan.models:
                    _time_machine(store, model, screen)
            if seconds := estimate_run(store, run.id, build_strategy):
                print_estimate(screen, seconds)
                if any(map(is_served, plan.models)):
                    screen.print(OTHERS_SERVED, highlight=False, soft_wrap=True)
                if (stored := store.speed(plan.model)) and stored.speed and (caveat := busy_sentence(stored.speed)):
                    screen.print(caveat, highlight=False, soft_wrap=True)
            if foreseen := foresee_run(folder, run.plan):
                screen.print(*sentences_on(foreseen, run.plan), sep="\n", highlight=False, markup=False, soft_wrap=True)
            for said in training_sentences(run.plan, task, split):
                screen.print(said, highlight=False, markup=False, soft_wrap=True)
            report = _carry_out(store, run, screen, build_strategy)
        except KeyboardInterrupt as ended:
            return _cancel(store, run.id, ended)
    return _finish(store, run.id, report, options, gate)


def resume(store: Store, options: argparse.Namespace, build_strategy: str) -> int:
    """Continues a run, or tries what failed in one that is done, or only writes its results if it ended just before
    that, or checks bounds on them. Returns the exit code. Raises BadInput if there is nothing to do."""
    run = store.run(options.run)
    limit = limit_of(options, run.plan.limit)
    check_limit(replace(run.plan, limit=limit))
    gate = gate_of(options, [one.name for one in run.plan.pairings], store)
    if gate.earlier:
        check_rows(gate.earlier, read_task(store.run_folder(run.id))[1].test)
    _check_results(options)
    screen = Screen(stderr=True)
    with processor(store, screen):
        if store.run(run.id).state == "done":  # by now
            failed = [step.strategy for step in store.steps(run.id) if step.state == "failed"]
            if not failed:
                report, out = store.report(run.id), options.out or _RESULTS / run.id
                written, _, _ = cmpfiles(store.run_folder(run.id), out, REPORT_FILES, shallow=False)
                if report is None or (len(written) == len(REPORT_FILES) and gate == Gate()):
                    raise BadInput(f"Run {run.id} is done, so there is nothing to continue.")
                return _finish(store, run.id, report, options, gate)
            store.retry_step(run.id, *failed)
        store.continue_run(run.id, limit)
        try:
            report = _carry_out(store, run, screen, build_strategy)
        except KeyboardInterrupt as ended:
            return _cancel(store, run.id, ended)
    return _finish(store, run.id, report, options, gate)


def _check_results(options: argparse.Namespace) -> None:
    if options.pdf and find_browser() is None:
        raise BadInput(NO_BROWSER)
    _make_folder(options.out or _RESULTS)


def _carry_out(store: Store, run: StoredRun, screen: Screen, build_strategy: str) -> Report | None:
    with progress_bars(screen, run.plan.steps) as show:
        return run_experiment(store, run.id, show, lambda: store.cancel_requested(run.id), build_strategy)


def _cancel(store: Store, run_id: str, ended: KeyboardInterrupt) -> int:
    jobs = end_jobs(run_id, store.run(run_id).plan)
    store.end_run(run_id, "cancelled", jobs)
    said = ("The comparison was cancelled.", jobs, _goes_on(run_id))
    return fail(128 + ended.args[0], " ".join(filter(None, said)))


def _goes_on(run_id: str, start: str = "Continue") -> str:
    return f"{start} it with: python -m advisor resume {run_id}"


def _finish(store: Store, run_id: str, report: Report | None, options: argparse.Namespace, gate: Gate) -> int:
    run, folder = store.run(run_id), store.run_folder(run_id)
    if report is None:
        if run.state == "cancelled":
            said = ("The comparison was cancelled.", run.reason, _goes_on(run_id))
            return fail(_CANCELLED, " ".join(filter(None, said)))
        if run.state == "stopped":
            return fail(1, f"{run.reason} {_goes_on(run_id)}")
        if run.awaits_key:
            return fail(2, f"{run.reason} Run {run_id} waits for it: `python -m advisor worker` continues the run.")
        if run.reason is None:  # the disk took nothing more, as was said
            return fail(1, f"The comparison ended early. {_goes_on(run_id)}")
        return fail(1, f"{run.reason} The details are in {folder / 'log.txt'}.")
    out = options.out or _RESULTS / run_id
    with for_the_person():
        out.mkdir(exist_ok=True)
        for name in REPORT_FILES:
            shutil.copyfile(folder / name, out / name)
        if options.pdf:
            try:
                (out / "report.pdf").write_bytes(render_pdf((out / "report.html").read_text("utf-8")))
            except BadInput as wrong:  # the comparison itself is done
                fail(1, str(wrong))
    if options.json:
        sys.stdout.write(render_json(report) + "\n")
    else:
        screen = Screen()
        print_report(screen, report)
        screen.print(f"Report: {out / 'report.html'} · run {run_id}", markup=False, highlight=False, soft_wrap=True)
    if run.state != "done":
        return fail(1, f"{run.reason} The logs are in {folder}.")
    now = finished_run(store, run) if gate.earlier else None
    return end_at_gate(gate, options, report, run.name, now)


def _make_folder(path: Path) -> None:
    """Makes sure that the folder exists and is writable."""
    try:
        with for_the_person():
            path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as wrong:
        raise BadInput(f"The report can't be written to {path} ({wrong.strerror}); choose another --out.") from wrong


def model_named(name: str) -> str:
    """A folder as an absolute path, because other processes that load it may have another working directory. A served
    model in one spelling, so that none is compared with itself."""
    if is_served(name):
        return ServedAddress.parse(name).name
    here = None if name == DEFAULT_MODEL else on_disk(name)
    return str(here.absolute()) if here else name


def processor(store: Store, screen: Screen) -> Any:
    """The lock on the processor. Says so if another run has it."""
    try:
        return store.device_lock.acquire(timeout=0)
    except Timeout:
        screen.print("Waiting for another run on this machine to end.")
        return store.device_lock.acquire()


def _time_machine(store: Store, model: str, screen: Screen) -> None:
    """Times the machine unless there is a valid timing, so that the run can be estimated before it starts."""
    if is_served(model):
        return
    stored = store.speed(model)
    if stored is None or stored.speed is None or is_outdated(stored):
        screen.print(f"Timing {model_words(model)} on this machine …", markup=False, highlight=False, soft_wrap=True)
        take_speed(store, model)
        stored = store.speed(model)
        if stored is not None and stored.problem is not None:
            screen.print(stored.problem, markup=False, highlight=False, soft_wrap=True)
