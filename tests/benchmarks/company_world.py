"""Forty invented companies, and how their facts are written in documents and answers."""

from __future__ import annotations

import json
from calendar import month_name
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import cycle, product
from pathlib import Path
from random import Random
from typing import Any

from tests.benchmarks.number_notations import Day, Money

_READ = json.loads(Path(__file__).with_name("company_names.json").read_text(encoding="utf-8"))


def _joined(halves: list[str]) -> list[str]:
    """Names made of each beginning and each ending: "Ashfield", "Ashwood"..."""
    return [first + last for first, last in product(*(half.split() for half in halves))]


# Companies that make the same thing have similar names, so that it takes care to find the right one.
SECTORS: dict[str, list[str]] = _READ["sectors"]
PRODUCTS: list[str] = _READ["products"].split()
SURNAMES, TOWNS = _joined(_READ["surnames"]), _joined(_READ["towns"])
FIRMS = [f"{name} {what}" for name, what in zip(_joined(_READ["firms"]), cycle(_READ["trades"].split()))]
EXCHANGES: dict[str, str] = _READ["exchanges"]  # with another name of each
DAYS: dict[str, list[str]] = _READ["days"]  # with two other notations
CURRENCIES: dict[str, list[str]] = _READ["currencies"]  # the sign and the words of each
WORDS: list[str] = _READ["numbers"].split()  # from zero to twenty
CERTIFICATES = (
    "ISO 9001",
    "ISO 14001",
    "ISO 45001",
    "ISO 27001",
    "Blue Leaf",
    "Fair Workshop",
    "Quiet Home",
    "Clean Harbour",
)
WARRANTIES = (18, 24, 30, 36, 42, 48, 54, 60, 72, 84, 96, 120)


@dataclass(frozen=True, slots=True)
class Company:
    """`exchange` and `listed_on` are None for a company whose shares are not traded. Times are minutes after midnight,
    `warranty` is in months, `threshold` is the size of an order from which `discount` (per cent) is given."""

    name: str
    noun: str
    product: str
    founded: int
    founders: tuple[str, ...]
    city: str
    employees: int
    revenue: Money
    growth: float
    exchange: str | None
    listed_on: Day | None
    ceo: str
    ceo_since: int
    acquired: str
    acquired_on: Day
    price: Money
    certificate: str
    certified_since: int
    subsidiary: str
    subsidiary_city: str
    days: str
    hours: tuple[int, int]
    warranty: int
    discount: int
    threshold: int


ATTRIBUTES = tuple(field.name for field in fields(Company))[2:]


def make_companies(random: Random) -> list[Company]:
    """All companies. No two share a person, a town, a sum of money, a date or a founding year."""
    first_names = _READ["first_names"].split()
    people = [f"{random.choice(first_names)} {surname}" for surname in random.sample(SURNAMES, len(SURNAMES))]
    towns, firms = random.sample(TOWNS, len(TOWNS)), random.sample(FIRMS, len(FIRMS))
    products = random.sample(PRODUCTS, len(PRODUCTS))
    days = random.sample([*product(range(1, 13), range(13, 29))], 80)  # no day could be taken for a month
    founded = random.sample(range(1948, 2004), 40)
    sizes = random.sample([*range(46, 990, 7), *range(1_010, 1_790, 20), *range(2_110, 9_800, 110)], 40)
    revenues = random.sample([tenths / 10 for tenths in range(310, 9_600) if tenths % 10], 40)
    companies = []
    for at, (noun, name) in enumerate((noun, name) for noun, names in SECTORS.items() for name in names):
        currency = random.choice(list(CURRENCIES))
        listed = random.random() < 0.6
        year = founded[at]
        listed_in, certified, bought, led = random.sample(range(max(year + 2, 2004), 2024), 4)
        companies.append(
            Company(
                name=name,
                noun=noun,
                product=products[at],
                founded=year,
                founders=(people[3 * at], people[3 * at + 1]),
                city=towns[2 * at],
                employees=sizes[at],
                revenue=Money(round(revenues[at] * 1e6), currency),
                growth=random.choice([tenths / 10 for tenths in range(21, 290) if tenths % 10]),
                exchange=random.choice(list(EXCHANGES)) if listed else None,
                listed_on=Day(listed_in, *days[2 * at]) if listed else None,
                ceo=people[3 * at + 2],
                ceo_since=led,
                acquired=firms[2 * at],
                acquired_on=Day(bought, *days[2 * at + 1]),
                price=Money(round(revenues[at] * random.uniform(0.04, 0.25), 1) * 1e6, currency),
                certificate=random.choice(CERTIFICATES),
                certified_since=certified,
                subsidiary=firms[2 * at + 1],
                subsidiary_city=towns[2 * at + 1],
                days=random.choice(list(DAYS)),
                hours=(random.randrange(420, 630, 30), random.randrange(930, 1170, 30)),
                warranty=random.choice(WARRANTIES),
                discount=random.randint(4, 18),
                threshold=random.randint(21, 95),
            )
        )
    return companies


