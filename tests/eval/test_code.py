"""Code and SQL: recognised, asked for, and compared after formatting."""

from __future__ import annotations

import pytest

from eval.mapping.kinds import infer_kind
from eval.scoring import Scorer, is_right, metric_for
from eval.scoring.check import check_score
from eval.scoring.code import formatted, language_of
from eval.task import Example, Kind
from strategies.drafting import write_instruction


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("SELECT name FROM t WHERE a = 1", "select name\nfrom t where a=1 ;"),
        ("SELECT COUNT(*) FROM t", "select count( * ) from t"),
        ("SELECT a AS x FROM t", "SELECT a as X FROM t"),
        ("SELECT a FROM t -- all", "/* rows */ SELECT a FROM t"),
        ("SELECT a FROM t WHERE b <> 2", "SELECT a FROM t WHERE b != 2"),
        ('SELECT a FROM t WHERE b = "x"', "SELECT `a` FROM `t` WHERE b = 'x'"),
        ("SELECT a FROM t JOIN u ON t.id = u.id", "SELECT a FROM t INNER JOIN u ON t.id = u.id"),
        ("SELECT a FROM t ORDER BY a ASC", "SELECT a FROM t ORDER BY a"),
        ("Here is the query:\n```sql\nSELECT a FROM t\n```\nIt lists a.", "SELECT a FROM t"),
        ("def f(x):\n    return x + 1", "# adds\ndef f(x):\n  return x+1  # one\n"),
        ("const x = 1;", "// one\nconst x = 1"),
        ("df.groupby('a').sum()", 'df.groupby("a").sum()'),
        ("find . -name '*.txt'", "find  .  -name '*.txt'"),
    ],
)
def test_notation_does_not_count(given: str, expected: str) -> None:
    assert formatted(given) == formatted(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("SELECT a FROM t WHERE b = 'X'", "SELECT a FROM t WHERE b = 'x'"),
        ("SELECT a FROM t WHERE b = ' asc '", "SELECT a FROM t WHERE b = ''"),
        ("SELECT a FROM t WHERE b = '--x'", "SELECT a FROM t WHERE b = '--y'"),
        ("SELECT a FROM t LEFT JOIN u ON a = b", "SELECT a FROM t JOIN u ON a = b"),
        ("SELECT a FROM t ORDER BY a DESC", "SELECT a FROM t ORDER BY a"),
        ("def F(x):\n    return x", "def f(x):\n    return x"),
        ("for x in y:\n    a()\n    b()\nprint(1)", "for x in y:\n    a()\nb()\nprint(1)"),
        ("ls -A | head", "ls -a | head"),
        ("grep -r '$x' .", 'grep -r "$x" .'),
        ("print('a # b')", "print('a # c')"),
        ("const x = 1;", "let x = 1;"),
    ],
)
def test_meaning_counts(given: str, expected: str) -> None:
    assert formatted(given) != formatted(expected)


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("select name from kunden where alter > {at}", "SQL"),
        ("def add(x):\n    return x + {at}", "code"),
        ("find . -size +{at}M", "code"),
        ("```js\nconst x = {at};\n```", "code"),
        ("<p class='a'>number {at}</p>", "code"),
        ("=SUM(A{at}:B{at})", "code"),
        ("mean(df$x{at}, na.rm = TRUE)", "code"),
        ("MATCH (p:Person)-[:KNOWS]->(f) WHERE f.age > {at} RETURN f.name", "code"),
        ("export interface A {{\n  id{at}: number;\n}}", "code"),
        ("Paris (France), {at}", ""),
        ("Select one from our list of {at} and write to us.", ""),
    ],
)
def test_code_is_asked_for_and_must_be_equal(answer: str, language: str) -> None:
    rows = [Example(f"r{at}", f"Request {at}", answer.format(at=at)) for at in range(40)]
    targets = [row.target for row in rows]
    assert language_of(targets) == language
    if language:
        told = f"Write the {language} for the request. Write nothing but the {language}."
        assert infer_kind([row.input for row in rows], targets, has_documents=False).kind is Kind.WRITING
        assert write_instruction(Kind.WRITING, (), targets) == told
        metric = metric_for(Kind.WRITING, rows, ())
        assert metric.name == "exact match"
        scorer = Scorer(Kind.WRITING, metric, rows)
        assert scorer.score(targets[1], rows[2]).value == 0
        assert check_score(scorer, rows, (), 0) is None  # code in other words is other code


def test_the_same_code_counts_as_right_and_other_code_as_wrong() -> None:
    rows = [Example(str(at), f"List row {at}", f"SELECT a FROM t WHERE id = {at}") for at in range(8)]
    scorer = Scorer(Kind.WRITING, None, rows)
    for answer, right in (("select a from t where id=3;", True), ("SELECT a FROM t WHERE id = 4", False)):
        scored = scorer.score(answer, rows[3])
        assert is_right(Kind.WRITING, scored.value, scored.parts, scorer.metric.name) is right
    assert is_right(Kind.WRITING, 1.0, {"exact": 1.0}, "facts and form") is None
