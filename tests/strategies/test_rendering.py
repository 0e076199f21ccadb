"""What is recorded as sent is what the network read, token by token, and its parts are where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from advisor.storage.trial_files import read_prompts, read_trial, write_trial
from eval.measuring.runner import measure
from eval.outcomes import Trial
from eval.scoring import Scorer
from eval.sent import Part
from eval.task import Brief, Kind, Split
from strategies.engine.transformer import Transformer
from strategies.finetuning import Finetuning
from strategies.prompting import Prompting, PromptingWithExamples
from strategies.retrieval import Retrieval
from tests.strategies.test_chat_form import tokenizer, words_of
from tests.strategies.test_retrieval_finetuning import BUDGET, DOCUMENTS, ROWS
from tests.tiny_model import tiny_transformer

SPLIT = Split(ROWS[:12], ROWS[12:16], ROWS[16:])


def read_by_network(strategy: Prompting | Retrieval | Finetuning, input: str) -> list[int]:
    """What the strategy's network reads for this input if it remembers nothing."""
    model, read = strategy._answerer.model, list[list[int]]()
    assert isinstance(model, Transformer)

    def overhear(_: nn.Module, inputs: tuple[Tensor]) -> None:
        read.append(inputs[0][0].tolist())

    hook = model.network.get_input_embeddings().register_forward_pre_hook(overhear)
    strategy._answerer.model = Transformer(model.network, model.tokenizer)
    strategy.predict([input])
    hook.remove()
    return read[0]


@pytest.mark.parametrize("strategy_class", [Prompting, PromptingWithExamples, Retrieval, Finetuning])
def test_the_recorded_prompt_is_what_the_network_read(
    strategy_class: type[Prompting | Retrieval | Finetuning], tmp_path: Path
) -> None:
    strategy = strategy_class(Brief("towns", Kind.ANSWERING, "Answer the question.", ()), tiny_transformer, BUDGET)
    strategy.fit(SPLIT.without_test, DOCUMENTS, lambda progress: None)
    scorer = Scorer(Kind.ANSWERING, None, SPLIT.train, DOCUMENTS, SPLIT.test)
    measured = measure(strategy, SPLIT.test, scorer, 0, lambda stage, done, total: None)
    write_trial(tmp_path, Trial(strategy.name, "done", outcomes=measured.outcomes, prompts=measured.prompts))
    assert read_trial(tmp_path) is not None
    recorded = read_prompts(tmp_path)
    assert recorded is not None and recorded == measured.prompts
    for example, outcome in zip(SPLIT.test, measured.outcomes, strict=True):
        pieces = recorded.of(example.id)
        assert pieces is not None
        ids = [id for piece in pieces for id in piece.ids]
        assert ids == read_by_network(strategy, example.input)
        assert len(ids) == outcome.tokens_in
        assert tokenizer().decode(ids) == "".join(piece.text for piece in pieces)
        assert words_of(pieces, Part.INPUT) == [example.input]
        assert bool(words_of(pieces, Part.EXAMPLE)) == bool(strategy.settings.get("examples"))
    said = {piece.text for piece in recorded.pieces if piece.part is Part.INSTRUCTION}
    assert said == {recorded.instruction}
    assert len(recorded.pieces) == len(set(recorded.pieces))