def written(company: Company, style: int) -> dict[str, str]:
    """Each attribute as text, to fill the slots of a template. Documents and expected answers use styles 0 and 1;
    styles 2 and 3 are notations for the pool only."""
    plural = company.noun + ("es" if company.noun.endswith("ch") else "s")
    slots = {"X": company.name, "noun": company.noun, "nouns": plural}
    slots["a_noun"] = f"{'an' if company.noun[0] in 'aeiou' else 'a'} {company.noun}"
    for attribute in ATTRIBUTES:
        value = getattr(company, attribute)
        if value is not None:
            slots[attribute] = _WRITERS.get(attribute, _as_it_is)(value, style)
    slots["opens"], slots["closes"] = (_clock(at, style) for at in company.hours)
    return slots


def _as_it_is(value: object, style: int) -> str:
    return str(value)


def _people(people: tuple[str, ...], style: int) -> str:
    return " and ".join(_person(person, style) for person in people)


def _person(person: str, style: int) -> str:
    first, last = person.split()
    return f"{first[0]}. {last}" if style >= 2 else person


def _count(count: int, style: int) -> str:
    if style < 2 or count < 1000:
        return f"{count:,}"
    return f"{count}" if style == 2 else f"{count:,}".replace(",", "\u00a0")


def _money(money: Money, style: int) -> str:
    assert money.currency
    sign, word = CURRENCIES[money.currency]
    millions = f"{money.amount / 1e6:g}"
    return (
        f"{sign}{millions} million",
        f"{millions} million {word}",
        f"{sign}{millions}m",
        f"{money.currency} {money.amount:,.0f}",
    )[style]


def _percent(value: float, style: int) -> str:
    if style == 3 and value == int(value):
        return f"{WORDS[int(value)]} percent"
    return (f"{value:g}%", f"{value:g} per cent", f"{value:g} percent", f"{value:g} percent")[style]


def _date(day: Day, style: int) -> str:
    assert day.month and day.day
    month = month_name[day.month]
    suffix = {21: "st", 22: "nd", 23: "rd"}.get(day.day, "th")
    return (
        f"{day.day} {month} {day.year}",
        f"{month} {day.day}, {day.year}",
        f"{day.year}-{day.month:02}-{day.day:02}",
        f"the {day.day}{suffix} of {month} {day.year}",
    )[style]


def _clock(minutes: int, style: int) -> str:
    hour, minute = divmod(minutes, 60)
    half = "am" if hour < 12 else "pm"
    twelve = (hour - 1) % 12 + 1
    if style == 0:
        return f"{twelve}:{minute:02} {half}" if minute else f"{twelve} {half}"
    if style == 1:
        return f"{hour}:{minute:02}"
    if style == 2:
        return f"{twelve}.{minute:02} {half[0]}.m."
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    return f"{'half past ' if minute else ''}{WORDS[twelve]} {part}"


def _hours(hours: tuple[int, int], style: int) -> str:
    return f"{_clock(hours[0], style)} to {_clock(hours[1], style)}"


def _warranty(months: int, style: int) -> str:
    years, rest = divmod(months, 12)
    if style == 2 or (style == 3 and not rest):
        return f"{months} months"
    if rest:
        return f"{months} months" if style < 2 else f"{WORDS[years]} and a half years"
    return f"{WORDS[years] if style != 1 else years} years"


def _exchange(name: str, style: int) -> str:
    return name if style < 2 else EXCHANGES[name]


def _certificate(name: str, style: int) -> str:
    return name if style < 2 else name.replace(" ", "-")


def _days(days: str, style: int) -> str:
    return (days, DAYS[days][0], DAYS[days][1], DAYS[days][1])[style]


_WRITERS: dict[str, Callable[..., str]] = {
    "founders": _people,
    "ceo": _person,
    "employees": _count,
    "revenue": _money,
    "price": _money,
    "growth": _percent,
    "discount": _percent,
    "listed_on": _date,
    "acquired_on": _date,
    "hours": _hours,
    "warranty": _warranty,
    "exchange": _exchange,
    "certificate": _certificate,
    "days": _days,
}


def altered(company: Company, attribute: str, companies: Sequence[Company], random: Random) -> Company:
    """The company with another value of one attribute: another company's name, another number, another date."""
    value = getattr(company, attribute)
    others: list[Any]
    match value:
        case Money(amount, currency):
            others = [
                Money(amount / 10 if amount > 1e8 else amount * 10, currency),
                Money(amount + random.choice((2e6, 7e6, 20e6)), currency),
            ]
        case Day(year, month, day):
            others = [Day(year - random.randint(1, 6), month, day), Day(year, (month or 0) % 12 + 1, day)]
        case int() if attribute in ("founded", "ceo_since", "certified_since"):
            others = [value - random.randint(1, 9), value - 10]
        case int() if attribute == "employees":
            others = [value * 10, value + random.choice((20, 300))]
        case (str() as first, str()) if attribute == "founders":
            others = [(first, other.founders[0]) for other in companies if other is not company]
        case _:
            found = {getattr(other, attribute) for other in companies} - {value, None}
            if attribute == "days":  # whether Saturday is among them is a fact of its own
                found = {days for days in DAYS if days != value and ("Saturday" in days) == ("Saturday" in value)}
            others = sorted(found)
    return replace(company, **{attribute: random.choice(others)})
