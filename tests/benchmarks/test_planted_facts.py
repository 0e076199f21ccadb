"""The two planted tasks, whose facts are all known, and the reader that finds facts in a text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

from eval.splitting.duplicates import compare_inputs
from eval.task import Kind
from tests.benchmarks import companies, descriptions, keypoints
from tests.benchmarks.number_notations import Day, Money, numbers_in
from tests.benchmarks.stated_facts import Keypoint, PoolRow, Reader, refuses

WORLD = companies.world()
POOLS = {name: keypoints.read_pool(name) for name in keypoints.PLANTED}
BENCHMARKS = Path(companies.__file__).parent


def variants(name: str) -> dict[str, list[PoolRow]]:
    found: dict[str, list[PoolRow]] = {}
    for row in POOLS[name].rows:
        found.setdefault(row.variant, []).append(row)
    return found


# What is written


def test_the_companies_have_the_planned_sizes() -> None:
    assert len(WORLD.companies) == 40
    assert 160 <= len(WORLD.told) <= 240
    assert len({one.text for one in WORLD.questions}) == 300
    assert sum(one.told is None for one in WORLD.questions) == 30
    facts = [len(one.keypoints) for one in WORLD.questions]
    assert min(facts) == 1
    assert max(facts) == 3


def test_the_descriptions_have_three_to_eight_facts() -> None:
    rows = descriptions.descriptions()
    assert len({row.input for row in rows}) == len({row.text for row in rows}) == 300
    assert {len(row.keypoints) for row in rows} == {3, 4, 5, 6, 7, 8}
    assert all(1 <= row.text.count(". ") + 1 <= 3 for row in rows)


@pytest.mark.parametrize("name", ["companies", "descriptions"])
def test_the_product_reads_the_task_as_one_of_written_answers(name: str) -> None:
    pool = POOLS[name]
    task = pool.task
    assert task.kind is Kind.WRITING
    assert len(task.examples) == 300
    assert median(len(example.target.split()) for example in task.examples) > 12
    known = {document.id for document in task.documents}
    assert all(set(example.document_ids) <= known for example in task.examples)
    assert sum(bool(example.document_ids) for example in task.examples) == (270 if name == "companies" else 0)
    assert [example.id for example in pool.examples] == [row.example_id for row in pool.rows]
    assert len(compare_inputs([example.input for example in task.examples]).pairs) == 0


@pytest.mark.parametrize("name", ["companies", "descriptions"])
def test_the_same_seed_writes_the_same_files_in_any_process(name: str, tmp_path: Path) -> None:
    planted = keypoints.PLANTED[name]
    planted.write_task(tmp_path / "here")
    planted.write_task(tmp_path / "another seed", seed=1)
    subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{name}", str(tmp_path / "there")],
        check=True,
        cwd=BENCHMARKS.parents[1],
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    written = sorted(path.name for path in (tmp_path / "here").iterdir())
    assert written == (["docs.jsonl", "task.csv"] if name == "companies" else ["task.csv"])
    for file in written:
        content = (tmp_path / "here" / file).read_bytes()
        assert (tmp_path / "there" / file).read_bytes() == content
        assert (tmp_path / "another seed" / file).read_bytes() != content


def test_no_two_companies_share_an_answer() -> None:
    assert len({one.answer for one in WORLD.questions}) == 300
    own = ("name", "product", "founded", "city", "employees", "revenue", "ceo", "acquired", "acquired_on", "price")
    for attribute in (*own, "subsidiary", "subsidiary_city", "founders"):
        assert len({getattr(company, attribute) for company in WORLD.companies}) == 40, attribute
    people = [person for company in WORLD.companies for person in (*company.founders, company.ceo)]
    assert len({person.split()[1] for person in people}) == 120


def test_no_fact_is_asked_for_twice() -> None:
    asked = Counter((one.company.name, fact) for one in WORLD.questions for fact in one.keypoints if one.told)
    assert max(asked.values()) == 1


def test_the_facts_of_an_answer_stand_in_the_document_it_names_and_in_no_other() -> None:
    for one in WORLD.questions:
        for told in (each for each in WORLD.told if each.company is one.company):
            share = companies.truth(one.id, told.document.text)
            assert share == (1 if told is one.told else 0), (one.text, told.document.text)


# What the texts of the pool state


@pytest.mark.parametrize("name", ["companies", "descriptions"])
def test_expected_answers_and_right_ones_in_other_words_state_every_fact(name: str) -> None:
    planted = keypoints.PLANTED[name]
    for example in POOLS[name].task.examples:
        assert planted.truth(example.id, example.target) == 1, example.target
    right = [row for row in POOLS[name].rows if row.variant in planted.RIGHT]
    assert len(right) == 300 * (5 if name == "companies" else 4)
    assert [row for row in right if row.truth != 1] == []


def test_right_answers_of_the_pool_differ_from_the_expected_one_and_from_each_other() -> None:
    for name, pool in POOLS.items():
        expected = {example.id: example.target for example in pool.task.examples}
        right = [row for row in pool.rows if row.variant in keypoints.PLANTED[name].RIGHT]
        assert [row for row in right if row.text == expected[row.example_id]] == []
        assert len({(row.example_id, row.text) for row in right}) == len(right)


@pytest.mark.parametrize(
    "variant",
    ["refusal", "answer of another row", "question repeated", "fluent without the fact", "invented answer"],
)
def test_corrupted_answers_about_companies_state_nothing(variant: str) -> None:
    rows = variants("companies")[variant]
    assert len(rows) >= 30
    assert [row for row in rows if row.truth] == []


@pytest.mark.parametrize("variant", ["number changed", "date changed", "name changed", "one fact distorted"])
def test_a_changed_value_costs_one_fact(variant: str) -> None:
    facts = {one.id: len(one.keypoints) for one in WORLD.questions}
    rows = variants("companies")[variant]
    assert len(rows) >= 70
    assert [row for row in rows if row.truth != pytest.approx(1 - 1 / facts[row.example_id])] == []


def test_a_dropped_fact_costs_that_fact_and_a_contrary_answer_all() -> None:
    facts = {one.id: len(one.keypoints) for one in WORLD.questions}
    for row in variants("companies")["one fact dropped"]:
        assert row.truth == pytest.approx(1 - 1 / facts[row.example_id]), row
    assert {row.truth for row in variants("companies")["yes/no changed"]} == {0.0}


def test_a_dropped_or_distorted_fact_of_a_description_costs_one() -> None:
    facts = {row.id: len(row.keypoints) for row in descriptions.descriptions()}
    for row in POOLS["descriptions"].rows:
        lost = row.variant.count("dropped") + row.variant.count("distorted")
        assert row.truth == pytest.approx(1 - lost / facts[row.example_id]), row


# The reader


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        ("$5 million", "money", (5e6, "USD")),
        ("5,000,000 dollars", "money", (5e6, "USD")),
        ("US$5m", "money", (5e6, "USD")),
        ("five million dollars", "money", (5e6, "USD")),
        ("EUR 48,500,000", "money", (48.5e6, "EUR")),
        ("48.5 million euros", "money", (48.5e6, "EUR")),
        ("two and a half million pounds", "money", (2.5e6, "GBP")),
        ("CHF 1.2bn", "money", (1.2e9, "CHF")),
        ("14 March 2011", "date", (2011, 3, 14)),
        ("March 14th, 2011", "date", (2011, 3, 14)),
        ("the 14th of March 2011", "date", (2011, 3, 14)),
        ("2011-03-14", "date", (2011, 3, 14)),
        ("14.03.2011", "date", (2011, 3, 14)),
        ("March 2011", "date", (2011, 3, None)),
        ("in 1998", "date", (1998, None, None)),
        ("12%", "percent", 12),
        ("twelve per cent", "percent", 12),
        ("6.4 percent", "percent", 6.4),
        ("three years", "months", 36),
        ("a 36-month warranty", "months", 36),
        ("one and a half years", "months", 18),
        ("8:30 am", "clock", 510),
        ("half past eight in the morning", "clock", 510),
        ("5 p.m.", "clock", 1020),
        ("17:00", "clock", 1020),
        ("1,340 people", "count", 1340),
        ("1 340 people", "count", 1340),
        ("1990 employees", "count", 1990),
        ("ninety-five", "count", 95),
        ("one thousand three hundred and forty", "count", 1340),
    ],
)
def test_a_number_is_read_in_any_notation(text: str, dimension: str, value: object) -> None:
    [found] = numbers_in(text)
    assert (found.dimension, found.values) == (dimension, (value,))


def test_a_date_of_figures_alone_is_read_both_ways() -> None:
    [found] = numbers_in("3/4/2011")
    assert found.values == ((2011, 3, 4), (2011, 4, 3))


def test_one_of_many_is_no_number() -> None:
    assert list(numbers_in("one of the 2 oldest makers")) == []


READER = Reader(
    names={
        "people": {"Ada Holm": r"\b(?:Ada |A\. )?Holm\b", "Ben Roth": r"\b(?:Ben )?Roth\b", "Cy Lund": r"\bCy Lund\b"},
        "listed": {"no": r"(?i:^no\b|\bnot listed\b[^.]*)", "yes": r"(?i:^yes\b|\bis listed\b)"},
    },
    cues={
        "money": {"revenue": r"revenue|sales", "price": r"paid|bought"},
        "people": {"founders": r"found", "ceo": r"\bruns?\b|CEO"},
    },
    polar=frozenset({"listed"}),
)
REVENUE = Keypoint("number", "revenue", "money", (Money(5e6, "USD"),))
FOUNDERS = (
    Keypoint("name", "founders", "people", ("Ada Holm",), ("Ben Roth",)),
    Keypoint("name", "founders", "people", ("Ben Roth",), ("Ada Holm",)),
)
OPENED = Keypoint("date", "opened", "date", (Day(1998),))
LISTED = Keypoint("yes-no", "listed", "listed", ("yes",))


@pytest.mark.parametrize(
    ("facts", "text", "share"),
    [
        ((REVENUE,), "Sales came to five million dollars.", 1),
        ((REVENUE,), "5 million.", 1),  # the person who asked knows the currency
        ((REVENUE,), "€5 million.", 0),
        ((REVENUE,), "$10 million.", 0),
        ((REVENUE,), "Revenue was $5 million or $6 million.", 0),
        ((REVENUE,), "Revenue was not $6 million but $5 million.", 1),
        ((REVENUE,), "Revenue was not $5 million.", 0),
        ((REVENUE,), "Revenue was $5 million, and it paid $6 million for Zed.", 1),
        ((REVENUE,), "It paid $5 million for Zed.", 0),
        ((REVENUE,), "Was the revenue $5 million?", 0),
        ((REVENUE,), "Acme had sales of $5 million. Bolt had sales of $7 million.", 1),
        ((REVENUE,), "Bolt had sales of $5 million.", 0),
        (FOUNDERS, "Ada Holm and Ben Roth founded it.", 1),
        (FOUNDERS, "It was founded by A. Holm and Roth; Cy Lund runs it.", 1),
        (FOUNDERS, "Ada Holm founded it.", 0.5),
        (FOUNDERS, "Ada Holm and Cy Lund founded it.", 0.5),
        (FOUNDERS, "Ada Holm, Ben Roth and Cy Lund founded it.", 0),
        ((OPENED,), "It opened on 3 May 1998.", 1),
        ((OPENED,), "It opened in 1998, in 1999 that is.", 0),
        ((LISTED,), "Acme is listed.", 1),
        ((LISTED,), "Yes.", 1),
        ((LISTED,), "No, Acme is listed.", 0),
        ((LISTED,), "Acme is not listed on an exchange.", 0),
        ((LISTED,), "Yes, but I don't know where.", 0),
    ],
)
def test_a_fact_is_stated_by_its_value_and_no_other(facts: tuple[Keypoint, ...], text: str, share: float) -> None:
    assert READER.share_stated(facts, text, subject=r"\bAcme\b", others=r"\bBolt\b") == share


@pytest.mark.parametrize(
    "text",
    [
        "Unable to answer.",
        "I don't know.",
        "The documents do not mention it.",
        "This information is not provided in the passage, so it cannot be answered.",
        "There is no information about the number of patents.",
        "It is not specified.",
        "I'm sorry, but I can't answer that question.",
        "It's unclear.",
        "There is insufficient information to answer.",
        "N/A",
    ],
)
def test_a_refusal_is_seen(text: str) -> None:
    assert refuses(text)


@pytest.mark.parametrize("text", ["Acme holds 12 patents.", "It is not listed.", "Acme has no subsidiary.", ""])
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not refuses(text)


def test_a_refusal_that_gives_a_number_after_all_is_none() -> None:
    unknown = next(one for one in WORLD.questions if one.text.startswith("How many patents"))
    assert companies.truth(unknown.id, "The documents do not say how many patents it holds.") == 1
    assert companies.truth(unknown.id, "I do not know the exact number, but it holds some 40 patents.") == 0


def test_the_truth_uses_no_code_of_the_scores_it_judges() -> None:
    for path in BENCHMARKS.glob("*.py"):
        if path.stem.startswith(("stated", "number", "compan", "descr")) and path.stem != "comparison":
            assert "eval.scoring" not in path.read_text().split('"""', 2)[2], path.name


