"""Units and currencies by their spellings, each with its dimension and its size in that dimension's first unit."""

from __future__ import annotations

from fractions import Fraction

# Name: (dimension, size, spellings in lower case)
_UNITS: dict[str, tuple[str, Fraction, str]] = {
    "%": ("%", Fraction(1), "%|percent|per cent|pct|percentage point|percentage points|prozent|pour cent"),
    "kilogram": ("kilogram", Fraction(1), "kg|kgs|kilo|kilos|kilogram|kilograms|kilogramme|kilogrammes"),
    "gram": ("kilogram", Fraction(1, 1000), "g|gram|grams|gramme|grammes"),
    "milligram": ("kilogram", Fraction(1, 10**6), "mg|milligram|milligrams"),
    "tonne": ("kilogram", Fraction(1000), "tonne|tonnes|metric ton|metric tons"),
    "metre": ("metre", Fraction(1), "m|metre|metres|meter|meters"),
    "kilometre": ("metre", Fraction(1000), "km|kms|kilometre|kilometres|kilometer|kilometers"),
    "centimetre": ("metre", Fraction(1, 100), "cm|centimetre|centimetres|centimeter|centimeters"),
    "millimetre": ("metre", Fraction(1, 1000), "mm|millimetre|millimetres|millimeter|millimeters"),
    "square metre": ("square metre", Fraction(1), "m2|sqm|sq m|square metre|square metres|square meter|square meters"),
    "square kilometre": (
        "square metre",
        Fraction(10**6),
        "km2|sq km|square kilometre|square kilometres|square kilometer|square kilometers",
    ),
    "mile": ("mile", Fraction(1), "mile|miles|mi"),
    "foot": ("foot", Fraction(1), "ft|foot|feet"),
    "inch": ("foot", Fraction(1, 12), "inch|inches"),
    "litre": ("litre", Fraction(1), "l|litre|litres|liter|liters"),
    "millilitre": ("litre", Fraction(1, 1000), "ml|millilitre|millilitres|milliliter|milliliters"),
    "second": ("second", Fraction(1), "s|sec|secs|second|seconds|sekunde|sekunden|secondes|segundo|segundos|秒"),
    "minute": ("second", Fraction(60), "min|mins|minute|minutes|minuten|minuto|minutos|分|分钟|分鐘"),
    "hour": (
        "second",
        Fraction(3600),
        "h|hr|hrs|hour|hours|stunde|stunden|heure|heures|hora|horas|小时|小時|个小时|個小時|時間",
    ),
    "day": ("second", Fraction(24 * 3600), "day|days|tag|tage|tagen|jour|jours|día|días|天"),
    "week": ("second", Fraction(7 * 24 * 3600), "week|weeks|woche|wochen|semaine|semaines|semana|semanas|週間"),
    "month": ("month", Fraction(1), "month|months|monat|monate|monaten|mois|mes|meses|个月|個月|か月|ヶ月"),
    "year": ("month", Fraction(12), "year|years|yr|yrs|jahr|jahre|jahren|ans|année|années|año|años"),
    "celsius": ("celsius", Fraction(1), "°c|degrees celsius|celsius"),
    "fahrenheit": ("fahrenheit", Fraction(1), "°f|degrees fahrenheit|fahrenheit"),
    "kilobyte": ("kilobyte", Fraction(1), "kb|kilobyte|kilobytes"),
    "megabyte": ("kilobyte", Fraction(1000), "mb|megabyte|megabytes"),
    "gigabyte": ("kilobyte", Fraction(10**6), "gb|gigabyte|gigabytes"),
    "terabyte": ("kilobyte", Fraction(10**9), "tb|terabyte|terabytes"),
    "watt": ("watt", Fraction(1), "w|watt|watts"),
    "kilowatt": ("watt", Fraction(1000), "kw|kilowatt|kilowatts"),
    "USD": ("USD", Fraction(1), "$|usd|us dollar|us dollars|dollar|dollars"),
    "cent": ("USD", Fraction(1, 100), "cent|cents"),
    "EUR": ("EUR", Fraction(1), "€|eur|euro|euros"),
    "GBP": ("GBP", Fraction(1), "£|gbp|pound|pounds|pounds sterling"),
    "penny": ("GBP", Fraction(1, 100), "penny|pence"),
    "JPY": ("JPY", Fraction(1), "¥|jpy|yen|円"),
    "CNY": ("CNY", Fraction(1), "cny|rmb|yuan|元"),
    "INR": ("INR", Fraction(1), "₹|inr|rupee|rupees"),
    "KRW": ("KRW", Fraction(1), "₩|krw|won"),
    "SEK": ("SEK", Fraction(1), "sek|swedish kronor|swedish krona|kronor"),
    "NOK": ("NOK", Fraction(1), "nok|norwegian kroner|norwegian krone"),
    "DKK": ("DKK", Fraction(1), "dkk|danish kroner|danish krone"),
    "PLN": ("PLN", Fraction(1), "pln|zł|zloty|złoty|złotych|polish zloty"),
    "AUD": ("AUD", Fraction(1), "aud|australian dollar|australian dollars"),
    "CAD": ("CAD", Fraction(1), "cad|canadian dollar|canadian dollars"),
    "CHF": ("CHF", Fraction(1), "chf|swiss franc|swiss francs|francs|franc"),
}
DIMENSIONS = {name: (dimension, size) for name, (dimension, size, _) in _UNITS.items()}
UNITS = {spelling: name for name, (_, _, spellings) in _UNITS.items() for spelling in spellings.split("|")}
UNITS |= {"kph": "kilometre/hour", "mph": "mile/hour"}
TIMES = tuple(name for name, (dimension, _, _) in _UNITS.items() if dimension in ("second", "month"))
CURRENCY_SIGNS = {
    "US$": "USD", "$": "USD", "USD": "USD", "€": "EUR", "EUR": "EUR", "£": "GBP", "GBP": "GBP", "¥": "JPY",
    "JPY": "JPY", "₹": "INR", "INR": "INR", "₩": "KRW", "CHF": "CHF", "CNY": "CNY", "SEK": "SEK", "NOK": "NOK",
    "DKK": "DKK", "PLN": "PLN", "A$": "AUD", "AUD": "AUD", "C$": "CAD", "CAD": "CAD",
}  # fmt: skip
