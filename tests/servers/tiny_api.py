"""What the tiny server computes: answers, log-probabilities and choices of the tiny network, as vLLM reports them.

The log-probabilities come from the network as transformers runs it, so that they are not those of our own engine.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import torch

from strategies.engine.language_model import Message, Prompt
from tests.tiny_model import tiny_network, tiny_transformer

Json = dict[str, Any]
LONGEST = 24  # tokens; a random network hardly ever ends an answer by itself


class Refused(Exception):
    """A request that the server doesn't answer, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api(Protocol):
    """What a server makes its answers with."""

    def reply(self, path: str, body: Json) -> Json:
        """The body of an answer. Raises `Refused`."""
        ...

    def tokenize(self, body: Json) -> Json: ...

    def tokens_of(self, text: str) -> list[int]: ...


@cache
def tiny_api() -> TinyApi:
    """One for all servers of a process: it keeps nothing between requests."""
    return TinyApi()


class TinyApi:
    def __init__(self) -> None:
        self.model = tiny_transformer()
        self._network = tiny_network()
        self._lock = threading.Lock()
        self._end = self.model.end

    def reply(self, path: str, body: Json) -> Json:
        with self._lock:
            if path.endswith("/systemone"):
                return self._decide(body)
            return self._chat(body) if path.endswith("/chat/completions") else self._completion(body)

    def tokenize(self, body: Json) -> Json:
        with self._lock:
            ids = self._ids_of_messages(body) if "messages" in body else self.tokens_of(body["prompt"])
        return {"count": len(ids), "max_model_len": self.model.context_tokens, "tokens": ids}

    def tokens_of(self, text: str) -> list[int]:
        ids: list[int] = self.model.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _chat(self, body: Json) -> Json:
        ids = self._ids_of_messages(body)
        limit = int(body.get("max_completion_tokens") or body.get("max_tokens") or 64)
        self._check_length(ids, limit)
        reply: Json = {"id": "chat-1", "object": "chat.completion", "created": 0}
        if body.get("prompt_logprobs") is not None:
            steps = self._steps(ids)
            reply["prompt_logprobs"] = [
                None,
                *(
                    {str(token): {"logprob": float(step[token]), "rank": 1, "decoded_token": self._text([token])}}
                    for token, step in zip(ids[1:], steps[:-1], strict=True)
                ),
            ]
        choices = _choices_of(body)
        if choices is not None:
            tokens, finish = self._choose(ids, choices), "stop"
        elif (schema := _schema_of(body)) is not None:
            tokens, finish = self.tokens_of(json.dumps(_instance(schema))), "stop"
        else:
            [(tokens, cut_off)] = self.model.write_tokens([ids], min(limit, LONGEST))
            cut_off = cut_off and limit <= LONGEST
            finish = "length" if cut_off else "stop"
        message = {"role": "assistant", "content": self._text(tokens)}
        choice: Json = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
        if body.get("logprobs"):
            written = tokens if finish == "length" else [*tokens, self._end]
            choice["logprobs"] = {"content": self._written_logprobs(ids, written, int(body.get("top_logprobs") or 0))}
        reply["choices"] = [choice]
        reply["usage"] = _usage(len(ids), len(tokens) + (finish == "stop"))
        return reply

    def _completion(self, body: Json) -> Json:
        prompt = body["prompt"]
        if isinstance(prompt, str):
            prompts = [self.tokens_of(prompt)]
        else:
            prompts = [prompt] if isinstance(prompt[0], int) else prompt
            prompts = [self.tokens_of(one) if isinstance(one, str) else one for one in prompts]
        limit = int(body.get("max_tokens", 16))
        choices, read, written = [], 0, 0
        for index, ids in enumerate(prompts):
            self._check_length(ids, limit)
            tokens = self.model.write_tokens([ids], limit)[0][0] if limit else []
            shown = [*ids, *tokens] if body.get("echo") else tokens
            logprobs = None
            if body.get("logprobs") is not None:
                steps = self._steps([*ids, *tokens])
                behind = [None] + [float(step[to]) for step, to in zip(steps, [*ids, *tokens][1:], strict=False)]
                texts = [self._text([token]) for token in shown]
                offsets = [sum(map(len, texts[:at])) for at in range(len(texts))]
                logprobs = {"tokens": texts, "token_logprobs": behind[-len(shown) :] if shown else [],
                            "text_offset": offsets, "top_logprobs": None}  # fmt: skip
            choices.append({"index": index, "text": self._text(shown), "logprobs": logprobs, "finish_reason": "length"})
            read, written = read + len(ids), written + len(tokens)
        return {"id": "c-1", "object": "text_completion", "created": 0, "choices": choices,
                "usage": _usage(read, written)}  # fmt: skip

    def _decide(self, body: Json) -> Json:
        """Of a model made for decisions: an option is the likelier the oftener its words stand in the state. Raises
        `Refused` where Ollama or `transformers serve` would."""
        if unknown := body.keys() - {"model", "state", "questions"}:
            raise Refused(422, f"Extra inputs are not permitted: {min(unknown)}.")
        if not body.get("state"):
            raise Refused(422, "The state is empty.")
        seen = Counter(_words(body["state"]))
        answers: Json = {}
        for name, asked in body["questions"].items():
            if asked["type"] != "choice" or not 2 <= len(asked["criteria"]) <= 26:
                raise Refused(422, f"The question {name} needs from 2 to 26 options.")
            texts = [f"{option} {meaning or ''}" for option, meaning in asked["criteria"].items()]
            found = torch.tensor([float(sum(seen[word] for word in {*_words(text)})) for text in texts])
            shares = [round(share, 4) for share in found.softmax(-1).tolist()]
            likely = dict(zip(asked["criteria"], shares, strict=True))
            confidence = (max(shares) - 1 / len(shares)) / (1 - 1 / len(shares))
            best = max(likely, key=likely.__getitem__)
            answers[name] = {"type": "choice", "choice": best, "probabilities": likely, "confidence": confidence}
        read = len(self.tokens_of(body["state"])) + len(self.tokens_of(json.dumps(body["questions"])))
        return {"answers": answers, "usage": {"input_tokens": read, "output_tokens": 1}}

    def _ids_of_messages(self, body: Json) -> list[int]:
        messages = body["messages"]
        answer = messages[-1]["content"] if messages[-1]["role"] == "assistant" else None
        prompt: Prompt = tuple(Message(one["role"], one["content"]) for one in messages)
        if answer is None:
            return self.model.encode(prompt)
        ids = self.model.encode(prompt[:-1]) + self.model.encode_answer(answer)
        return ids if body.get("continue_final_message") else [*ids, self._end, *self.tokens_of("\n")]

    @torch.inference_mode()
    def _steps(self, ids: Sequence[int]) -> torch.Tensor:
        """The log-probability of each next token after each token, [tokens, vocabulary]."""
        logits: torch.Tensor = self._network(input_ids=torch.tensor([list(ids)])).logits[0]
        return logits.double().log_softmax(-1)

    def _choose(self, ids: list[int], choices: Sequence[str]) -> list[int]:
        """The choice that greedy decoding reaches if it may only write one of them."""
        left = [[*self.model.encode_answer(choice), self._end] for choice in choices]
        written: list[int] = []
        while not any(len(choice) == len(written) for choice in left):
            step = self._steps([*ids, *written])[-1]
            best = max({choice[len(written)] for choice in left}, key=lambda token: float(step[token]))
            written.append(best)
            left = [choice for choice in left if choice[: len(written)] == written]
        return written[:-1]

    def _written_logprobs(self, ids: list[int], written: list[int], top: int) -> list[Json]:
        steps = self._steps([*ids, *written])[len(ids) - 1 : -1]
        found = []
        for token, step in zip(written, steps, strict=True):
            best = step.topk(top) if top else None
            tops = zip(best.values.tolist(), best.indices.tolist(), strict=True) if best else ()
            found.append(
                {
                    "token": self._text([token]),
                    "logprob": float(step[token]),
                    "top_logprobs": [{"token": self._text([at]), "logprob": value} for value, at in tops],
                }
            )
        return found

    def _check_length(self, ids: Sequence[int], limit: int) -> None:
        most = self.model.context_tokens
        if len(ids) + limit > most:
            raise Refused(
                400, f"This model's maximum context length is {most} tokens. However, you requested {len(ids) + limit}."
            )

    def _text(self, tokens: Sequence[int]) -> str:
        return str(self.model.tokenizer.decode(list(tokens), skip_special_tokens=True))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _usage(read: int, written: int) -> Json:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _schema_of(body: Json) -> Json | None:
    response_format = body.get("response_format") or {}
    if response_format.get("type") == "json_schema":
        schema: Json = response_format["json_schema"]["schema"]
        return schema
    if response_format.get("type") == "json_object":
        return response_format.get("schema")
    return None


def _choices_of(body: Json) -> list[str] | None:
    """The only texts that may be written, if a request says so."""
    choices = (body.get("structured_outputs") or {}).get("choice") or body.get("guided_choice")
    if choices:
        return list(choices)
    schema = _schema_of(body)
    properties = (schema or {}).get("properties") or {}
    if len(properties) == 1 and "enum" in (only := next(iter(properties.values()))):
        name = next(iter(properties))
        return [json.dumps({name: value}, ensure_ascii=False) for value in only["enum"]]
    return None


def _instance(schema: Json) -> Any:
    """Something that a schema allows: a random network would write no JSON in a lifetime."""
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _instance(schema["anyOf"][0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: _instance(of) for name, of in schema.get("properties", {}).items()}
    if kind == "array":
        return [_instance(schema["items"])]
    return {"string": "word", "integer": 1, "number": 1.5, "boolean": True, "null": None}[str(kind)]
