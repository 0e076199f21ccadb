"""Compare: which strategies, on which model, with which budget, and what matters to the person."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from html import escape

import streamlit as st

from advisor.advice.worth import worth_sentence
from advisor.pages import frame
from advisor.pages.draft import Draft, draft_of, keep_plan, starting_plan
from advisor.pages.further_models import choose_further, offer_served
from advisor.pages.marks import marked_name
from advisor.pages.place import choose_place
from advisor.pages.served_costs import choose_served_costs, show_requests
from advisor.pages.tuning_start import choose_start
from advisor.pages.waiting import ask_again, show_estimate, show_reuse, show_total
from advisor.pairing import MOST_CANDIDATES, lacks, model_words, refusal_of
from advisor.plan import (
    COST_BOUNDS,
    DAYS_BOUNDS,
    DEFAULT_MODEL,
    ERROR_BOUNDS,
    MACHINE_BOUNDS,
    MARGIN_BOUNDS,
    MONTHS_BOUNDS,
    SECONDS_BOUNDS,
    STRATEGIES,
    VOLUME_BOUNDS,
    Plan,
    Priorities,
)
from advisor.runs.experiment import prepare
from advisor.runs.place import CLUSTER
from advisor.runs.worker import start_worker
from advisor.storage.stored import StoredRun
from advisor.wording import count_text, words_of
from eval.task import BadInput
from strategies.engine.models import SUGGESTIONS
from strategies.presets import PRESETS
from strategies.served.address import is_served

_NUMBERS = dict(
    enumerate(("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"), 2)
)
_CARDS_A_ROW = 4
_CURRENCIES = ("USD", "EUR", "GBP")
_MOST_SEED = 2**32 - 1  # of numpy and of scikit-learn
_SECONDS_OF_A_DOUBLE_CLICK = 3


def choose_strategies(plan: Plan, draft: Draft) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The strategies to compare, and those that were chosen before but can't run on this machine at present."""
    variants = len(STRATEGIES) - 3
    frame.section(
        "Strategies", f"Prompting, retrieval, fine-tuning, and {_NUMBERS.get(variants, variants)} variants of them."
    )
    model = st.session_state.get("model") or plan.model  # chosen further down
    chosen, refused = [], []
    columns = [column for _ in range(0, len(STRATEGIES), _CARDS_A_ROW) for column in st.columns(_CARDS_A_ROW)]
    for column, strategy in zip(columns, STRATEGIES, strict=False):
        words = words_of(strategy)
        refusal = refusal_of(strategy, model) or lacks(strategy, draft.split.train)
        is_on = not refusal and st.session_state.get(f"include-{strategy}", strategy in plan.strategies)
        state = "on" if is_on else "off"
        with column, st.container(border=True, key=f"strategy-{state}-{strategy}", height="stretch"):
            st.html(
                f'<h3 class="card-title">{marked_name(strategy, words.name)}</h3>'
                f'<p class="quiet">{escape(words.analogy)}</p><p class="small">{escape(words.explanation)}</p>'
            )
            if not is_on:
                frame.small(refusal or worth_sentence(strategy, draft.task, len(draft.split.train)))
            if refusal:
                st.checkbox("Include", value=False, disabled=True, key=f"refused-{strategy}")
                refused += [strategy] if strategy in plan.strategies else []
            elif st.checkbox("Include", value=strategy in plan.strategies, key=f"include-{strategy}"):
                chosen.append(strategy)
    return tuple(chosen), tuple(refused)


def choose_model(plan: Plan) -> str:
    suggestions = {one.name: one for one in SUGGESTIONS}
    names = list(dict.fromkeys([*suggestions, plan.model, st.session_state.get("model") or plan.model]))
    has_further = bool(st.session_state.get("further-models", plan.further))  # chosen further down
    model = st.selectbox(
        "First language model" if has_further else "Language model, the same for every strategy",
        names,
        index=names.index(plan.model),
        format_func=lambda name: suggestions[name].title if name in suggestions else model_words(name),
        accept_new_options=True,
        help="Choose a model, or type the ID of one on the Hugging Face Hub or a folder on this machine.",
        key="model",
        on_change=lambda: ask_again(st.session_state["model"] or DEFAULT_MODEL),
    )
    if model in suggestions:
        chosen = suggestions[model]
        fetched = "" if model == DEFAULT_MODEL else " We download it once from the Hugging Face Hub."
        frame.small(f"Licence: {chosen.licence}. Needs about {chosen.memory_gb:.1f} GB of memory.{fetched}")
    elif model and is_served(model):
        frame.small("Before anything runs, we check that this model answers.")
    else:
        frame.small("Before anything runs, we check that this model can be loaded and fits in memory.")
    return model or DEFAULT_MODEL


def choose_preset(plan: Plan) -> str:
    preset = st.segmented_control(
        "Effort",
        list(PRESETS),
        default=plan.preset if plan.preset in PRESETS else "quick",
        required=True,
        format_func=str.capitalize,
        key="preset",
    )
    frame.small(PRESETS[preset].description)
    return str(preset)


