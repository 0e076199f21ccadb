"""Compare: further models beside the first, and which strategies each of them gets."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from advisor.pages import frame
from advisor.pages.served_form import ask_for_served
from advisor.pairing import MOST_CANDIDATES, lacks, left_out_sentence, model_words, refusal_of, short_names
from advisor.plan import DEFAULT_MODEL, STRATEGIES, FurtherModel, Plan
from advisor.wording import name_of
from eval.task import Example
from strategies.engine.models import SUGGESTIONS
from strategies.registry import CHANGES_WEIGHTS, LOCAL
from strategies.served.address import is_served

_UNTRAINED = tuple(one for one in STRATEGIES if one not in CHANGES_WEIGHTS)
_SPLIT = "Prompt the hosted one, fine-tune the local one"


def offer_served(model: str) -> None:
    """A model behind a server, to be tested and then used instead of the first `model` or beside it."""
    with st.expander("**A model behind a server** Your own, or one that you pay for", key="served"):
        found = ask_for_served("compare")
        if found is None:
            return
        name = found.address.name
        others = [one for one in st.session_state.get("further-models", ()) if one != name]
        is_in = name in (model, *st.session_state.get("further-models", ()))
        if is_in:
            frame.small("It is part of this comparison.")
        local = DEFAULT_MODEL if is_served(model) or refusal_of("finetuning", model) else model
        with st.container(horizontal=True):
            if name == model or not is_in:  # else it is offered with the further models
                st.button(_SPLIT, key="served-split", on_click=lambda: _prompt_and_tune(name, local, others))
            if not is_in:
                st.button(
                    f"Compare it with {short_names([model])[model]}",
                    key="served-beside",
                    on_click=lambda: _set_models(model, [*others, name]),
                )
            if name != model or others:
                st.button("Use it alone", key="served-alone", on_click=lambda: _set_models(name, []))


def _prompt_and_tune(hosted: str, local: str, others: Sequence[str]) -> None:
    """The hosted model with what needs no training, the local one with fine-tuning: only the run is left to start."""
    _set_models(local, [*(one for one in others if one != local), hosted])
    able = [one for one in STRATEGIES if refusal_of(one, local) is None]
    _share({hosted: list(_UNTRAINED)}, {one: one == "finetuning" for one in able})


def _set_models(first: str, further: Sequence[str]) -> None:
    st.session_state["model"] = first
    st.session_state["further-models"] = list(further)


def choose_further(
    plan: Plan, model: str, strategies: Sequence[str], train: Sequence[Example]
) -> tuple[FurtherModel, ...]:
    """The further models, each with its strategies. `model` is the first, with its `strategies`. One without any is
    kept, so that the page can ask for one. What the training rows lack something for isn't offered."""
    before = {one.model: one.strategies for one in plan.further}
    titles = {one.name: one.title for one in SUGGESTIONS}
    now = st.session_state.get("further-models", [])
    with st.expander("**More models** Compare strategies across several models", expanded=bool(now or before)):
        models = st.multiselect(
            "Other models to compare",
            [name for name in dict.fromkeys([*titles, *before, *now]) if name != model],
            default=[name for name in before if name != model],
            format_func=lambda name: titles.get(name) or model_words(name),
            accept_new_options=True,
            placeholder="Choose models, or type the ID or the folder of one",
            key="further-models",
        )
        models = [name for name in dict.fromkeys(models) if name != model]
        if not models:
            frame.small(f"Every further model takes about as long as the first. At most {MOST_CANDIDATES} candidates.")
            return ()
        short = short_names([model, *models])
        fitting = [one for one in STRATEGIES if lacks(one, train) is None]  # the cards of the first model say why
        possible = {name: [one for one in fitting if refusal_of(one, name) is None] for name in models}
        _offer_presets(model, short[model], models, possible)
        found = []
        for name in models:
            usual = [one for one in before.get(name, strategies) if one in possible[name]]
            chosen = st.pills(
                f"Strategies with {short[name]}",
                possible[name],
                selection_mode="multi",
                default=usual,
                format_func=name_of,
                key=_key(name),
            )
            expected = STRATEGIES if is_served(name) else LOCAL
            refused = {one: why for one in expected if (why := refusal_of(one, name)) is not None}
            if refused:
                frame.small(left_out_sentence(short[name], refused))
            found.append(FurtherModel(name, tuple(one for one in STRATEGIES if one in chosen)))
        return tuple(found)


def _offer_presets(model: str, short: str, models: Sequence[str], possible: dict[str, list[str]]) -> None:
    """Two usual ways to share the strategies among the models."""
    are_hosted = all("finetuning" not in each for each in possible.values())
    split = _SPLIT if are_hosted else f"Fine-tune {short}, prompt the others"
    own = [one for one in STRATEGIES if refusal_of(one, model) is None]
    with st.container(horizontal=True):
        st.button(
            "The same strategies with every model",
            key="all-with-all",
            on_click=lambda: _share(
                {
                    name: [one for one in possible[name] if st.session_state.get(f"include-{one}", False)]
                    for name in models
                }
            ),
        )
        st.button(
            split,
            key="prompt-and-tune",
            on_click=lambda: _share(
                {name: [one for one in _UNTRAINED if one in possible[name]] for name in models},
                {one: one == "finetuning" for one in own},
            ),
        )


def _share(strategies: dict[str, list[str]], of_first: dict[str, bool] | None = None) -> None:
    for name, chosen in strategies.items():
        st.session_state[_key(name)] = chosen
    for strategy, is_on in (of_first or {}).items():
        st.session_state[f"include-{strategy}"] = is_on


def _key(model: str) -> str:
    return f"strategies-with-{model}"
