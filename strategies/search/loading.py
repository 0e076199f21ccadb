"""Load a model of sentence-transformers as data, so that nothing in its folder runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eval.task import BadInput
from strategies.model_files import data_folder

Model = TypeVar("Model")


def load_data(kind: Callable[..., Model], folder_or_id: str) -> Model:
    """A model of this kind from its folder or hub id, with weights that are safetensors. Without a network
    once it is on this machine: sentence-transformers would look up whose model it is.

    Raises BadInput if it asks for more than its own data or can't be read, and the hub's errors.
    """
    folder = data_folder(folder_or_id)
    try:
        return kind(str(folder), trust_remote_code=False, local_files_only=True, model_kwargs={"use_safetensors": True})
    except MemoryError:  # says nothing about the folder
        raise
    except Exception as wrong:  # damaged files and odd configs fail in many ways
        said = " ".join(f"{type(wrong).__name__}: {wrong}".split())
        raise BadInput(f"The search model in {folder} could not be read: {said}") from wrong
