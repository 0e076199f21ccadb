"""JSON is held to the schema of its training answers while it is written, whatever the network would write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from strategies.engine.held import Grammar, closed, vocabulary_of
from strategies.engine.json_grammar import grammar_of
from strategies.engine.language_model import Message, Prompt
from strategies.engine.local_model import UNREADABLE, LocalModel
from strategies.engine.plain import PlainModel
from strategies.engine.transformer import Transformer
from strategies.json_bounds import bounded_schema_of
from strategies.json_shape import schema_of
from tests.tiny_model import TOKENIZER, tiny_network

ORDERS = [
    {"item": "tea", "count": 2, "gift": True, "price": 3.25, "tags": ["a"], "to": {"city": "Oslo"}},
    {"tags": [], "item": 'a "mug"\n\\', "gift": False, "price": 2.5, "to": {"zip": "0150", "city": None}},
    {"item": None, "price": 40.0, "tags": ["b", "c"], "to": "shop", "gift": False},
]
BOOKINGS = [{"people": "2"}, {}, {"time": "noon", "people": "9 people"}, {"date": "7th of June"}]
SHOPPING = [{"lines": [{"name": "Brötchen", "n": 4}, {"n": 1, "name": "Käse"}]}, {"lines": []}]
MOODS = [{"mood": mood, "score": score} for mood in ("good", "bad", "mixed") for score in (1, -2, 1e-7)]
WORDS = [{f"word {number}": number} for number in range(30)]
LISTED = [[{"part": "lamp"}], [], [{"part": "bulb", "odd": "näive"}]]
ANSWERS: dict[str, list[Any]] = {
    "several types": ORDERS, "all optional": BOOKINGS, "nested lists": SHOPPING, "few values": MOODS,
    "names are data": WORDS, "a list": LISTED,
}  # fmt: skip
LAYOUTS: dict[str, dict[str, Any]] = {
    "spaced": {},
    "compact": {"separators": (",", ":")},
    "indented": {"indent": 2},
    "odd": {"separators": (" ,", ":")},
    "unescaped": {"ensure_ascii": False},
}
ALL = pytest.mark.parametrize("answers", ANSWERS.values(), ids=list(ANSWERS))


def written(answers: list[Any], layout: str = "spaced") -> list[str]:
    return [json.dumps(answer, **LAYOUTS[layout]) for answer in answers]


def byte_pairs() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(TOKENIZER)


def with_added_tokens() -> PreTrainedTokenizerBase:
    """As models get them for chats, tools and runs of spaces."""
    tokenizer = byte_pairs()
    tokenizer.add_tokens([AddedToken("people", special=False), AddedToken('": "', special=False), "<|odd|>"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["{<|special|>"]})
    return tokenizer


def sentence_pieces() -> PreTrainedTokenizerBase:
    """As Llama 2 has them: a space in front of every text, and bytes where there is no piece."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *'{}[]":,. aeinorst0123']
    pieces += ["▁{", '{"', '",', '":', '▁"', "on", "in"]
    merges = [("▁", "{"), ("{", '"'), ('"', ","), ('"', ":"), ("▁", '"'), ("o", "n"), ("i", "n")]
    tokenizer = Tokenizer(
        models.BPE({piece: at for at, piece in enumerate(pieces)}, merges, unk_token="<unk>", byte_fallback=True)
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


TOKENIZERS = {"byte pairs": byte_pairs, "added tokens": with_added_tokens, "sentence pieces": sentence_pieces}
EVERY_TOKENIZER = pytest.mark.parametrize("make", TOKENIZERS.values(), ids=list(TOKENIZERS))


def untrained(tokenizer: PreTrainedTokenizerBase, path: type[Transformer] | type[PlainModel]) -> LocalModel:
    network = tiny_network()
    torch.manual_seed(1)
    network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    network.generation_config.eos_token_id = tokenizer.eos_token_id
    return path(network, tokenizer)


def prompts(count: int) -> list[Prompt]:
    texts = ["a table for two", "where is my parcel, please, and when does it come", "no", "Ünlü"]
    return [(Message("system", "Write the JSON."), Message("user", f"{texts[at % 4]} {at}")) for at in range(count)]


@ALL
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_untrained_network_writes_json_that_follows_the_schema(answers: list[Any], layout: str) -> None:
    schema = bounded_schema_of(written(answers, layout))
    assert schema is not None
    model = untrained(byte_pairs(), Transformer)
    found = model.write_json(prompts(12), schema, max_tokens=400)
    assert {one.cut_off for one in found} == {False} and len({one.text for one in found}) > 1
    for one in found:
        jsonschema.validate(json.loads(one.text), schema)
        one.text.encode()  # no halves of characters
    free = model.write(prompts(12), 60)
    assert not any(_is_json(one.text) for one in free)


@EVERY_TOKENIZER
def test_both_paths_and_one_by_one_give_the_same_answers(make: Any) -> None:
    schema = bounded_schema_of(written(ORDERS))
    assert schema is not None
    fast, plain = (untrained(make(), path) for path in (Transformer, PlainModel))
    together = fast.write_json(prompts(6), schema, 300)
    for one in together:
        jsonschema.validate(json.loads(one.text), schema)
    assert [fast.write_json([prompt], schema, 300)[0] for prompt in prompts(6)] == together
    assert plain.write_json(prompts(6), schema, 300) == together


@ALL
@EVERY_TOKENIZER
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_network_that_writes_as_the_training_answers_is_not_bent(answers: list[Any], make: Any, layout: str) -> None:
    """Its likeliest tokens are those of an answer; all others are random."""
    tokenizer, texts = make(), written(answers, layout)
    vocabulary, schema = vocabulary_of(tokenizer, [tokenizer.eos_token_id]), bounded_schema_of(texts)
    assert vocabulary is not None and schema is not None
    grammar = Grammar(vocabulary, grammar_of(schema))
    for text in texts:
        held, tokens = (
            grammar.hold(1),
            [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id],
        )
        for token in tokens:
            logits = torch.rand(1, len(tokenizer))
            logits[0, token] = 2
            assert held.choose(logits, [0]).tolist() == [token], tokenizer.decode(token)
        assert held.is_complete(0)


def test_fields_come_in_any_order_but_each_once_and_none_that_is_required_is_left_out() -> None:
    schema = bounded_schema_of(written(ORDERS))
    assert schema is not None and schema["required"] == ["item", "gift", "price", "tags", "to"]
    assert takes(schema, '{"to": "x", "tags": [], "price": 1.5, "gift": true, "item": "a", "count": 1}')
    assert not takes(schema, '{"to": "x", "to": "y"')
    assert not takes(schema, '{"to": "x", "tags": [], "price": 1.5, "gift": true}')
    assert not takes(schema, '{"size": ')


def test_a_list_that_is_empty_in_all_training_answers_doesnt_free_the_others() -> None:
    schema = bounded_schema_of(written([{"item": "lamp", "tags": []}] * 30))
    assert schema is not None and schema["properties"]["tags"]["maxItems"] == 1
    assert takes(schema, '{"item": "lamp", "tags": []}') and takes(schema, '{"item": "lamp", "tags": ["new"]}')
    assert not takes(schema, '{"item": "lamp", "tags": ["new", ')


def test_sizes_are_bounded_by_the_training_answers_and_some_more() -> None:
    schema = bounded_schema_of(written([{"tags": ["a", "b"], "n": 120, "p": 9.5, "kind": "lamp"}] * 30))
    assert schema is not None
    fields = schema["properties"]
    assert fields["kind"] == {"enum": ["lamp"]} and fields["tags"]["maxItems"] == 3
    assert fields["n"]["maximum"] == 9999 and fields["p"] == {
        "type": "number", "minimum": -99, "maximum": 99, "decimals": 1
    }  # fmt: skip
    few = bounded_schema_of(written([{"kind": "lamp"}] * 29))
    assert few is not None and takes(few, '{"kind": "rug"}')  # so few can't tell that there are no other kinds
    schema = bounded_schema_of(written([{"name": "x" * 40}]))
    assert schema is not None and takes(schema, f'{{"name": "{"y" * 60}"}}')
    assert not takes(schema, f'{{"name": "{"y" * 61}"}}')


@pytest.mark.parametrize(
    "answers",
    [
        ['{"a": 1}', "tea"], ["{}"], ["[]", "{}"], ['{"a": NaN}'], ['{"a": 1e999}'], ['"tea"'], [],
        ["[" * 500 + "1" + "]" * 500],
    ],
    ids=["no JSON", "empty", "two empty", "no number", "too large", "no object", "nothing", "too deep"],
)  # fmt: skip
def test_other_answers_have_no_schema(answers: list[str]) -> None:
    assert bounded_schema_of(answers) is None


@ALL
def test_what_services_take_can_be_held_to_as_well(answers: list[Any]) -> None:
    schema = schema_of(written(answers))
    if schema is not None:
        model = untrained(byte_pairs(), Transformer)
        for one in model.write_json(prompts(3), schema, 200):
            assert one.cut_off or jsonschema.validate(json.loads(one.text), schema) is None
            json.loads(one.text)


@pytest.mark.parametrize("path", [Transformer, PlainModel])
def test_an_answer_that_reaches_the_limit_says_so_and_is_still_json(path: type[Transformer]) -> None:
    schema = bounded_schema_of(written(ORDERS))
    assert schema is not None
    whole = untrained(byte_pairs(), path).write_json(prompts(1), schema, 300)[0]
    fields = list(json.loads(whole.text))
    for limit in range(2, whole.tokens_out, 3):
        cut = untrained(byte_pairs(), path).write_json(prompts(1), schema, limit)[0]
        kept = list(json.loads(cut.text))
        assert cut.cut_off and cut.tokens_out == limit and kept == fields[: len(kept)]
    assert untrained(byte_pairs(), path).write_json(prompts(1), schema, whole.tokens_out) == [whole]


def test_what_is_cut_off_is_closed_behind_its_last_whole_value() -> None:
    assert closed('{"a": [1, 2], "b": {"c": "x, y", "d": "z') == '{"a": [1, 2], "b": {"c": "x, y"}}'
    assert closed('{"a": "\\",') == "{}" and closed("") == "" and closed('{"a": 12') == "{}"


def test_a_tokenizer_whose_tokens_can_not_be_read_writes_freely_and_says_so(tmp_path: Path) -> None:
    tokenizer = sentence_pieces()
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Prepend("▁")])
    model = untrained(tokenizer, Transformer)
    assert not model.follows_schema and UNREADABLE in model.notes
    schema = bounded_schema_of(written(BOOKINGS))
    assert schema is not None and model.write_json(prompts(2), schema, 12) == model.write(prompts(2), 12)


def takes(schema: dict[str, Any], text: str) -> bool:
    tokenizer = byte_pairs()
    vocabulary = vocabulary_of(tokenizer, [tokenizer.eos_token_id])
    assert vocabulary is not None
    held = Grammar(vocabulary, grammar_of(schema)).hold(1)
    for token in tokenizer(text, add_special_tokens=False)["input_ids"]:
        logits = torch.zeros(1, len(tokenizer))
        logits[0, token] = 1
        if held.choose(logits, [0]).tolist() != [token]:
            return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
