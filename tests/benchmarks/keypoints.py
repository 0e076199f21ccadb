"""Does a score see facts? Compares scores with the true share of facts, which is known for the planted tasks.

`python -m tests.benchmarks.keypoints [companies=OUTCOMES.CSV] [descriptions=OUTCOMES.CSV]` adds the answers of a run of
that task to the pool; the run's task has to be the one that `write_task` writes.
"""

from __future__ import annotations

import csv
import re
import string
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from sacrebleu import sentence_chrf
from scipy.stats import kendalltau

from advisor.plan import Setup
from eval.mapping.columns import guess_columns
from eval.reading.documents import read_documents
from eval.reading.table import read_table
from eval.scoring import scorer_for
from eval.task import Example, Task
from strategies.search.embedder import load_embedder, phrase_encoder
from tests.benchmarks import companies, descriptions
from tests.benchmarks.stated_facts import PoolRow

PLANTED: dict[str, ModuleType] = {"companies": companies, "descriptions": descriptions}
PRODUCT = "the product's score"
BEST_WITHOUT_TIES = "the truth, no two texts tied"

Score = Callable[[str, Example], float]  # the score of a text as the answer to an example


def product_score(task: Task) -> Score:
    """The product's own score. This is the only place that knows how `eval.scoring` is called."""
    scorer = scorer_for(task, encode=phrase_encoder())
    return lambda text, example: scorer.score(text, example).value


@dataclass(frozen=True, slots=True)
class Pool:
    """Texts that could answer the rows of one task, each with the share of facts that it states and its example."""

    task: Task
    rows: tuple[PoolRow, ...]
    examples: tuple[Example, ...]

    @property
    def truth(self) -> list[float]:
        return [row.truth for row in self.rows]

    def scored(self, score: Score) -> list[float]:
        return [score(row.text, example) for row, example in zip(self.rows, self.examples, strict=True)]


def run(full: bool) -> list[dict[str, Any]]:
    return correlations({name: read_pool(name) for name in PLANTED}, draws=1000 if full else 200)


def read_pool(name: str, outcomes: Path | None = None) -> Pool:
    """The texts of a planted task, and the answers in a run's outcomes.csv. The product's own reader reads the task.

    Raises ValueError if the run's task is another one.
    """
    planted = PLANTED[name]
    with TemporaryDirectory() as folder:
        planted.write_task(Path(folder))
        task = _read_task(Path(folder), name)
    examples = {example.id: example for example in task.examples}
    rows = (*planted.pool(), *(_answers(outcomes, examples, planted.truth) if outcomes else ()))
    return Pool(task, rows, tuple(examples[row.example_id] for row in rows))


def correlations(
    pools: dict[str, Pool], draws: int, score_all: Callable[[Pool], dict[str, list[float]]] | None = None
) -> list[dict[str, Any]]:
    """Kendall's tau-b of each score with the truth, its 95 % range (bootstrap over examples), and how often the score
    puts two texts of one example in their true order. `score_all` returns the scores of a pool by name; by default the
    product's score and common ones."""
    table: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, pool in pools.items():
        for scorer, scores in (score_all or scores_of)(pool).items():
            found = kendalltau(scores, pool.truth).statistic
            low, high = _range(pool, scores, draws)
            table[scorer]["score"] = scorer
            table[scorer][f"{name}, tau-b ({len(pool.rows):,} texts)"] = f"{found:.3f} ({low:.3f} to {high:.3f})"
            table[scorer][f"{name}, pairs of a row in order"] = f"{_in_order(pool, scores):.3f}"
    return list(table.values())


def corrupted(pool: Pool) -> list[dict[str, Any]]:
    """For each kind of variant its mean share of facts and its mean scores, the highest share first."""
    scores = {"chrF": pool.scored(chrf), PRODUCT: pool.scored(product_score(pool.task))}
    places: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(pool.rows):
        places[row.variant].append(at)
    means = {variant: float(np.mean([pool.truth[at] for at in where])) for variant, where in places.items()}
    return [
        {"variant": variant, "texts": len(places[variant]), "facts stated": f"{means[variant]:.2f}"}
        | {name: f"{np.mean([values[at] for at in places[variant]]):.2f}" for name, values in scores.items()}
        for variant in sorted(means, key=lambda variant: -means[variant])
    ]


def chrf(text: str, example: Example) -> float:
    return float(sentence_chrf(text, [example.target]).score / 100)


