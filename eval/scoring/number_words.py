"""German, French and Spanish words for numbers and places in an order, without those that are other words in English
(elf, once, due, seize) or articles (ein, un)."""

from __future__ import annotations

_CARDINALS = """
2 zwei deux dos
3 drei trois tres
4 vier quatre cuatro
5 fünf cinq cinco
6 sechs seis
7 sieben siete
8 acht huit ocho
9 neun neuf nueve
10 zehn dix diez
11 onze
12 zwölf douze doce
13 dreizehn treize trece
14 vierzehn quatorze catorce
15 fünfzehn quinze quince
16 sechzehn dieciséis
17 siebzehn diecisiete
18 achtzehn dieciocho
19 neunzehn diecinueve
20 zwanzig vingt veinte
30 dreißig trente treinta
40 vierzig quarante cuarenta
50 fünfzig cinquante cincuenta
60 sechzig sesenta
70 siebzig setenta
80 achtzig ochenta
90 neunzig noventa
"""
_ORDINALS = """
2 zweite deuxième segundo segunda
3 dritte troisième tercer tercero tercera
4 vierte quatrième
5 fünfte cinquième quinto quinta
6 sechste sixième sexto sexta
7 siebte septième séptimo séptima
8 achte huitième octavo octava
9 neunte neuvième noveno novena
10 zehnte dixième décimo décima
"""
_ENDINGS = ("", "r", "n", "s", "m")  # of German adjectives


def _read(table: str) -> dict[str, int]:
    lines = (line.split() for line in table.strip().splitlines())
    return {word: int(number) for number, *words in lines for word in words}


CARDINALS = _read(_CARDINALS)
CARDINALS |= {
    f"{'ein' if word == 'eins' else word}und{ten}": value + tens
    for word, value in {"eins": 1, **CARDINALS}.items()
    for ten, tens in CARDINALS.items()
    if value < 10 <= tens and tens % 10 == 0 and ten.endswith("ig")
}
ORDINALS = _read(_ORDINALS)
ORDINALS |= {word + ending: value for word, value in ORDINALS.items() if word.endswith("te") for ending in _ENDINGS}
