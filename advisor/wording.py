"""How things are said to a person: the names of strategies and numbers with their units, the same on every page."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime

from advisor.pairing import model_in, strategy_of
from eval.measuring.phases import LOOKING_UP, READING, WRITING
from eval.task import Kind
from strategies.declaration import Words
from strategies.registry import DECLARATIONS

_STEPS = {
    "baselines": Words("Baselines", "What to beat", "Simple answers without a language model."),
    "curves": Words(
        "Learning curve", "", "Each strategy learns from fewer rows, to estimate what more rows would bring."
    ),
}
_WORDS = {name: declared.words for name, declared in DECLARATIONS.items()} | _STEPS

KIND_NAMES = {
    Kind.CLASSIFICATION: "One of several labels",
    Kind.MULTI_LABEL: "Several labels at once",
    Kind.NUMBER: "A number or rating",
    Kind.EXTRACTION: "Structured data (JSON)",
    Kind.ANSWERING: "A short answer",
    Kind.WRITING: "Free text",
}
PHASE_NAMES = {LOOKING_UP: "retrieval", READING: "prompt processing", WRITING: "generation"}
RANGE_MEANING = "The 95 % confidence interval. About 95 of 100 such intervals contain the true value."
_CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def words_of(candidate: str) -> Words:
    """The words for a candidate's strategy; one this version has no words for is called as it was."""
    return _WORDS.get(strategy_of(candidate)) or Words(candidate, "", "")


SERVER = "a server, asked from this machine"  # as the device of a run whose model is served


def name_of(candidate: str) -> str:
    """ "Fine-tuning"; in a run with several models "Fine-tuning with SmolLM2-135M-Instruct"."""
    return _with_model(words_of(candidate).name, candidate)


def in_sentence(candidate: str) -> str:
    """The name as it stands within a sentence; one that is not ours stays as it is."""
    words = _WORDS.get(strategy_of(candidate))
    return _with_model(words.name.lower(), candidate) if words else candidate


def label_of(candidate: str) -> str:
    """The name as charts write it: in a run with several models, the model stands on a line of its own."""
    model = model_in(candidate)
    return f"{words_of(candidate).name}\n{model}" if model else name_of(candidate)


def _with_model(name: str, candidate: str) -> str:
    model = model_in(candidate)
    if model is None:
        return name
    return f"{name} on {model}" if " with " in name else f"{name} with {model}"


def score_text(score: float) -> str:
    """A score in [0, 1] with two digits, as far as a few hundred rows can tell: .86"""
    rounded = f"{score:.2f}"
    return rounded[1:] if rounded.startswith("0.") else rounded


def kind_in_sentence(kind: Kind) -> str:
    name = KIND_NAMES[kind]
    return f"{name[:1].lower()}{name[1:]}"


def share_text(share: float) -> str:
    return f"{100 * share:.0f} %"


def points_text(difference: float) -> str:
    """A measured difference of scores in points of a hundred, without its sign: "14 points"."""
    points = abs(difference) * 100 + 1e-9  # a half goes up, also where binary fractions fall just short of it
    number = f"{points:.1f}" if 0.05 <= points < 0.95 else f"{points:.0f}"
    return f"{number} point" if number == "1" else f"{number} points"


def signed_points(difference: float) -> str:
    """Points without their unit, for a table or the ends of a range: "14", "−3"."""
    number = points_text(difference).split()[0]
    if not float(number):
        return "0"
    return f"−{number}" if difference < 0 else number


def interval_text(difference: float, low: float, high: float) -> str:
    """The interval of a difference that is given without its sign, and in its direction: "95 % CI −3 to 14". After
    "5 points behind", a minus means ahead."""
    low, high = (low, high) if difference >= 0 else (-high, -low)
    return f"95 % CI {signed_points(low)} to {signed_points(high)}"


def margin_text(margin: float) -> str:
    """The difference that does not matter to a person, as exactly as they gave it: "1.5 points"."""
    number = f"{margin * 100:.3g}"
    return f"{number} point" if number == "1" else f"{number} points"


def probability_text(probability: float) -> str:
    """ "97 %", rounded down; certainty is never claimed."""
    if probability >= 0.995:
        return "over 99 %"
    return f"{int(100 * probability + 1e-9)} %" if probability >= 0.01 else "under 1 %"


