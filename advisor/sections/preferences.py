"""How often a strategy that learned from rejected answers prefers the chosen answer of test rows."""

from __future__ import annotations

from advisor.schema import Candidate, Report
from advisor.sections.blocks import Bullets, Cell, Head, Row, Section, Table, small
from advisor.wording import count_text, in_sentence, name_of, share_text
from eval.outcomes import Preferred
from eval.statistics.inference import interval

TITLE = "Preferences"
_HEADS = (Head("By what training changed"), Head("By probability"), Head("By probability, before"))
_MEANING = (
    "By what training changed: training on preferences raised the log-probability of the chosen answer more than that "
    "of the rejected one. By probability: the chosen answer is the likelier one, which favours short answers. Before: "
    "with the model that had only learned from the chosen answers."
)
_HOW = (
    "Test rows with a rejected answer that isn't the chosen one. Log-probabilities are summed over the tokens of an "
    "answer, behind the prompt of the strategy. What training changed is the implicit reward of direct preference "
    "optimisation. The range is Wilson's interval. `preferred` in trial.json."
)


def section(report: Report) -> Section | None:
    """None if no strategy learned from rejected answers, or if no test row has one."""
    found = [
        (one, one.preferred) for one in report.candidates if isinstance(one, Candidate) and one.preferred is not None
    ]
    if not found:
        return None
    sentences = tuple(_sentence(one, preferred) for one, preferred in found)
    table = Table(_HEADS, tuple(Row(name_of(one.id), _cells(preferred)) for one, preferred in found))
    first, preferred = found[0]
    heading = f"{TITLE}: {in_sentence(first.id)} prefers the chosen answer in {share_text(preferred.share)} of the rows"
    return Section("preferences", TITLE, sentences[0], (Bullets(sentences), table, *small(_MEANING)), _HOW, heading)


def _sentence(one: Candidate, preferred: Preferred) -> str:
    likely = interval([1.0] * preferred.by_reward + [0.0] * (preferred.pairs - preferred.by_reward))
    return (
        f"{name_of(one.id)} prefers the chosen answer in {share_text(preferred.share)} of "
        f"{count_text(preferred.pairs, 'test row')} with a rejected one (95 % CI {share_text(likely.low)} to "
        f"{share_text(likely.high)})."
    )


def _cells(preferred: Preferred) -> tuple[Cell, ...]:
    counts = (preferred.by_reward, preferred.by_likelihood, preferred.before)
    return tuple(Cell(share_text(count / preferred.pairs)) for count in counts)