def choose_priorities(was: Priorities) -> Priorities:
    frame.section("What matters to you", "Your priorities decide between strategies that score about the same.")
    first = st.columns(3)
    second = st.columns(3)
    currencies = list(dict.fromkeys([*_CURRENCIES, was.currency]))
    currency = second[2].selectbox("Currency", currencies, index=currencies.index(was.currency), key="currency")
    # What a price is called changes with the currency; its key keeps what was typed.
    volume = first[0].number_input(
        "Requests a month",
        *VOLUME_BOUNDS,
        was.monthly_volume,
        step=1000,
        key="volume",
        help="How many inputs you expect.",
    )
    margin = first[1].number_input(
        "Points that don't matter to you",
        100 * MARGIN_BOUNDS[0],
        100 * MARGIN_BOUNDS[1],
        100 * was.margin,
        step=0.5,
        format="%.1f",
        key="margin",
        help="We recommend a cheaper strategy if it is probably at most this much worse. "
        "1 point is one hundredth of a perfect score.",
    )
    price = first[2].number_input(
        f"Machine price per hour ({currency})",
        *MACHINE_BOUNDS,
        float(was.machine_per_hour),
        step=0.05,
        key="machine_per_hour",
        help="A request costs this price times the machine time it takes. The default is too low for a GPU.",
    )
    longest = second[0].number_input(
        "Maximum latency (seconds)",
        *SECONDS_BOUNDS,
        None if was.max_seconds is None else float(was.max_seconds),
        step=0.5,
        key="max_seconds",
        placeholder="No limit",
        help="At least 95 % of requests must be answered within this time (95th percentile).",
    )
    dearest = second[1].number_input(
        f"Maximum cost per 1,000 requests ({currency})",
        *COST_BOUNDS,
        None if was.max_cost_per_1000 is None else float(was.max_cost_per_1000),
        step=0.1,
        key="max_cost_per_1000",
        placeholder="No limit",
    )
    return replace(
        was,
        monthly_volume=int(volume),
        margin=margin / 100,
        max_seconds=longest,
        max_cost_per_1000=dearest,
        machine_per_hour=price,
        currency=currency,
    )


def choose_costs(was: Priorities) -> Priorities:
    first = st.columns(3)
    months = first[0].number_input(
        "Months of use",
        *MONTHS_BOUNDS,
        was.months,
        key="months",
        help="We add up costs over this time. Setup is paid once.",
    )
    retrain = first[1].number_input(
        "Task changes every … days",
        *DAYS_BOUNDS,
        was.retrain_days,
        step=1.0,
        key="retrain_days",
        placeholder="Never",
        format="%.0f",
        help="After each change, every strategy repeats its setup: it chooses settings and trains again.",
    )
    reindex = first[2].number_input(
        "Documents change every … days",
        *DAYS_BOUNDS,
        was.reindex_days,
        step=1.0,
        key="reindex_days",
        placeholder="Never",
        format="%.0f",
        help="After each change, retrieval indexes the new documents.",
    )
    second = st.columns(3)
    wrong = second[0].number_input(
        f"Price of a wrong answer ({was.currency})",
        *ERROR_BOUNDS,
        float(was.wrong_answer),
        step=0.01,
        format="%.4f",
        key="wrong_answer",
        help="What it costs you to find and fix one. If you set a price, we recommend the strategy with the lowest "
        "total cost. If answers can be partly right, a score of .7 counts as 0.3 wrong answers.",
    )
    together = second[2].checkbox(
        "Requests can be batched",
        was.together,
        key="together",
        help="Answering many requests at once takes less machine time than one at a time.",
    )
    labelled = second[1].number_input(
        f"Price of labelling a row ({was.currency})",
        *ERROR_BOUNDS,
        float(was.labelled_row),
        step=0.01,
        format="%.4f",
        key="labelled_row",
        help="What it costs to have someone write the right answer of one example. It counts for each row a strategy "
        "learns from, so a strategy that needs fewer rows costs less.",
    )
    was = choose_place(was)
    return replace(
        was,
        months=int(months),
        retrain_days=retrain,
        reindex_days=reindex,
        wrong_answer=wrong,
        labelled_row=labelled,
        together=together,
    )


def choose_seed(was: int) -> int:
    return int(
        st.columns(3)[0].number_input(
            "Seed",
            0,
            _MOST_SEED,
            min(max(was, 0), _MOST_SEED),
            key="seed",
            help="It sets the split of the rows and every other random choice. "
            "The same seed on the same machine gives the same answers.",
        )
    )


def start(plan: Plan) -> None:
    """Queue the run and go to its report; a problem is one sentence."""
    try:
        with frame.waiting("Checking the data and the model"):
            run = just_queued(plan) or prepare(frame.store(), plan)
    except BadInput as wrong:
        frame.problem(str(wrong))
        return
    start_worker(frame.store())
    frame.go("Report", run=run.id, dataset=plan.dataset_id)