# The benchmark


def test_a_score_that_is_the_truth_is_in_perfect_order() -> None:
    pools = {"companies": POOLS["companies"]}
    truth, upside_down = keypoints.correlations(
        pools, draws=2, score_all=lambda pool: {"truth": pool.truth, "lies": [-value for value in pool.truth]}
    )
    assert list(truth.values()) == ["truth", "1.000 (1.000 to 1.000)", "1.000"]
    assert list(upside_down.values()) == ["lies", "-1.000 (-1.000 to -1.000)", "0.000"]


def test_the_other_scores_are_what_they_are_called() -> None:
    pool = POOLS["companies"]
    example = next(example for example in pool.task.examples if example.id == "r2")
    for score in (keypoints.chrf, keypoints.rouge_l, keypoints.token_f1, keypoints.product_score(pool.task)):
        assert score(example.target, example) == pytest.approx(1)
        assert score("zzz", example) < 0.05
    words = example.target.split()
    assert keypoints.rouge_l(" ".join(words[::-1]), example) < 0.5 < keypoints.token_f1(" ".join(words[::-1]), example)


def test_the_answers_of_a_run_join_the_pool(tmp_path: Path) -> None:
    first = next(one for one in WORLD.questions if one.told)
    path = tmp_path / "outcomes.csv"
    header = "example,strategy,input,expected,answer,score\n"
    row = f'{first.id},retrieval,"{first.text}","{first.answer}","{first.answer}",1\n'
    path.write_text(header + row + row.replace(f'"{first.answer}",1', "'-,0"), encoding="utf-8-sig")
    good, bad = [row for row in keypoints.read_pool("companies", path).rows if row.variant == "answer of retrieval"]
    assert (good.text, good.truth) == (first.answer, 1)
    assert (bad.text, bad.truth) == ("-", 0)
    path.write_text(header + row.replace(first.text, "Who is it?"), encoding="utf-8-sig")
    with pytest.raises(ValueError, match="has another input for row"):
        keypoints.read_pool("companies", path)
