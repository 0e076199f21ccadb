"""What language models say as judges of written answers, and how far a person agrees. A report without judges has none
of it."""

from __future__ import annotations

from advisor.schema import Judge, JudgedAgainst, Report
from advisor.sections.blocks import Block, Bullets, Cell, Head, Row, Section, Table, small
from advisor.wording import count_text, in_sentence, name_of, points_text, probability_text, share_text, signed_points
from eval.blind.verdict import FEWEST_CLICKS

TITLE = "A model as judge"
_HOW = (
    "The judge's replies in both orders: ballots.jsonl. Correction: a misclassification model (Dawid and Skene, 1979) "
    "whose error rates come from the pairs that you clicked; kappa: Cohen (1960), its CI by the Bayesian bootstrap."
)
_NOTE = (
    "The judge saw every pair twice, with the answers in both orders. A side wins a pair only if the judge prefers it "
    "both times. Lead: the share of pairs that the recommended strategy wins minus the share it loses. Only rows with "
    "different answers count."
)


def section(report: Report) -> Section | None:
    if not report.judges:
        return None
    blocks: list[Block] = []
    for one in report.judges:
        blocks += [Bullets(tuple(_sentences(one))), *([_table(one)] if one.against else [])]
    first = report.judges[0]
    return Section("judges", TITLE, _summary(first), (*blocks, *small(_NOTE)), _HOW, f"{TITLE}: {_finding(first)}")


def _summary(one: Judge) -> str:
    return f"{one.model} compared the answers. {_trust(one)}"


def _finding(one: Judge) -> str:
    if one.unread == one.pairs:
        return "we can't read any of its replies"
    if one.right is None:
        return "nobody has checked yet how often it is right"
    kappa = one.agreement.kappa if one.agreement else None
    if kappa is None:
        return "your clicks can't tell how far it agrees with you"
    return f"its agreement with you is {kappa:.2f} (Cohen's kappa)"


def _trust(one: Judge) -> str:
    if one.unread == one.pairs:
        return "We can't read any of its replies, so it says nothing here: use a larger model."
    found = one.agreement
    if found is None or one.right is None:
        clicked = found.pairs if found else 0
        return (
            f"You have compared {clicked:,} of these pairs yourself. Compare at least {FEWEST_CLICKS} under “Check the "
            "score yourself”: until then, nobody knows how often this judge is right."
        )
    same = f"It rules as you do on {share_text(found.same)} of {count_text(found.pairs, 'pair')}"
    if found.kappa is None:
        return f"{same}, but always in the same way, which chance could do too."
    return f"{same}: Cohen's kappa {found.kappa:.2f} (95 % CI {found.low:.2f} to {found.high:.2f}; 0 is chance)."


def _sentences(one: Judge) -> list[str]:
    said = [_summary(one)]
    if one.unread == one.pairs:
        return said
    if one.is_candidate:
        said.append(
            f"{one.model} also wrote the answers that it compares here. Models tend to prefer their own answers, so "
            "use another judge."
        )
    if one.right is not None:
        usual, low, high = one.right
        said.append(
            f"Where one answer is better, it names the better one in {share_text(usual)} of the pairs (95 % CI "
            f"{share_text(low)} to {share_text(high)})."
        )
    said.append(f"It preferred the same position in both orders in {share_text(one.follows_position)} of the pairs.")
    if one.unread:
        said.append(f"Pairs without a reply that we can read: {one.unread:,}.")
    said += [_lead(one, each) for each in one.against]
    return said


def _lead(one: Judge, each: JudgedAgainst) -> str:
    choice, other = in_sentence(one.choice), in_sentence(each.strategy)
    if each.corrected is None or each.low is None or each.high is None or each.probability is None:
        return (
            f"By its rulings alone, {choice} wins {points_text(each.as_ruled)} "
            f"{'more' if each.as_ruled >= 0 else 'less'} often than {other} on {count_text(each.pairs, 'pair')}. "
            "Nobody has checked these rulings."
        )
    ends = f"(95 % CI {signed_points(each.low)} to {signed_points(each.high)})"
    more = each.corrected >= 0
    probability = each.probability if more else 1 - each.probability
    return (
        f"With the judge's errors accounted for, {choice if more else other} is better "
        f"{points_text(each.corrected)} more often than {other if more else choice} {ends if more else _turned(each)}, "
        f"with {probability_text(probability)} probability that it is better more often."
    )


def _turned(each: JudgedAgainst) -> str:
    assert each.low is not None and each.high is not None
    return f"(95 % CI {signed_points(-each.high)} to {signed_points(-each.low)})"


def _table(one: Judge) -> Table:
    heads = (Head("Pairs"), Head("Lead by its rulings"), Head("Lead with its errors accounted for"))
    rows = tuple(Row(f"{name_of(one.choice)} over {in_sentence(each.strategy)}", _cells(each)) for each in one.against)
    return Table(heads, rows, corner=one.model)


def _cells(each: JudgedAgainst) -> tuple[Cell, ...]:
    if each.corrected is None or each.low is None or each.high is None:
        last = Cell("not measured")
    else:
        last = Cell(signed_points(each.corrected), f"95 % CI {signed_points(each.low)} to {signed_points(each.high)}")
    return Cell(f"{each.pairs:,}"), Cell(signed_points(each.as_ruled)), last