def number_text(value: float) -> str:
    """Two significant digits, no exponent: what a measurement of this size supports."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.1e}")
    decimals = max(0, 1 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:,.{decimals}f}"


def in_milliseconds(*seconds: float | None) -> bool:
    """Whether times that are compared are given in milliseconds, so that all have one unit."""
    return any(one is not None and 0 < one < 0.0995 for one in seconds)


def seconds_text(seconds: float | None, in_ms: bool | None = None) -> str:
    """The time of one answer: "0.42 s", "1.3 s", "18 ms"; next to other times, in the unit of all of them."""
    if seconds is None:
        return "unknown"
    if in_milliseconds(seconds) if in_ms is None else in_ms:
        return f"{number_text(seconds * 1000)} ms"
    return f"{number_text(seconds)} s"


def money_text(amount: float | None, currency: str = "USD") -> str:
    """An amount with its currency; None is "unknown", which is not the same as nothing."""
    if amount is None:
        return "unknown"
    sign = currency_sign(currency)
    number = f"{amount:,.0f}" if amount >= 100 else f"{amount:,.2f}" if amount >= 1 else number_text(amount)
    return f"{sign}{number}"


def currency_sign(currency: str) -> str:
    """What stands before an amount."""
    return _CURRENCY_SIGNS.get(currency, f"{currency} ")


def cents_text(amount: float | None, currency: str = "USD") -> str:
    """An amount that nobody compares with others: what is less than a cent is just that."""
    if amount is not None and 0 < amount < 0.01:
        return f"under {money_text(0.01, currency).removesuffix('0')}"
    return money_text(amount, currency)


def cents_range_text(low: float, high: float, currency: str) -> str:
    """What may be spent as a range: "$0.02 to $0.05", "under $0.01 to $0.02", "under $0.01"."""
    first, last = cents_text(low, currency), cents_text(high, currency)
    return last if first == last else f"{first} to {last}"


def rough_money(amount: float, currency: str) -> str:
    """An amount that scores go into, with two significant digits: "$18,000"."""
    return money_text(float(f"{amount:.1e}"), currency).removesuffix(".00")


def memory_text(size_bytes: float, largest: float | None = None) -> str:
    """ "1.2 GB", "340 MB"; next to other sizes, in the unit of the `largest`."""
    is_large = (largest or size_bytes) >= 0.95e9
    return f"{number_text(size_bytes / (1e9 if is_large else 1e6))} {'GB' if is_large else 'MB'}"


def time_text(seconds: float, form: str) -> str:
    """A time that was stored as seconds since 1970, on the clock of this machine, in the form of `strftime`; "unknown"
    if it is in no year that a calendar has, as in a damaged database."""
    try:
        return datetime.fromtimestamp(seconds).strftime(form)
    except (ValueError, OverflowError, OSError):
        return "unknown"


def duration_text(seconds: float) -> str:
    """A wait, rounded to what an estimate supports: "about 20 seconds", "about 8 minutes", "about 2.5 hours"; "unknown"
    if it isn't finite, as in a damaged database."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} seconds"
    minutes = max(1, round(seconds / 60))
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes > 1 else ''}"
    return f"about {seconds / 3600:.1f}".removesuffix(".0") + " hours"


def duration_range_text(low: float, high: float) -> str:
    """A wait as a range, rounded as `duration_text` rounds: "4 to 7 minutes", "50 seconds to 2 minutes"."""
    first, last = duration_text(low).removeprefix("about "), duration_text(high).removeprefix("about ")
    if first == last:
        return f"about {last}"
    unit = last.rpartition(" ")[2]
    number, _, unit_of_first = first.rpartition(" ")
    return f"{number} to {last}" if unit_of_first.removesuffix("s") == unit.removesuffix("s") else f"{first} to {last}"


def taken_text(seconds: float, longest: float | None = None) -> str:
    """A time that was measured: "6.1 s", "160 s", "12 min"; next to other times, in the unit of the `longest`."""
    is_long = (longest or seconds) >= 600
    return f"{number_text(seconds / 60)} min" if is_long else f"{number_text(seconds)} s"


def every_text(days: float) -> str:
    """ "every day", "every 30 days"."""
    return "every day" if days == 1 else f"every {days:,.10g} days"


def rough_text(count: float) -> str:
    """Two significant digits of a number that was estimated: "1,600"."""
    return f"{round(count, 1 - math.floor(math.log10(count))):,.0f}" if count >= 1 else "0"


def sentences_in(text: str) -> list[str]:
    """The sentences of a headline, each to stand on a line of its own where there is room."""
    return re.split(r"(?<=[.!?]) ", text)


def quoted(text: str, most: int = 40) -> str:
    """A person's or a model's words within a sentence, on one line and cut to so many characters."""
    text = " ".join(text.split())
    return f"“{text}”" if len(text) <= most else f"“{text[: most - 1]}…”"


def list_text(names: Sequence[str]) -> str:
    """ "prompting, retrieval and fine-tuning"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def count_text(count: int, noun: str) -> str:
    """ "1 row", "1,204 rows"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def runs_on_gpu(device: str) -> bool:
    """Whether a device in words is a GPU of this machine: neither its processor nor a server."""
    return "CPU" not in device and device != SERVER