def rouge_l(text: str, example: Example) -> float:
    """The F1 of the longest common subsequence of words (Lin, 2004), as rouge-score has it without stemming."""
    found, expected = (re.findall(r"[a-z0-9]+", each.lower()) for each in (text, example.target))
    lengths = [0] * (
        len(expected) + 1
    )  # of the longest one of what was read of `found` and each beginning of `expected`
    for word in found:
        before = lengths
        lengths = [0]
        for at, other in enumerate(expected):
            lengths.append(before[at] + 1 if word == other else max(before[at + 1], lengths[at]))
    return 2 * lengths[-1] / (len(found) + len(expected)) if found or expected else 1.0


def token_f1(text: str, example: Example) -> float:
    """The F1 of SQuAD (Rajpurkar et al., 2016): in small letters, without punctuation and articles."""
    found, expected = (
        Counter(re.sub(r"\b(a|an|the)\b", " ", each.lower().translate(_NO_PUNCTUATION)).split())
        for each in (text, example.target)
    )
    size = found.total() + expected.total()
    return 2 * (found & expected).total() / size if size else 1.0


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def cosines(pool: Pool) -> list[float]:
    """The cosine of the embeddings of each text and the expected answer."""
    texts = sorted({row.text for row in pool.rows} | {example.target for example in pool.examples})
    vector = dict(zip(texts, load_embedder().embed(texts), strict=True))
    return pool.scored(lambda text, example: float(vector[text] @ vector[example.target]))


def scores_of(pool: Pool) -> dict[str, list[float]]:
    return {
        PRODUCT: pool.scored(product_score(pool.task)),
        "chrF": pool.scored(chrf),
        "ROUGE-L": pool.scored(rouge_l),
        "token F1": pool.scored(token_f1),
        "embedding cosine": cosines(pool),
        BEST_WITHOUT_TIES: _without_ties(pool.truth),
    }


def _without_ties(truth: Sequence[float]) -> list[float]:
    """The truth with every tie broken. This is the highest tau-b for a score without ties: pairs that are tied in the
    truth but not in the score count against it."""
    return [value + at * 1e-9 for at, value in enumerate(truth)]


def _range(pool: Pool, scores: Sequence[float], draws: int) -> tuple[float, float]:
    """95 of 100 values of tau-b where the examples are drawn again with all their texts."""
    random = np.random.default_rng(0)
    _, example = np.unique([row.example_id for row in pool.rows], return_inverse=True)
    texts = [np.flatnonzero(example == at) for at in range(example.max() + 1)]
    values, truth = np.array(scores), np.array(pool.truth)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([texts[at] for at in random.integers(len(texts), size=len(texts))])
        found.append(kendalltau(values[drawn], truth[drawn]).statistic)
    return tuple(np.percentile(found, [2.5, 97.5]))


def _in_order(pool: Pool, scores: Sequence[float]) -> float:
    """Over pairs of texts of one example: how often the text that states more scores more. A tie counts as half."""
    texts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, value in zip(pool.rows, scores, strict=True):
        texts[row.example_id].append((row.truth, value))
    right = pairs = 0.0
    for each in texts.values():
        truth, values = np.array(each).T
        better = truth[:, None] > truth[None, :]
        pairs += better.sum()
        right += (better * (values[:, None] > values[None, :])).sum()
        right += (better * (values[:, None] == values[None, :])).sum() / 2
    return right / pairs


def _read_task(folder: Path, name: str) -> Task:
    table = read_table("task.csv", (folder / "task.csv").read_bytes())
    docs = folder / "docs.jsonl"
    documents = read_documents(docs.name, docs.read_bytes()).documents if docs.exists() else []
    columns = guess_columns(table)
    return (
        Setup(columns.input, columns.target, columns.group, columns.split, columns.document)
        .build(table, name, documents)
        .task
    )


def _answers(outcomes: Path, examples: dict[str, Example], truth: Callable[[str, str], float]) -> list[PoolRow]:
    with outcomes.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["example"] not in examples or _as_written(row["input"]) != examples[row["example"]].input:
            raise ValueError(f"{outcomes} has another input for row {row['example']} than the planted task has.")
    return [
        PoolRow(row["example"], text, f"answer of {row['strategy']}", truth(row["example"], text))
        for row in rows
        for text in [_as_written(row["answer"])]
    ]


def _as_written(cell: str) -> str:
    """Removes the apostrophe that the export puts before what a spreadsheet would run as a formula."""
    return cell[1:] if re.match(r"'[=+\-@\t\r\n]", cell) else cell


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*map(str, row.values()))
    Console(width=170).print(table)


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    read = {name: read_pool(name, Path(given[name]) if name in given else None) for name in PLANTED}
    _print("Scores against the true share of facts", correlations(read, draws=200))
    for name, pool in read.items():
        _print(f"Corrupted answers: {name}", corrupted(pool))
