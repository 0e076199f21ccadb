"""What a person's clicks on pairs of answers say about the score and the strategies.

A report of an earlier version has none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.candidates import judged
from advisor.schema import Report
from advisor.sections.blocks import Block, Bullets, Cell, Head, Place, Row, Section, Table, small
from advisor.wording import count_text, in_sentence, name_of, points_text, score_text, signed_points
from eval.blind.pairs import Click, Pair
from eval.blind.verdict import FEWEST_CLICKS, ByClicks, Lead, PersonalVerdict, judge, personal_verdict
from eval.scoring.corruptions import Corruption
from eval.statistics.inference import Interval

SEES = "Does the score see what you see?"
_NOTE = (
    "The pairs are drawn at random from the test rows whose answers differ, so these percentages are not those of all "
    "test rows. CI: Wilson's interval for a proportion, the Bayesian bootstrap over rows for a difference."
)

_HOW = "Your clicks and the scores of the answers you compared: clicks.csv."

CORRUPTIONS = {
    Corruption.OTHER_WORDS: "The right answer in other words",
    Corruption.CHANGED_NUMBER: "A changed number",
    Corruption.CHANGED_DATE: "A changed date",
    Corruption.CHANGED_NAME: "A changed name",
    Corruption.WITHOUT_FACT: "The answer without its facts",
    Corruption.OTHER_ANSWER: "The answer to another row",
    Corruption.QUESTION: "The input repeated",
    Corruption.REFUSAL: "A refusal",
}


@dataclass(frozen=True, slots=True)
class OwnClicks:
    """`warning` says that the score is blind: it and the verdict `by_clicks` are read before the verdict of the score.
    `about_score` is what else to say of it, `further` what to know besides; then a table with its heads."""

    warning: str | None
    by_clicks: tuple[str, ...]
    about_score: tuple[str, ...]
    further: tuple[str, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str

    @property
    def summary(self) -> str:
        return self.warning or self.sentences[0]

    @property
    def sentences(self) -> tuple[str, ...]:
        """All but the warning, in the order in which they are read."""
        first = (self.by_clicks, self.about_score) if self.warning else (self.about_score, self.by_clicks)
        return (*first[0], *first[1], *self.further)


def own_clicks_of(report: Report) -> OwnClicks | None:
    """None where too few pairs were compared to say anything."""
    person = report.person
    if person is None:
        return None
    verdict, before = person.verdict, _before(person.before)
    if verdict.pairs < FEWEST_CLICKS:
        return OwnClicks(None, (), (), before, (), (), "") if before else None
    overall = {one.id: score_text(one.score.mean) for one in judged(report)}
    rows = tuple((*_row(one, name_of(one.writer)), overall.get(one.writer, "")) for one in verdict.by_writer)
    warning = _warning(verdict.agreement) if verdict.agreement and verdict.is_blind else None
    about_score = (*(() if warning else (_agreement(verdict.agreement),)), *_both_or_neither(verdict))
    further = (*_carried(person.carried), *before)
    heads = ("Strategy", "Right by your clicks (95 % CI)", "Mean score of the same answers", "Score on all test rows")
    return OwnClicks(warning, _by_clicks(verdict), about_score, further, heads, rows, _NOTE)


def before_a_run(pairs: Sequence[Pair], clicks: Sequence[Click]) -> OwnClicks | None:
    """The same of right answers beside corrupted ones."""
    verdict = personal_verdict(judge(pairs, clicks), Corruption.OTHER_WORDS)
    if verdict.pairs < FEWEST_CLICKS:
        return None
    warning = _warning(verdict.agreement) if verdict.agreement and verdict.is_blind else None
    about_score = (*(() if warning else (_agreement(verdict.agreement),)), *_both_or_neither(verdict))
    heads = ("What you saw", "Right by your clicks (95 % CI)", "Mean score of the same answers")
    found = {one.writer: one for one in verdict.by_writer}
    rows = tuple(_row(found[writer], words) for writer, words in CORRUPTIONS.items() if writer in found)
    return OwnClicks(warning, (), about_score, (), heads, rows, "")


def _agreement(found: Interval | None) -> str:
    if found is None:
        return "You haven't preferred one side in any pair, so we can't tell whether the score agrees with you."
    return f"The score agrees with you on {_share(found, 'pair')}.{_ties(found)}"


def _warning(found: Interval) -> str:
    return (
        f"The score doesn't see what you see: it agrees with you on only {_share(found, 'pair')}.{_ties(found)} "
        "Trust your clicks more than the score."
    )


def _before(found: Interval | None) -> tuple[str, ...]:
    if found is None or found.n < FEWEST_CLICKS:
        return ()
    share = _share(found, "pair")
    return (f"On other answers that you compared before this run, the score agrees with you on {share}.{_ties(found)}",)


def _ties(found: Interval) -> str:
    return "" if (found.mean * found.n + 1e-9) % 1 < 1e-6 else " A tie of scores counts half."


def _both_or_neither(verdict: PersonalVerdict) -> tuple[str, ...]:
    both, neither = verdict.both, verdict.neither
    if both and neither:
        return (
            f"Where you found both answers right, they score {score_text(both.mean)} on average; where you found "
            f"neither right, {score_text(neither.mean)}.",
        )
    if both:
        return (f"Where you found both answers right, they score {score_text(both.mean)} on average.",)
    if neither:
        return (f"Where you found neither answer right, they score {score_text(neither.mean)} on average.",)
    return ()


def _by_clicks(verdict: PersonalVerdict) -> tuple[str, ...]:
    lead = verdict.lead
    if lead is None:
        return ()
    found = {one.writer: one for one in verdict.by_writer}
    first, other = found[lead.writer], found[lead.other]
    return (
        f"By your clicks, {in_sentence(lead.writer)} is right in {_count(first.right, 'answer')}, "
        f"{in_sentence(lead.other)} in {_count(other.right)}.",
        _lead(lead, verdict.pairs),
        _beside(first, other),
    )


def _lead(lead: Lead, pairs: int) -> str:
    ends = f"(95 % CI {signed_points(lead.low)} to {signed_points(lead.high)})"
    if lead.low <= 0:
        return f"{pairs} clicks can't settle which is better: the difference is {points_text(lead.difference)} {ends}."
    return f"That puts {in_sentence(lead.writer)} {points_text(lead.difference)} ahead {ends}."


def _beside(first: ByClicks, other: ByClicks) -> str:
    """What the score says of the same answers."""
    scores = score_text(first.score), score_text(other.score)
    if scores[0] == scores[1]:
        return f"The score rates the same answers of both alike, at {scores[0]}."
    if first.score > other.score:
        return f"The score says the same: {scores[0]} against {scores[1]} on these answers."
    return f"The score prefers {in_sentence(other.writer)}: {scores[1]} against {scores[0]} on these answers."


def _carried(carried: int) -> tuple[str, ...]:
    if not carried:
        return ()
    if carried == 1:
        return ("One of these clicks is from an earlier run in which the same two answers came up.",)
    return (f"{carried} of these clicks are from an earlier run in which the same answers came up.",)


def _row(one: ByClicks, name: str) -> tuple[str, ...]:
    right = one.right
    return name, f"{_count(right)} ({_ends(right)})", score_text(one.score)


def _count(share: Interval, noun: str = "") -> str:
    """ "12 of 14", "12.5 of 14 answers"."""
    counted = count_text(share.n, noun) if noun else f"{share.n:,}"
    return f"{round(share.mean * share.n, 1):g} of {counted}"


def _share(share: Interval, noun: str) -> str:
    return f"{_count(share, noun)} (95 % CI {_ends(share)})"


def _ends(share: Interval) -> str:
    return f"{100 * share.low:.0f} to {100 * share.high:.0f} %"


def section(report: Report) -> Section | None:
    """Read before the verdict where the score does not see what the person sees."""
    if (found := own_clicks_of(report)) is None:
        return None
    rows = tuple(Row(heading, tuple(map(Cell, cells))) for heading, *cells in found.rows)
    blocks: list[Block] = [Bullets(found.sentences)]
    if rows:
        blocks += [Table(tuple(map(Head, found.heads[1:])), rows, corner=found.heads[0]), *small(found.note)]
    place: Place = "before the verdict" if found.warning else "appendix"
    return Section("own-clicks", SEES, found.summary, tuple(blocks), _HOW, _heading(report), place)


def _heading(report: Report) -> str:
    verdict = report.person.verdict if report.person else None
    if verdict is None or verdict.pairs < FEWEST_CLICKS:
        return f"{SEES} Too few clicks to say"
    if verdict.agreement is None:
        return f"{SEES} You preferred neither side in {count_text(verdict.pairs, 'pair')}"
    if verdict.is_blind:
        return f"{SEES} No: it agrees on only {_count(verdict.agreement, 'pair')}"
    return f"{SEES} It agrees on {_count(verdict.agreement, 'pair')}"
