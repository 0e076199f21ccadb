"""A model in memory as files that other programs load: a folder of safetensors, and a GGUF file with its Modelfile."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

from transformers import GenerationConfig

from strategies.engine.gguf_file import About, Precision, write_gguf
from strategies.engine.gguf_vocabulary import UnwritableError
from strategies.engine.local_model import LocalModel

_QUOTES = '"""'


def save_folder(model: LocalModel, folder: Path) -> None:
    """With a chat template that writes the prompts of the run, and settings that add nothing to the likeliest token:
    servers read those of the base model otherwise, such as a penalty on repetitions."""
    network, tokenizer = model.network, deepcopy(model.tokenizer)
    tokenizer.chat_template = model.form.own_template
    before = network.generation_config
    network.generation_config = GenerationConfig(
        eos_token_id=sorted(model.ends),
        bos_token_id=tokenizer.bos_token_id,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else model.end,
        do_sample=False,
    )
    try:
        network.save_pretrained(str(folder), safe_serialization=True)
    finally:
        network.generation_config = before
    tokenizer.save_pretrained(str(folder))


def save_gguf(
    model: LocalModel, folder: Path, precision: Precision, name: str, licence: str | None, source: Path | None
) -> str:
    """The name of the file in the folder. `source` is the base model's file or folder. Raises UnwritableError."""
    if any(not weight.is_floating_point() for weight in model.network.parameters()):
        raise UnwritableError("The weights of the model are quantised, so they can't be written as GGUF.")
    about = About(name, licence, model.form.own_template, model.end)
    is_gguf = source is not None and source.suffix == ".gguf"
    beside = folder / "writing.gguf"
    used = write_gguf(model.network, model.tokenizer, beside, precision, about, source if is_gguf else None)
    return beside.rename(folder / f"model-{used}.gguf").name


def modelfile(
    model: LocalModel,
    gguf: str,
    messages: Sequence[tuple[str, str]],
    answer_tokens: int,
    context_tokens: int,
    licence: str | None,
) -> str:
    """For `ollama create`. `messages` are the role and content of what every prompt begins with, the instruction first.
    Raises UnwritableError if Ollama can't write the prompts."""
    template = model.form.go_template
    if template is None:
        raise UnwritableError("Ollama's templates can't write the prompts of this model, so there is no Modelfile.")
    if any(_QUOTES in content or content.endswith('"') for _, content in messages):
        raise UnwritableError(
            f"The prompt contains {_QUOTES} or ends with a quotation mark, which a Modelfile can't hold, so there is "
            "none."
        )
    (_, instruction), *shown = messages
    ends = [str(model.tokenizer.decode([token], skip_special_tokens=False)) for token in sorted(model.ends)]
    lines = [
        f"FROM ./{gguf}",
        f"TEMPLATE {_QUOTES}{template}{_QUOTES}",
        f"SYSTEM {_QUOTES}{instruction}{_QUOTES}",
        *(f"MESSAGE {role} {_QUOTES}{content}{_QUOTES}" for role, content in shown),
        "PARAMETER temperature 0",
        "PARAMETER repeat_penalty 1.0",
        f"PARAMETER num_predict {answer_tokens}",
        f"PARAMETER num_ctx {context_tokens}",
        *(f'PARAMETER stop "{end}"' for end in ends if end and '"' not in end),
        *([f"LICENSE {_QUOTES}{licence}{_QUOTES}"] if licence else []),
    ]
    return "\n".join(lines) + "\n"


def label_tokens(model: LocalModel, labels: Sequence[str]) -> list[list[int]]:
    """The tokens of each label behind a prompt, as they are compared."""
    found = [model.encode_answer(text) for text in labels]
    if any(one != other and other[: len(one)] == one for one in found for other in found):
        return [[*tokens, model.end] for tokens in found]
    return found
