"""A judge with planted errors behind the tiny server: it compares two answers by marks in their texts, and errs.

What it says depends on the text of the question alone, so a repeated question gets the same reply.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

from scipy.stats import chi2

from advisor.runs.judging import cast_ballots
from eval.blind.pairs import Answer, Pair
from eval.judging.ruling import Ballot, Ruling, Side
from eval.task import Example, Kind, Metric, Task
from strategies.served.address import ServedAddress
from strategies.served.answer_text import estimated_tokens
from strategies.served.client import Client
from strategies.served.probes import probe
from strategies.served.served_model import ServedModel
from tests.eval.test_judging import FIRST, FLIPS, says
from tests.servers.tiny_api import Json, Refused
from tests.servers.tiny_server import Behaviour, TinyServer

NAME = "stand-in judge"
TASK = Task("hours", Kind.ANSWERING, "Answer from the handbook.", (), metric=Metric("facts"))
_REPLIES = {Side.FIRST: "A", Side.SECOND: "**B**", Side.TIE: "Answer: tie"}
_ASKED = re.compile(r"\n\nAnswer A:\n(.*)\n\nAnswer B:\n(.*)\n\nWhich answer is better", re.DOTALL)


class StandInJudge:
    """Replies to what a judge is asked, and greets everybody else."""

    def reply(self, path: str, body: Json) -> Json:
        """Raises `Refused` if a question has no answers to compare."""
        text = "\n\n".join(message["content"] for message in body["messages"])
        said = self._ruling(text) if text.startswith("Compare two answers") else f"Hello. {len(text)} letters came."
        usage = {"prompt_tokens": estimated_tokens(text), "completion_tokens": estimated_tokens(said)}
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        return {"id": "1", "object": "chat.completion", "created": 0, "choices": [choice], "usage": usage}

    def tokenize(self, body: Json) -> Json:
        raise NotImplementedError("the server has no such path")

    def tokens_of(self, text: str) -> list[int]:
        return [0] * estimated_tokens(text)

    def _ruling(self, text: str) -> str:
        asked = _ASKED.search(text)
        if asked is None:
            raise Refused(400, "There are no two answers to compare.")
        marks = [one.count("+") for one in asked.groups()]
        truth = Ruling.TIE if marks[0] == marks[1] else Ruling.LEFT if marks[0] > marks[1] else Ruling.RIGHT
        return _REPLIES[says(Random(text), truth, Ruling.LEFT)]


def truth_of(pair: Pair) -> Ruling:
    gap = pair.left.score - pair.right.score
    return Ruling.LEFT if gap > 0 else Ruling.RIGHT if gap < 0 else Ruling.TIE


def marked_pairs(random: Random, shares: Sequence[float], pairs: int) -> list[Pair]:
    """Answers of retrieval (left) and prompting. The better one has one mark more in its text."""
    made = []
    for at, truth in enumerate(random.choices(list(Ruling), shares, k=pairs)):
        left, right = int(truth is Ruling.LEFT), int(truth is Ruling.RIGHT)
        made.append(
            Pair(f"r{at}", f"r{at}", f"Question {at}?", "", *(
                Answer(writer, f"{writer} says {at} {'+' * marks}", float(marks))
                for writer, marks in (("retrieval", left), ("prompting", right))
            ))
        )  # fmt: skip
    return made


@contextmanager
def stand_in_judge() -> Iterator[tuple[TinyServer, ServedModel]]:
    """The server, and the model behind it as a run would ask it."""
    lacking = {"/tokenize", "/v1/completions", "/v1/systemone"}
    with TinyServer(Behaviour(ignores=lacking), StandInJudge()) as server:
        address = ServedAddress.parse(server.name)
        model = ServedModel(Client(address), probe(address, None))
        try:
            yield server, model
        finally:
            model.close()


def ballots_over_http(model: ServedModel, pairs: Sequence[Pair]) -> list[Ballot]:
    """What the judge says of these pairs, asked as a run asks it."""
    rows = {pair.example_id: Example(pair.example_id, pair.input, "the answer") for pair in pairs}
    return list(cast_ballots(model, NAME, TASK, rows, pairs))


def wrong_and_first(ballots: Iterable[tuple[Ruling, Ballot]]) -> tuple[list[bool], list[bool]]:
    """Of each reply on a pair with a better side, whether it is wrong; of each on another, whether it is "first"."""
    wrong, first = [], []
    for truth, ballot in ballots:
        for shown_first, said in ((Ruling.LEFT, ballot.left_first), (Ruling.RIGHT, ballot.right_first)):
            if truth is Ruling.TIE:
                first.append(said is Side.FIRST)
            else:
                wrong.append(said is not (Side.FIRST if truth is shown_first else Side.SECOND))
    return wrong, first


def chances(truth: Ruling) -> dict[Ruling, float]:
    """How likely each ruling is by the planted errors, which strike both orders independently."""
    if truth is Ruling.TIE:
        side = FIRST * (1 - FIRST)
        return {Ruling.LEFT: side, Ruling.RIGHT: side, Ruling.TIE: 1 - 2 * side}
    other = Ruling.RIGHT if truth is Ruling.LEFT else Ruling.LEFT
    return {truth: (1 - FLIPS) ** 2, other: FLIPS**2, Ruling.TIE: 2 * FLIPS * (1 - FLIPS)}


def surprise(rulings: Sequence[tuple[Ruling, Ruling]]) -> float:
    """The p-value of these rulings if they were drawn by the planted errors (chi-squared, per truth)."""
    counts = [Counter(ruling for known, ruling in rulings if known is truth) for truth in Ruling]
    known = [(found, chances(truth)) for found, truth in zip(counts, Ruling, strict=True)]
    found = sum(
        (found[ruling] - found.total() * chance) ** 2 / (found.total() * chance)
        for found, likely in known
        for ruling, chance in likely.items()
    )
    return float(chi2.sf(found, 6))


def planted_kappa(truths: Sequence[Ruling]) -> float:
    """Of a person who knows these truths and a judge that errs exactly as planted."""
    shares = {truth: truths.count(truth) / len(truths) for truth in Ruling}
    same = sum(share * chances(truth)[truth] for truth, share in shares.items())
    said = {ruling: sum(share * chances(truth)[ruling] for truth, share in shares.items()) for ruling in Ruling}
    by_chance = sum(shares[ruling] * said[ruling] for ruling in Ruling)
    return (same - by_chance) / (1 - by_chance)
