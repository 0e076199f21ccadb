"""The words in which an eating place can be described.

Each value has three sets of phrases. Only expected texts use `expected`; only the pool uses `reworded` and `synonyms`.
Reworded phrases keep the word of the input ("pub", "riverside"), synonyms replace it ("tavern", "by the river").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from tests.benchmarks.description_forms import COUNTRIES, DIGITS, FORMS

_FIRST = (
    "Blue", "Copper", "Crooked", "Silent", "Golden", "Wandering", "Velvet", "Hollow", "Painted", "Lucky", "Salted",
    "Paper", "Broken", "Midnight", "Amber",
)  # fmt: skip
_LAST = (
    "Heron", "Lantern", "Anchor", "Fiddle", "Thistle", "Kettle", "Otter", "Compass", "Pear", "Magpie", "Saddle", "Bell",
    "Acorn", "Ladder", "Spoon",
)  # fmt: skip
_OWNERS = (
    "Mabel", "Otto", "Ingrid", "Pavel", "Rosalind", "Tariq", "Yusuf", "Elspeth", "Bruno", "Celeste", "Dagmar", "Felix",
    "Greta", "Hugo", "Imelda",
)  # fmt: skip
NAMES = [
    *(f"The {first} {last}" for first, last in product(_FIRST, _LAST)),
    *(f"{owner}'s {what}" for owner, what in product(_OWNERS, ("Corner", "Table", "Hatch", "Yard", "Landing"))),
]
LANDMARKS = (
    "the Meridian Theatre",
    "Larch Station",
    "the Glass Museum",
    "Penrose Library",
    "the Tram Depot",
    "Orchard Clinic",
    "the Corn Exchange",
    "Albion Cinema",
    "the Lido Baths",
    "Saint Oda's Church",
)


@dataclass(frozen=True, slots=True)
class Phrases:
    """`behind` follows a noun or stands for a place ("with low prices", "by the river"), `verbs` follow "it"."""

    verbs: tuple[str, ...] = ()
    behind: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """The phrases for one value; `ahead` goes before a noun in expected texts, `short` into a list of key words."""

    expected: Phrases
    reworded: Phrases
    synonyms: Phrases
    short: str
    ahead: str = ""


SYNONYMS_OF_TYPES = {
    "coffee shop": "café",
    "restaurant": "eating house",
    "pub": "tavern",
    "wine bar": "wine lounge",
    "tea room": "tea house",
    "noodle bar": "noodle house",
    "bakery": "bakehouse",
}
_PRICES = {
    "cheap": Words(
        Phrases(("is cheap", "has low prices"), "with low prices"),
        Phrases(behind="for a cheap meal"),
        Phrases(behind="for a small budget"),
        "cheap",
        "cheap",
    ),
    "moderate": Words(
        Phrases(("is moderately priced", "has moderate prices"), "with moderate prices"),
        Phrases(behind="at a moderate price"),
        Phrases(behind="in the middle price range"),
        "moderate prices",
        "moderately priced",
    ),
    "expensive": Words(
        Phrases(("is expensive", "has high prices"), "with high prices"),
        Phrases(behind="for an expensive meal"),
        Phrases(behind="with steep prices"),
        "expensive",
        "expensive",
    ),
}
_AREAS = {
    "riverside": ("on the riverside", "by the river"),
    "city centre": ("in the city centre", "in the middle of town"),
    "old harbour": ("at the old harbour", "down at the old port"),
    "university quarter": ("in the university quarter", "on the campus"),
    "market square": ("on the market square", "right on the marketplace"),
    "northern suburbs": ("in the northern suburbs", "in the suburbs north of town"),
}
_POLAR = {
    ("family", "yes"): Words(
        Phrases(("is family-friendly", "welcomes families")),
        Phrases(("aims to be family-friendly", "is meant for families")),
        Phrases(("is a good place to bring the kids", "suits children as well as their parents")),
        "family-friendly",
    ),
    ("family", "no"): Words(
        Phrases(("is not family-friendly", "is for adults only")),
        Phrases(("does not aim to be family-friendly", "is not meant for families")),
        Phrases(("is no place for children", "asks parents to leave the kids at home")),
        "not family-friendly",
    ),
    ("dogs", "yes"): Words(
        Phrases(("welcomes dogs", "allows dogs")),
        Phrases(("is open to dogs", "accepts dogs")),
        Phrases(("is happy to see your dog", "lets you bring your dog")),
        "dogs allowed",
    ),
    ("dogs", "no"): Words(
        Phrases(("does not allow dogs", "does not admit dogs")),
        Phrases(("keeps dogs out", "is closed to dogs")),
        Phrases(("asks you to leave your dog at home", "does not let your dog in")),
        "no dogs",
    ),
    ("terrace", "yes"): Words(
        Phrases(("has a terrace", "has outdoor seating")),
        Phrases(("comes with a terrace", "can seat you on a terrace")),
        Phrases(("lets you sit outside", "puts tables in the open air")),
        "terrace",
    ),
    ("terrace", "no"): Words(
        Phrases(("has no terrace", "has no outdoor seating")),
        Phrases(("comes without a terrace", "does without a terrace")),
        Phrases(("offers no tables in the open air", "has indoor tables only")),
        "no terrace",
    ),
}
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
CHOICES = {attribute: list(forms) for attribute, forms in FORMS.items()} | {"near": list(LANDMARKS)}


def in_words(count: int) -> str:
    """A number from 20 to 99."""
    ones = (*DIGITS, "six", "seven", "eight", "nine")
    tens, rest = divmod(count, 10)
    return f"{_TENS[tens - 2]}-{ones[rest - 1]}" if rest else _TENS[tens - 2]


def words_for(attribute: str, value: object) -> Words:
    """The phrases for a value of any attribute but the name and the type."""
    match attribute, value:
        case "price", str(price):
            return _PRICES[price]
        case "food", str(food):
            return Words(
                Phrases((f"serves {food} food", f"offers {food} dishes"), f"that serves {food} food"),
                Phrases(behind=f"with a menu of {food} food"),
                Phrases(behind=f"with dishes from {COUNTRIES[food]}"),
                f"{food} food",
                food,
            )
        case "area", str(area):
            where, elsewhere = _AREAS[area]
            return Words(Phrases(behind=where), Phrases(behind=where), Phrases(behind=elsewhere), area)
        case "near", str(landmark):
            return Words(
                Phrases(behind=f"near {landmark}"),
                Phrases(behind=f"beside {landmark}"),
                Phrases(behind=f"a short walk from {landmark}"),
                f"near {landmark}",
            )
        case "rating", int(at):
            stars = f"{DIGITS[at - 1]} {'star' if at == 1 else 'stars'}"
            return Words(
                Phrases((f"has a rating of {at} out of 5", f"is rated {at} out of 5")),
                Phrases((f"scores {at} out of 5 with its guests", f"holds {at} of 5 points in reviews")),
                Phrases(
                    (f"earns {stars} out of five from its guests", f"is a {stars.split()[0]}-star address in reviews")
                ),
                f"{at} of 5",
            )
        case "seats", int(seats):
            return Words(
                Phrases((f"seats {seats} guests", f"has {seats} seats")),
                Phrases((f"offers {seats} seats", f"has space for {seats} guests")),
                Phrases((f"has room for {in_words(seats)} people", f"can hold {in_words(seats)} people")),
                f"{seats} seats",
            )
        case "opened", int(year):
            return Words(
                Phrases((f"opened in {year}", f"has been open since {year}")),
                Phrases((f"served its first meal in {year}", f"opened its doors in {year}")),
                Phrases((f"dates from {year}", f"has been around since {year}")),
                f"since {year}",
            )
        case "closes", int(minutes):
            hour, minute = divmod(minutes, 60)
            clock = f"{hour - 12}{f':{minute}' if minute else ''} pm"
            return Words(
                Phrases((f"closes at {clock}", f"is open until {clock}")),
                Phrases((f"has its closing time at {clock}", f"stays open until {clock}")),
                Phrases((f"shuts at {hour}:{minute:02}", f"serves its last guests at {hour}:{minute:02}")),
                f"until {clock}",
            )
    return _POLAR[attribute, str(value)]