def just_queued(plan: Plan) -> StoredRun | None:
    """The run that the first press of a double click has queued: the second interrupts the page, not the queueing."""
    newest = next(iter(frame.store().runs()), None)
    if newest is None or abs(time.time() - newest.created_at) > _SECONDS_OF_A_DOUBLE_CLICK:
        return None
    return newest if newest.plan == plan else None


def choose_advanced(was: Plan) -> Plan:
    """Everything that has a sensible default, in one fold."""
    priorities = was.priorities
    with st.expander("**Advanced** Priorities, costs, test rows and the seed", key="advanced"):
        priorities = choose_priorities(priorities)
        frame.section("Costs over time", "They count where strategies score about the same.")
        priorities = choose_costs(priorities)
        all_rows = choose_rows(was)
        frame.section("Repeat a run exactly")
        seed = choose_seed(was.seed)
        reuses = not st.checkbox(
            "Measure everything again",
            not was.reuses,
            key="fresh",
            help="Otherwise we take over what an earlier run measured with the same rows, model and settings.",
        )
        offer_cluster(was.cluster)
    return replace(was, priorities=priorities, seed=seed, asks_all_rows=all_rows, reuses=reuses)


def chosen_cluster(was: str) -> str:
    """The address of the cluster that computes, "" for this machine. The environment of the server names the only one
    there is: an address that a visitor could type would let them reach into its network."""
    address = os.environ.get(CLUSTER, "").strip()
    return address if address and st.session_state.get("cluster", was == address) else ""


def offer_cluster(chosen: str) -> None:
    """What the person chooses is heard by `chosen_cluster`, since the estimate further up depends on it."""
    if not os.environ.get(CLUSTER, "").strip():
        return
    frame.section("Where it runs")
    st.checkbox(
        "Compute on the cluster",
        bool(chosen),
        key="cluster",
        help="We measure several strategies at once, each on its own machine or GPU. All have the same hardware, and "
        "the report names it.",
    )


def choose_rows(was: Plan) -> bool:
    """Whether all strategies answer all test rows, where they don't in any case."""
    if not PRESETS[was.preset].stops_early:
        return was.asks_all_rows
    frame.section("Test rows", "A strategy that can't be chosen any more stops early, unless you say otherwise.")
    return st.checkbox("Ask every strategy all test rows", value=was.asks_all_rows, key="all-rows")


def is_complete(plan: Plan) -> bool:
    """Whether every model has a strategy, and all together fit in a report."""
    return all(strategies for _, strategies in plan.chosen) and len(plan.pairings) <= MOST_CANDIDATES


def show_run_bar(plan: Plan, name: str) -> None:
    """The total time and the one primary button, in view wherever the page is scrolled to."""
    count = len(plan.pairings)
    label = {0: "Compare them", 1: "Measure this one"}.get(count, f"Compare the {_NUMBERS.get(count, count)}")
    with st.container(key="run-bar", horizontal=True, vertical_alignment="center"):
        with st.container(key="run-total", width="stretch"):
            if is_complete(plan):
                show_total(plan, name)
            elif count > MOST_CANDIDATES:
                frame.problem(
                    f"Choose at most {MOST_CANDIDATES} strategies, counted with each model. You have {count}."
                )
            elif plan.further:
                frame.problem("Choose at least one strategy for each model.")
            else:
                frame.problem("Choose at least one strategy.")
        is_ready = is_complete(plan)
        is_pressed = st.button(label, type="primary", key="run", disabled=not is_ready, icon=":material/play_arrow:")
    if is_pressed:
        start(plan)


def show_compare() -> None:
    dataset = frame.dataset_in_address()
    was = starting_plan(dataset)
    try:
        draft = draft_of(dataset.id, dataset.name, was.setup)
    except BadInput as wrong:
        frame.heading("What to compare")
        frame.problem(str(wrong))
        if st.button("Fix the data", type="primary"):
            frame.go("Data", **frame.address("dataset", "follows"))
        return
    frame.heading(
        "What to compare",
        f"{dataset.name}, {count_text(len(draft.task.examples), 'row')}. Everything is set. Change what you like.",
    )
    strategies, refused = choose_strategies(was, draft)
    frame.section("Model and effort")
    model_side, effort_side = st.columns(2, gap="medium")
    with model_side:
        model = choose_model(was)
    with effort_side:
        preset = choose_preset(was)
    offer_served(model)
    further = choose_further(was, model, strategies, draft.split.train)
    cluster = chosen_cluster(was.cluster)
    chosen = replace(was, strategies=strategies, model=model, preset=preset, further=further, cluster=cluster)
    chosen = choose_start(chosen)
    chosen = choose_served_costs(chosen, dataset.name)
    if is_complete(chosen):
        show_requests(chosen, dataset.name)
        show_estimate(chosen, dataset.name)
    chosen = choose_advanced(chosen)
    if is_complete(chosen):
        show_reuse(chosen, dataset.name)
    keep_plan(replace(chosen, strategies=tuple(one for one in STRATEGIES if one in (*strategies, *refused))), was)
    show_run_bar(chosen, dataset.name)


show_compare()
