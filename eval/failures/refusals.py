"""Recognise answers that refuse or say that they don't know: a rule for English wording. It finds nothing in other
languages.

Only the beginning of an answer is read, because a long reply may say further down what can't be done. The rule doesn't
know the question. `is_refusal` leaves out answers that rightly say that they don't know.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from eval.scoring.fields import read_json

WORDS_READ = 30  # of an answer, from its beginning

# Searched for in lower-case words without signs, with short forms written out ("can't" is "cannot").
_TEXTS = r"(text|passage|document|context|source|handbook|excerpt|information|question|message)s?"
_SAY = r"(say|state|mention|specify|tell|answer|disclose|reveal|indicate|explain|show)"
REFUSALS = (
    r"i (really |actually |currently )?do not (really |actually |currently )?know",
    r"i (cannot|could not) (tell|say|answer|help|assist|provide|determine|predict|confirm|fulfil|fulfill)",
    r"i am (unable|not able) to",
    r"i am (not (sure|certain|aware|familiar)|unsure)",
    r"i (do not|cannot) have (any |enough |the |access |that |this |sufficient |specific |real time )*"
    r"(to|information|knowledge|details|context|data|access|answer|ability|capability|capabilities|capacity|means)",
    r"i have no (information|knowledge|idea|way of|access|record)",
    r"(as|i am) (only |just )?an? ((text|based|large|virtual|digital|helpful) )*(ai|language model)",
    r"(it|that|this|there|answer) (is|was) (not (known|clear|specified|stated|mentioned|given|provided)|"
    r"unknown|unclear|(not possible|impossible|no way) to (say|tell|know|determine|answer|find)|"
    r"no (information|answer|mention))",
    r"(nobody|no one) (knows|can (know|say|tell|answer))",
    r"(cannot|could not) be (answered|determined|known|predicted)",
    r"(not enough|insufficient|without (more|further)|need more) (information|context|details)",
    r"provide (me )?(with )?(more|some|additional|further) (information|context|details)",
    rf"{_TEXTS} (i was given |provided |given |available |supplied )?(does|do) not {_SAY}",
    rf"{_TEXTS} (provided |given )?(does|do) not (contain|include|provide|have|give|hold) (\w+ ){{0,2}}"
    r"(information|answers?|details?|mention|number|figure)",
    r"(is|are|was|were) not (available |stated |given |mentioned )?(in|among) (the|these|those|any|what) (\w+ )?"
    rf"({_TEXTS}|material)",
    rf"({_TEXTS}|which) never (says?|states?|mentions?|specif(y|ies))",
    rf"no {_TEXTS} (says?|states?|mentions?|specif(y|ies)|tells?|gives?)",
    r"unable to (answer|say|tell|determine|find|provide|confirm)",
    r"(is|was|find|found) no (information|mention|record|answer|indication|details?) (about|on|of|regarding|in|for)",
    r"(is|are|was|were) not (stated|mentioned|specified|disclosed|documented) (in|by|anywhere)",
)
# These count only if the answer says nothing else.
WHOLE_REFUSALS = (
    r"(it is |i am |that is )?(not (sure|known|stated|mentioned|specified|given|provided|available|found|disclosed)"
    r"( in the (text|documents?|passage|context))?|unknown|unclear|unsure|unanswerable)|"
    r"no (answer|idea|information)( available| given| found)?|none given|n a|sorry|i am sorry|i do not|"
    r"cannot (say|answer|tell)|hard to say",
)
# These count only for questions that can't be answered. For others, they may be the answer.
ADMISSIONS = (
    r"(is|are|was|were) (not (given|stated|mentioned|known|specified|disclosed|available|recorded|listed|documented|"
    r"covered|provided|reported)|unknown|unclear|unavailable|undisclosed|unspecified)",
    r"no (document|passage|text|source|information|answer|mention|data|records?|details?|figure|number)",
    r"(says?|states?|gives?|provides?|contains?|mentions?|has|have) (nothing|no)",
    r"(we|one|you) (do not|cannot) (know|tell|say)",
    r"(does|do|did) not (say|state|mention|specify|tell|disclose|have|give|contain|provide|include)",
    r"(cannot|could not) (be found|answer|say|tell|find|determine)",
    r"hard to say|no idea|not sure|unsure|never (says?|states?|mentions?|specif(y|ies))|none|not in the",
)
_SHORT_FORMS = (
    (re.compile(r"\bcan't\b|\bcan not\b"), "cannot"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'s\b"), " is"),
)
_AMONG = re.compile(rf"\b(?:{'|'.join(f'(?:{each})' for each in REFUSALS)})\b")
_WHOLE = re.compile("|".join(f"(?:{each})" for each in WHOLE_REFUSALS))
_ADMISSION = re.compile(rf"\b(?:{'|'.join(f'(?:{each})' for each in ADMISSIONS)})\b")
_WORD = re.compile(r"\w+")


def refuses(text: str) -> bool:
    """Whether a text starts with a refusal or by saying that it doesn't know."""
    line = _line(text)
    return bool(_AMONG.search(line) or _WHOLE.fullmatch(line))


def admits(text: str) -> bool:
    """Whether a text starts by saying, in a wider choice of ways, that the answer isn't known. For questions that can't
    be answered: there, "no number is given" is no other answer."""
    return refuses(text) or bool(_ADMISSION.search(_line(text)))


def _line(text: str) -> str:
    said = text.lower().replace("’", "'")
    for short, long in _SHORT_FORMS:
        said = short.sub(long, said)
    return " ".join(_WORD.findall(said)[:WORDS_READ])


def is_refusal(text: str, target: str, labels: Collection[str] = ()) -> bool:
    """Whether an answer refuses although another was expected. Labels and JSON never count as refusals."""
    if text.strip() in labels or read_json(text) is not None:
        return False
    return refuses(text) and not refuses(target)
