"""The facts of the invented companies as keypoints, and the reader that finds them in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.benchmarks.company_topics import Topic
from tests.benchmarks.company_world import CERTIFICATES, DAYS, EXCHANGES, PRODUCTS, TOWNS, Company
from tests.benchmarks.number_notations import Day
from tests.benchmarks.stated_facts import FactKind, Keypoint, Reader

_FACTS: dict[str, tuple[FactKind, str]] = {
    "founded": ("date", "date"),
    "founders": ("name", "people"),
    "city": ("name", "towns"),
    "product": ("name", "products"),
    "employees": ("number", "count"),
    "revenue": ("number", "money"),
    "growth": ("number", "percent"),
    "exchange": ("name", "exchanges"),
    "listed_on": ("date", "date"),
    "ceo": ("name", "people"),
    "ceo_since": ("date", "date"),
    "acquired": ("name", "firms"),
    "acquired_on": ("date", "date"),
    "price": ("number", "money"),
    "certificate": ("name", "certificates"),
    "certified_since": ("date", "date"),
    "subsidiary": ("name", "firms"),
    "subsidiary_city": ("name", "towns"),
    "days": ("text", "days"),
    "hours": ("number", "clock"),
    "warranty": ("number", "months"),
    "discount": ("number", "percent"),
    "threshold": ("number", "count"),
}
_CUES = {
    "date": {
        "founded": r"\bfound|set up|\bstart|(?<!trading )\bbegan\b|goes back|exist|establish|opened its doors"
        r"|into being|in business|invoice|creat|origin",
        "listed_on": r"\blisted|public\b|debut|\btraded|\btrading|shares|\bIPO\b|float|stock|investors",
        "ceo_since": r"chief executive|\bCEO\b|\bled by|\bleads?\b|\bhead(?:s|ed)?\b|helm|in charge|the board"
        r"|took over (?:in|as|from)",
        "acquired_on": r"bought|buy|acqui|takeover|took over(?! (?:in|as|from)\b)|purchase|\bdeal|paid|price|signed",
        "certified_since": r"certif|award|audit|ISO.\d+",
        "financial year": r"revenue|sales|took in|turnover|turned over|closed|reported",
    },
    "money": {
        "revenue": r"revenue|sales|turnover|turned over|took in|income|earn|customers spent",
        "price": r"bought|buy|acqui|takeover|took over|purchase|\bdeal|paid|price|cost|changed hands|became part",
        "research": r"research",
        "dividend": r"dividend",
    },
    "percent": {
        "growth": r"gr[eo]w|\brose\b|\brise\b|\bup\b|more than|increase",
        "discount": r"discount|\boff\b|\bless\b|falls|cheaper|save|order",
        "market share": r"market share",
        "women": r"\bwomen\b",
    },
    "count": {
        "employees": r"employ|people|work|staff|payroll|headcount",
        "threshold": r"\border|units|or more|and above|at least|discount|\bbuy\b",
        "patents": r"patents",
        "age": r"\bage\b|years old|chief executive",
        "address": r"street|address",
        "countries": r"countries",
        "electricity": r"electric|power|gigawatt",
        "apprentices": r"apprentice|training",
    },
    "people": {
        "founders": r"\bfound|set up|\bstart|\bbegan\b|creat|establish|gave up|idea|two people|\bowes\b|people behind",
        "ceo": r"chief executive|\bCEO\b|\bled\b|\bleads?\b|\bhead(?:s|ed)?\b|helm|in charge|\brun by|\bruns\b",
    },
    "towns": {
        "city": r"headquarter|\bbased?\b|head office|main (?:office|building)|\bhome\b|runs its business",
        "subsidiary_city": r"subsidiary|daughter|belongs to|located",
    },
    "firms": {
        "acquired": r"bought|buy|acqui|takeover|took over|purchase|\bdeal|paid|price|swallowed|became part",
        "subsidiary": r"subsidiary|daughter|owns|belongs to",
    },
}
_OTHER_TOWNS = (
    "London", "Paris", "Berlin", "Tokyo", "Boston", "Chicago", "Seattle", "Toronto", "Munich", "Amsterdam",
    "California", "Germany",
)  # fmt: skip


def keypoints_of(company: Company, attribute: str) -> tuple[Keypoint, ...]:
    """The facts in one attribute: two for the founders, none for "private", which only answers a question with no."""
    if attribute == "private":
        return ()
    kind, dimension = _FACTS[attribute]
    value = getattr(company, attribute)
    match attribute:
        case "founders":
            return tuple(
                Keypoint(kind, attribute, dimension, (person,), tuple(other for other in value if other != person))
                for person in value
            )
        case "hours":
            return (Keypoint(kind, attribute, dimension, value),)
    return (
        Keypoint(kind, attribute, dimension, (Day(value) if kind == "date" and isinstance(value, int) else value,)),
    )


def polarity(topic: Topic) -> Keypoint:
    """The yes or no with which a question of this topic is answered."""
    return Keypoint("yes-no", topic.about, topic.about, (topic.says,))


def make_reader(companies: Sequence[Company], texts: Iterable[str]) -> Reader:
    """`texts` are all documents, questions and answers. Two capitalised words that are in none of them are read as
    the name of somebody else."""
    people = [person for company in companies for person in (*company.founders, company.ceo)]
    firms = [firm for company in companies for firm in (company.acquired, company.subsidiary)]
    familiar = "|".join(sorted({word for text in texts for word in re.findall(r"\b[A-Z]\w+", text)}))
    stranger = rf"\b(?!(?:{familiar})\b)[A-Z][a-z]+ (?!(?:{familiar})\b)[A-Z][a-z]+\b"
    exchanges = {name: _exchange(name) for name in EXCHANGES}
    days = {name: _days(name) for name in DAYS}
    return Reader(
        names={
            "being listed": {
                "no": r"(?i:^\W*no\b|\b(?:not|never)\b(?: \w+){0,3} (?:listed|traded|quoted|public)\b[^.;]*|"
                r"n['’]t(?: \w+){0,3} (?:listed|traded|quoted|public)\b[^.;]*|\bprivate(?:ly)?\b|"
                r"\bno (?:listing|shares)\b|without a listing|unlisted|cannot be bought)",
                "yes": r"(?i:^\W*yes\b|\bso yes\b|\b(?:is|are|been) (?:a )?(?:publicly )?(?:listed|traded|quoted)\b|"
                rf"\bpublic company|publicly traded|went public|{'|'.join(exchanges.values())})",
            },
            "the opening days": {
                "no": r"(?i:^\W*no\b|(?:\bnot|n['’]t|closed|cannot)\b[^.;,]*\bsaturdays?|saturday is out|weekdays|"
                rf"{'|'.join(form for name, form in days.items() if 'Saturday' not in name)})",
                "yes": r"(?i:^\W*yes\b|open (?:on|every) (?:a )?saturdays?|call on (?:a )?saturdays?|saturday is fine|"
                r"inclu(?:des|ding) saturdays?|phones on saturdays|"
                rf"{'|'.join(form for name, form in days.items() if 'Saturday' in name)})",
            },
            "people": {
                **{person: rf"\b(?:{person.split()[0]} |{person[0]}\. )?{person.split()[1]}\b" for person in people},
                "somebody else": stranger,
            },
            "towns": {town: rf"\b{town}\b" for town in (*TOWNS, *_OTHER_TOWNS)},
            "firms": {firm: rf"\b{firm.split()[0]}\b(?: {firm.split()[1]})?" for firm in firms},
            "products": {name: rf"\b{name}\b" for name in PRODUCTS},
            "exchanges": {name: f"(?i:{form})" for name, form in exchanges.items()},
            "certificates": {name: rf"(?i:\b{name.replace(' ', '[ -]?')}\b)" for name in CERTIFICATES},
            "days": {name: f"(?i:{form})" for name, form in days.items()},
        },
        cues=_CUES,
        polar=frozenset({"being listed", "the opening days"}),
        capitals=frozenset({"people", "towns", "firms", "products"}),
    )


def _exchange(name: str) -> str:
    forms = {name.removeprefix("the "), EXCHANGES[name].removeprefix("the ")}
    return "|".join(rf"\b{form}\b" for form in sorted(forms, key=len, reverse=True))


def _days(name: str) -> str:
    first, last = (rf"{day[:3]}(?:s|\.|{day[3:]}s?)?" for day in name.split(" to "))
    weekdays = r"|\b(?:week|working )days\b" if name == "Monday to Friday" else ""
    return rf"\b{first}\s?(?:to|through|until|till|–|-|—)\s?{last}\b{weekdays}"
