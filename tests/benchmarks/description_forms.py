"""Regular expressions that find the facts of an eating place in a text, for each attribute and value.

They cover what `description_words` writes and other common wordings. They include negation ("not family-friendly",
"adults only"), so the reader needs no other rule.
"""

from __future__ import annotations

_YOUNG = "(?:famil(?:y|ies)|child(?:ren)?|kids?)"
_NOT = r"(?:\bnot|n['’]t|\bnever|\bno)"
_OUTSIDE = r"(?:terrace|(?:outdoor|outside) (?:seating|seats|tables|area)|tables (?:outside|outdoors|in the open))"
_ADMITS = r"(?:welcom(?:es?|ing)|allow(?:s|ed|ing)?|admits?|accepts?|permits?|lets?)"
COUNTRIES = {
    "Italian": "Italy",
    "Japanese": "Japan",
    "French": "France",
    "Indian": "India",
    "Greek": "Greece",
    "Lebanese": "Lebanon",
    "Mexican": "Mexico",
    "Korean": "Korea",
    "Ethiopian": "Ethiopia",
    "Spanish": "Spain",
}
DIGITS = ("one", "two", "three", "four", "five")


def _rating(at: int, word: str) -> str:
    rated = r"\brat(?:ed|ing of|ing is) "
    return (
        rf"(?:{rated})?\b(?:{at}|{word})(?:[- ]stars?)?(?: out)? of (?:5|five)\b(?: stars)?|\b{at}\s?/\s?5\b|"
        rf"\b(?:{at}|{word})[- ]stars?\b|{rated}(?:{at}|{word})\b"
    )


FORMS: dict[str, dict[str | int, str]] = {
    "type": {
        "coffee shop": r"\bcoffee[- ](?:shop|house|bar)|\bcaf[eé]\b",
        "restaurant": r"\brestaurants?\b|\beating house",
        "pub": r"\bpubs?\b|\bpublic house|\btavern|\balehouse",
        "wine bar": r"\bwine[- ](?:bar|lounge)",
        "tea room": r"\btea[- ]?(?:room|house|parlour|shop)",
        "noodle bar": r"\bnoodle[- ](?:bar|house|shop)",
        "bakery": r"\bbaker(?:y|['’]s shop)|\bbakehouse",
    },
    "food": {food: rf"\b{food}\b|\b{country}\b" for food, country in COUNTRIES.items()},
    "price": {
        "cheap": r"(?<!not )\bcheap|(?<!not )\binexpensive|\blow(?:er)?[- ](?:price|cost)|\bbudget|\blittle money|"
        r"prices? (?:is |are |range )?low|\baffordable",
        "moderate": r"\bmoderate|\bmid(?:dle)?[- ]?(?:range|price)|\baverage|\bmedium|\breasonabl|"
        r"\bneither cheap nor \w+",
        "expensive": r"(?<!not )\bexpensive|\bhigh(?:er)?[- ]?(?:pric|end)|prices? (?:is |are |range )?high|\bsteep|"
        r"\bpric(?:e)?y\b|\bcostly|\bupmarket",
    },
    "area": {
        "riverside": r"\briver(?:side|bank)?\b",
        "city centre": r"\b(?:city|town) cent(?:re|er)|\b(?:centre|middle) of (?:the )?(?:town|city)|\bcentral",
        "old harbour": r"\bharbou?r|\bold port",
        "university quarter": r"\buniversity|\bcampus",
        "market square": r"\bmarket ?(?:square|place)",
        "northern suburbs": r"\bnorthern suburb|\bsuburbs? (?:in|to) the north|\bsuburbs north",
    },
    "family": {
        "no": rf"{_NOT} (?:\w+ ){{0,4}}{_YOUNG}[- ]friendly|\bnon[- ]family|\badults[- ]only|\bfor adults\b|"
        rf"\bonly adults|\bno (?:place for )?{_YOUNG}\b|{_NOT} (?:an? )?(?:admit|allow|welcom\w+|accept|suit\w*|"
        rf"good|let|for|meant)\b (?:(?:place|for|to|in|with) )*{_YOUNG}|{_YOUNG} (?:are|is) (?:not|unwelcome)|"
        rf"\bwithout {_YOUNG}|\bleave (?:the |your )?{_YOUNG}",
        "yes": rf"{_YOUNG}s?[- ]friendly|\bsuit(?:s|able for|ed (?:to|for)) (?:the )?(?:whole )?{_YOUNG}|"
        rf"\b(?:good|great|nice)\b[^.,;]{{0,12}}\b(?:for|to bring|to take) (?:the |your )?{_YOUNG}|"
        rf"\bwelcom(?:es|ing) (?:to )?(?:\w+ )?{_YOUNG}|{_YOUNG} (?:are )?(?:more than )?welcome|"
        r"\bfor (?:the whole |all the |the )?(?:famil(?:y|ies)|kids|children)\b",
    },
    "dogs": {
        "no": rf"{_NOT} {_ADMITS} (?:your |any |in )?dogs?|\bno dogs|\bkeeps? dogs out|{_NOT} dog[- ]friendly|"
        r"\bdogs? (?:are|is|must|have to|has to|should) (?:not|stay|wait|forbidden|banned)|\bdogs aren['’]t|"
        r"\bleave (?:the |your )?dogs?|\bclosed to dogs|\bdog[- ]free|\bwithout (?:your )?dogs?",
        "yes": rf"\b(?:{_ADMITS}|lets you bring|happy to see|bring|open to) (?:your |in )?dogs?|\bdog[- ]friendly|"
        r"\bdogs? (?:are |is )?(?:welcome|allowed|admitted|permitted|may|can)",
    },
    "terrace": {
        "no": rf"{_NOT} (?:have |offer |\w+ )?(?:an? |any )?{_OUTSIDE}|\bwithout (?:an? )?{_OUTSIDE}|"
        r"\bcannot sit outside|\bindoors? (?:only|tables only)|\bonly (?:\w+ )?(?:indoors|inside)",
        "yes": rf"\b{_OUTSIDE}|\b(?:sit|eat|seated|dine) (?:outside|outdoors|in the open)",
    },
    "rating": {at: _rating(at, word) for at, word in enumerate(DIGITS, start=1)},
}
POLAR = frozenset(("family", "dogs", "terrace"))
