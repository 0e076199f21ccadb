"""The content words that a text shares with a question, so that a reader sees why it was found.

Only whole words count, in any case, with or without accents, and whatever their ending. Scripts without spaces have no
words to compare, so nothing is found in them.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

import regex
import snowballstemmer

from eval.scoring.words import FUNCTION_WORDS, unaccented
from eval.words import UNSPACED

MOST_CHARACTERS = 100_000  # of a text that are read, which takes about 50 ms
LEAD = 80  # characters before the first shared word of an excerpt
_LETTERS = rf"[\p{{L}}\p{{M}}\p{{N}}--{UNSPACED}]"
_WORD = regex.compile(rf"(?V1)[\p{{L}}\p{{N}}--{UNSPACED}]{_LETTERS}*(?:(?<=\p{{N}})[.,:](?=\p{{N}}){_LETTERS}+)*")
_VOWEL_SIGNS = ("GREEK", "HEBREW", "ARABIC")  # scripts whose accents and vowel signs are often left out
# Words without content, without accents, by the names of their stemmers.
_SAY_NOTHING = {
    "english": "no not don doesn didn isn aren wasn won can cannot d ll m re ve please",
    "german": """der die das den dem des ein eine einen einem einer eines und oder aber wenn als wie wo was wer wann
    warum welche welcher welches ist sind war waren bin sein hat haben habe hatte wird werden wurde kann konnen muss
    mussen darf durfen soll sollen ich du er sie es wir ihr mich mir sich uns mein meine meinen unser ihre ihren sein
    seine in im an am auf aus bei beim mit nach von vom vor zu zum zur fur uber unter um durch bis dass nicht auch nur
    noch schon so da dann hier es man""",
    "french": """le la les l un une des du de d et ou mais si que qui quoi quand comment pourquoi quel quelle quels
    quelles est sont etait suis etre ai a ont avoir avait peut peuvent puis je j tu il elle on nous vous ils elles me m
    te se s ce c cet cette ces mon ma mes notre nos votre vos son sa ses leur leurs en y dans sur sous par pour avec
    sans au aux chez entre ne n pas plus aussi tout tous toute toutes faut dois doit qu""",
    "spanish": """el la los las lo un una unos unas y e o u pero si que quien cual cuales cuando como donde cuanto
    cuantos por para con sin en de del al a es son era ser soy estar esta estan esto este estos estas ha han he hay
    tiene tengo puede puedo se me mi mis tu su sus nos le les no mas muy tambien ya sobre entre desde hasta""",
    "italian": """il lo la i gli le l un uno una e o ma se che chi cosa quale quali quando come dove perche quanto di
    del della dei delle dello degli d da dal dalla in nel nella nei con su sul sulla per tra fra a al alla ai alle e
    sono era essere ho ha hanno avere puo posso deve devo mi ti si ci vi mio mia suo sua loro questo questa non piu
    anche""",
    "portuguese": """o a os as um uma uns umas e ou mas se que quem qual quais quando como onde quanto de do da dos das
    em no na nos nas por pelo pela para com sem ao aos e sao era ser estar esta estao foi tem tenho ha pode posso eu
    ele ela voce me meu minha seu sua isto este esta nao mais muito tambem ja sobre entre ate""",
    "dutch": """de het een en of maar als dat die dit deze wie wat waar wanneer hoe waarom welke is zijn was waren ben
    heb heeft hebben had wordt worden kan kunnen mag mogen moet moeten ik jij je hij zij ze wij we u mijn jouw uw hun
    ons onze zich in op aan bij met naar van voor uit over onder door tot om te er niet ook nog al dan""",
    "russian": """и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было
    вот от меня еще нет о из ему когда ну ли если или ни быть был него до вас для мы их чем была сам чтобы без где есть
    кто это какой какая какие при об можно нужно мой моя мои наш ваш""",
}
_FUNCTION_WORDS = {name: frozenset(words.split()) for name, words in _SAY_NOTHING.items()}
_FUNCTION_WORDS["english"] |= FUNCTION_WORDS

Span = tuple[int, int]  # from and to in the characters of a text


@lru_cache(maxsize=2048)
def shared_words(asked: str, text: str) -> tuple[Span, ...]:
    """Where the content words of `asked` are in `text`, in their order. Both count as written in the language of the
    text: the one whose function words it has most of."""
    asked_words = [_bare(match[0]) for match in _WORD.finditer(asked[:MOST_CHARACTERS])]
    found = [(match.span(), _bare(match[0])) for match in _WORD.finditer(text[:MOST_CHARACTERS])]
    language = _language_of(word for _, word in found) or _language_of(asked_words)
    wanted = {_key(word, language) for word in asked_words} - {""}
    return tuple(span for span, word in found if _key(word, language) in wanted)


def excerpt(text: str, shared: Sequence[Span], longest: int) -> Span:
    """The part of a text, of at most `longest` characters, with the most different words of `shared`; the first such
    part. It begins and ends with a whole word, if words have spaces."""
    if len(text) <= longest:
        return 0, len(text)
    if not shared:
        return 0, _end_of_word(text, 0, longest)
    words = [text[start:end].casefold() for start, end in shared]
    within: Counter[str] = Counter()
    different = most = best = last = 0
    for first, (start, _) in enumerate(shared):
        while last < len(shared) and (last <= first or shared[last][1] <= start + longest - LEAD):
            within[words[last]] += 1
            different += within[words[last]] == 1
            last += 1
        if different > most:
            most, best = different, start
        within[words[first]] -= 1
        different -= within[words[first]] == 0
    start = max(0, min(best - LEAD, len(text) - longest))
    if start and (space := text.find(" ", start, best)) >= 0:
        start = space + 1
    return start, _end_of_word(text, start, start + longest)


def _end_of_word(text: str, start: int, end: int) -> int:
    """The end of the last whole word before `end`; `end` if there is only one word."""
    return len(text) if end >= len(text) else max(text.rfind(" ", start + 1, end + 1), 0) or end


@lru_cache(maxsize=50_000)
def _bare(word: str) -> str:
    """A word without its case and accents, where people often leave accents out."""
    plain = unicodedata.normalize("NFKC", word).casefold()
    if plain.isascii():
        return plain
    if unicodedata.name(plain[0], "").startswith(_VOWEL_SIGNS):
        plain = "".join(sign for sign in unicodedata.normalize("NFD", plain) if not unicodedata.combining(sign))
    return unaccented(plain).replace("ё", "е")


def _language_of(words: Iterable[str]) -> str | None:
    counts = Counter(words)
    says = {name: sum(counts[word] for word in known) for name, known in _FUNCTION_WORDS.items()}
    best = max(says, key=says.__getitem__)
    return best if says[best] else None


@lru_cache(maxsize=50_000)
def _key(word: str, language: str | None) -> str:
    """What equal words have in common. Empty for a word without content and for a single letter."""
    if len(word) == 1 and not word.isdigit():
        return ""
    if language is None:
        return word
    return "" if word in _FUNCTION_WORDS[language] else _stemmer(language).stemWord(word)


@lru_cache
def _stemmer(language: str) -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer(language)
