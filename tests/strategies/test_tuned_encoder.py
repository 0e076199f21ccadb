"""A sentence encoder that is trained on pairs of rows, with the real packaged encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from eval.task import Brief, Example, Kind, LearningSplit
from strategies.presets import PRESETS
from strategies.search.embedder import load_embedder, load_sentence_embedder
from strategies.search.vectors_kept import embed
from strategies.tuned_encoder import LABELS_A_STEP, MOST_READ, ROWS_A_LABEL, TunedEncoder, count_steps, pair_loss, tune

# What these codes stand for can't be known: the encoder alone hardly tells them apart.
CODES = {"north": "A7 C2", "south": "B3 D9"}
THINGS = ("lamp", "door", "chair", "window", "cable", "parcel", "stove", "carpet")
ROWS = [
    Example(f"{label}-{at}", f"the {thing} {code.split()[at % 2]} came broken on day {at}", label)
    for label, code in CODES.items()
    for at, thing in enumerate(THINGS * 2)
]
BUDGET = PRESETS["quick"].budget(Kind.CLASSIFICATION)


def spread(vectors: np.ndarray, labels: Sequence[str]) -> float:
    """How much nearer rows of one label are to each other than to others, by their cosines."""
    same = np.array([[one == other for other in labels] for one in labels])
    cosines = vectors @ vectors.T
    np.fill_diagonal(same, False)
    others = ~same & ~np.eye(len(labels), dtype=bool)
    return float(cosines[same].mean() - cosines[others].mean())


def test_the_loss_is_none_for_perfect_pairs_and_weighs_both_kinds_alike() -> None:
    east, north = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0])
    assert float(pair_loss(torch.stack([east, 3 * east, north, north]), "aabb")) == pytest.approx(0.0)
    assert float(pair_loss(torch.stack([east, east, east, east]), "aabb")) == pytest.approx(0.5)
    assert float(pair_loss(torch.stack([east, north, east]), "aaa")) == pytest.approx(2 / 3)


def test_training_brings_rows_of_a_label_together() -> None:
    encoder = load_sentence_embedder()
    texts, labels = [row.input for row in ROWS], [row.target for row in ROWS]
    before = spread(encoder.embed(texts), labels)
    tune(encoder, texts, labels, steps=40, seed=0)
    assert spread(encoder.embed(texts), labels) > before + 0.3
    assert spread(load_embedder().embed(texts), labels) == pytest.approx(
        before, abs=1e-4
    )  # the shared one is untouched


def test_vectors_kept_from_before_training_are_not_those_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    texts, labels = [row.input for row in ROWS], [row.target for row in ROWS]
    encoder = load_sentence_embedder()
    before = embed(encoder, texts)
    tune(encoder, texts, labels, steps=40, seed=0)
    assert np.allclose(embed(encoder, texts), encoder.embed(texts), atol=1e-5)
    assert spread(embed(encoder, texts), labels) > spread(before, labels) + 0.3
    assert np.array_equal(embed(load_sentence_embedder(), texts), before)


def test_the_same_seed_trains_the_same_and_saved_ones_answer_the_same(tmp_path: Path) -> None:
    split = LearningSplit(tuple(ROWS[::2]), tuple(ROWS[1::2]))
    asked = ["the table A7 came broken", "the roof D9 came broken"]

    def fitted() -> TunedEncoder:
        made = TunedEncoder(Brief("codes", Kind.CLASSIFICATION, "", tuple(CODES)), BUDGET, 0)
        made.fit(split, (), lambda _: None)
        return made

    first = fitted()
    answers = [one.text for one in first.predict(asked)]
    assert answers == [one.text for one in fitted().predict(asked)]
    first.save(tmp_path)
    again = TunedEncoder(Brief("codes", Kind.CLASSIFICATION, "", tuple(CODES)), BUDGET, 0)
    again.load(tmp_path)
    assert [one.text for one in again.predict(asked)] == answers
    assert again.effort.settings_tried == 0 and first.effort.settings_tried == len(first.choices) == 3


def test_the_budget_and_the_rows_limit_the_steps() -> None:
    texts = ["four words are here"] * 1000
    assert count_steps(texts, 30_000) == pytest.approx(2 * count_steps(texts, 15_000), abs=1)
    assert count_steps(texts[:16], 10**9) == MOST_READ * 16 // (LABELS_A_STEP * ROWS_A_LABEL)
    assert count_steps(texts[:2], 1) == 1


def test_one_label_alone_is_nothing_to_learn() -> None:
    encoder = load_sentence_embedder()
    before = encoder.embed(["a lamp"])
    tune(encoder, ["a lamp", "a door"], ["same", "same"], steps=5, seed=0)
    np.testing.assert_allclose(encoder.embed(["a lamp"]), before, atol=1e-6)
