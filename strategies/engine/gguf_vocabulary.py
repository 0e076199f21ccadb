"""A tokenizer as the metadata of a GGUF file. Only byte-level BPE (GPT-2's kind) whose way of splitting texts has a
name in llama.cpp: a wrong name would split some texts in another way, and nobody would notice."""

from __future__ import annotations

import json
from typing import Any

import gguf
from transformers import PreTrainedTokenizerBase

Key = tuple[Any, gguf.GGUFValueType, gguf.GGUFValueType | None]

_DIGITS = {"llama-bpe": r"\p{N}{1,3}", "qwen2": r"\p{N}"}
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_BY_PATTERN = {_WORDS.replace("DIGITS", digits): name for name, digits in _DIGITS.items()}


class UnwritableError(ValueError):
    """A model can't be written as GGUF. The message is a sentence for people."""


def vocabulary_keys(tokenizer: PreTrainedTokenizerBase, config: Any) -> dict[str, Key]:
    """Raises UnwritableError."""
    described = json.loads(tokenizer.backend_tokenizer.to_str()) if tokenizer.is_fast else {}
    named = _name_of_splitting(described)
    if named is None:
        raise UnwritableError(
            "The tokenizer of the model splits texts in a way that Threeways can't write as GGUF: convert the folder "
            "model/ with llama.cpp's convert_hf_to_gguf.py."
        )
    text, whole, flag = gguf.GGUFValueType.STRING, gguf.GGUFValueType.UINT32, gguf.GGUFValueType.BOOL
    many = gguf.GGUFValueType.ARRAY
    tokens, types = _tokens(tokenizer, config.vocab_size)
    merges = [one if isinstance(one, str) else " ".join(one) for one in described["model"]["merges"]]
    bare, whole_text = (tokenizer("a", add_special_tokens=add)["input_ids"] for add in (False, True))
    keys: dict[str, Key] = {
        "tokenizer.ggml.model": ("gpt2", text, None),
        "tokenizer.ggml.pre": (named, text, None),
        "tokenizer.ggml.tokens": (tokens, many, text),
        "tokenizer.ggml.token_type": (types, many, gguf.GGUFValueType.INT32),
        "tokenizer.ggml.merges": (merges, many, text),
        "tokenizer.ggml.add_bos_token": (len(whole_text) > len(bare) and whole_text[-1:] == bare[-1:], flag, None),
        "tokenizer.ggml.add_space_prefix": (False, flag, None),
    }
    special = {
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "unknown": tokenizer.unk_token_id,
        "padding": tokenizer.pad_token_id,
    }
    return keys | {
        f"tokenizer.ggml.{name}_token_id": (token, whole, None) for name, token in special.items() if token is not None
    }


def _name_of_splitting(described: dict[str, Any]) -> str | None:
    """What llama.cpp calls it; None if it has no name there that we know."""
    model, first = described.get("model") or {}, described.get("pre_tokenizer") or {}
    if (
        model.get("type") != "BPE"
        or model.get("byte_fallback")
        or (described.get("normalizer") or {"type": "NFC"})["type"] != "NFC"
    ):
        return None
    parts = first.get("pretokenizers", [first])
    kinds = [part.get("type") for part in parts]
    last = parts[-1]
    if kinds[-1] != "ByteLevel" or last.get("add_prefix_space"):
        return None
    if kinds == ["ByteLevel"]:
        return "gpt-2" if last.get("use_regex", True) else None
    if kinds == ["Digits", "ByteLevel"]:
        return "smollm" if parts[0].get("individual_digits") and last.get("use_regex", True) else None
    if kinds == ["Split", "ByteLevel"] and not last.get("use_regex", True):
        named = _BY_PATTERN.get(str((parts[0].get("pattern") or {}).get("Regex")))
        return None if named == "llama-bpe" and not model.get("ignore_merges") else named
    return None


def _tokens(tokenizer: PreTrainedTokenizerBase, size: int) -> tuple[list[str], list[int]]:
    """The text and the type of each token that the network knows."""
    texts = {number: text for text, number in tokenizer.get_vocab().items()}
    if max(texts) >= size:
        raise UnwritableError(f"The tokenizer has a token {max(texts):,}, and the network knows only {size:,} tokens.")
    tokens, types = [], []
    for number in range(size):
        added = tokenizer.added_tokens_decoder.get(number)
        if number not in texts:  # some networks have more places than tokens
            tokens.append(f"[PAD{number}]")
            types.append(gguf.TokenType.UNUSED)
        elif added is not None:
            tokens.append(added.content)
            types.append(gguf.TokenType.CONTROL if added.special else gguf.TokenType.USER_DEFINED)
        else:
            tokens.append(texts[number])
            types.append(gguf.TokenType.NORMAL)
    return tokens, [int(kind) for kind in types]
