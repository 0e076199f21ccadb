"""Which answers refuse, or say that they do not know: a rule on English wording, in any other language it sees none.

Only the beginning of an answer is read, so that a long reply may say further down what cannot be done. The rule knows
nothing of what was asked: an answer that says so where it should is told apart by `is_refusal`.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from eval.scoring.fields import read_json

WORDS_READ = 30  # of an answer, from its beginning

# Each is looked for among lower-case words without signs, short forms written out ("can't" is "cannot").
REFUSALS = (
    r"i (really |actually |currently )?do not (really |actually |currently )?know",
    r"i (cannot|could not) (tell|say|answer|help|assist|provide|determine|predict|confirm|fulfil|fulfill)",
    r"i am (unable|not able) to",
    r"i am not (sure|certain|aware|familiar)",
    r"i (do not|cannot) have (any |enough |the |access |sufficient |specific |real time )*"
    r"(to|information|knowledge|details|context|data|access|answer|ability|capability|capabilities|capacity|means)",
    r"i have no (information|knowledge|idea|way of|access|record)",
    r"(as|i am) (only |just )?an? ((text|based|large|virtual|digital|helpful) )*(ai|language model)",
    r"(it|that|this|there|answer) (is|was) (not (known|clear|specified|stated|mentioned|given|provided|possible)|"
    r"unknown|unclear|impossible to|no way to|no (information|answer|mention))",
    r"(nobody|no one) (knows|can (know|say|tell|answer))",
    r"(cannot|could not) be (answered|determined|known|predicted)",
    r"(not enough|insufficient|without (more|further)|need more) (information|context|details)",
    r"provide (me )?(with )?(more|some|additional|further) (information|context|details)",
    r"(text|passage|document|context|question|message|information|source|handbook|material|record|file)s? "
    r"(provided |given |available |supplied )?(does|do) not "
    r"(say|state|mention|specify|contain|provide|tell|include|give|list|record|reveal|disclose|cover|name|answer|show)",
    r"(none|nothing) (of|in) (the|these|those|any) (\w+ )?(text|passage|document|source|record|file|material)s? "
    r"(says?|states?|mentions?|specif(y|ies)|gives?|tells?|lists?|records?|covers?|names?)",
    r"(is|are|was|were) not (available )?(in|among|part of) (the|these|those|any|what)",
    r"never (says?|states?|mentions?|specif(y|ies)|gives?|tells?|names?|lists?)",
    r"(cannot|could not|can not|did not|do not) (be found|find|see|locate)",
    r"unable to (answer|say|tell|determine|find|provide|confirm)",
    r"there is no (information|mention|record|answer|data|indication|detail)s? ",
    r"no (information|mention|record|data|details?) (is|are|was|were|on|about|of|regarding|can be) ",
    r"(is|are|was|were) not (stated|mentioned|given|specified|recorded|disclosed|covered|listed|documented|known|said) "
    r"(in|by|anywhere|here)",
)
# And these where they are all that is said.
WHOLE_REFUSALS = (
    r"(it is |i am |that is )?(not (sure|known|stated|mentioned|specified|given|provided|available)|unknown|unclear|"
    r"unanswerable)|no (answer|idea|information)|none given|n a|sorry|i am sorry|i do not|i cannot|cannot say",
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
_WORD = re.compile(r"\w+")


def refuses(text: str) -> bool:
    """Whether a text begins by refusing or by saying that it does not know."""
    said = text.lower().replace("’", "'")
    for short, long in _SHORT_FORMS:
        said = short.sub(long, said)
    line = " ".join(_WORD.findall(said)[:WORDS_READ])
    return bool(_AMONG.search(line) or _WHOLE.fullmatch(line))


def is_refusal(text: str, target: str, labels: Collection[str] = ()) -> bool:
    """Whether an answer refuses where another was expected. A label is none, whatever it is called, nor is JSON."""
    if text.strip() in labels or read_json(text) is not None:
        return False
    return refuses(text) and not refuses(target)
