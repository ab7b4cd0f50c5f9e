"""Words for people: English msgids in the code, Chinese in ``locales/zh_CN/pingan.po``.

A :class:`Translator` belongs to one visitor (or one command). It is immutable and cached per language, and
nothing here is process-wide, so two visitors with two languages never see each other's. Tables and files
keep codes; words are put on last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from numbers import Integral, Real
from pathlib import Path
from types import MappingProxyType
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime, get_day_names
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent

from pingan_geo.errors import BadChoiceError, PinganError

#: Language code to the locale whose numbers and dates it uses.
LOCALES: Mapping[str, str] = MappingProxyType({"zh": "zh_CN", "en": "en_GB"})
#: Language code to its own name for itself.
LANGUAGE_NAMES: Mapping[str, str] = MappingProxyType({"zh": "中文", "en": "English"})
_CATALOGUES = Path(__file__).parent / "locales"
#: Values that are numbers of things, not counts, and are written without separators.
_PLAIN_NUMBERS = frozenset({"batch", "year", "port", "seed", "id", "epsg", "row"})
#: Values that are themselves words of the program; a user's own words never stand under these names.
_WORDS = frozenset(
    {"detail", "expected", "found", "field", "fields", "kind", "mode", "reason", "stage", "unit"}
)


def mark(msgid: str) -> str:
    """Return ``msgid`` as it is: marks a text as a msgid that is translated later."""
    return msgid


class Translator:
    """One visitor's language.

    Parameters
    ----------
    language
        ``zh`` or ``en``.
    entries
        msgid to text; a msgid that is absent is said in English.
    """

    __slots__ = ("_entries", "_locale", "language")

    def __init__(self, language: str, entries: Mapping[str, str]) -> None:
        self.language = language
        self._entries = MappingProxyType(dict(entries))
        self._locale = Locale.parse(LOCALES[language])

    def __call__(self, msgid: str, /, **values: Any) -> str:
        """Return the text of ``msgid`` with its ``{names}`` filled; whole numbers get separators."""
        text = self._entries.get(msgid, msgid)
        return (
            text.format(**{name: self._say(name, value) for name, value in values.items()})
            if values
            else text
        )

    def plural(self, one: str, many: str, count: int, /, **values: Any) -> str:
        """Return the text for ``count`` things, ``{count}`` filled; Chinese has one form, under ``many``."""
        return self(one if count == 1 and self.language == "en" else many, count=count, **values)

    def error(self, error: BaseException) -> str:
        """Return what went wrong in one sentence; never a traceback, also for errors of other packages."""
        if isinstance(error, PinganError):
            return self(error.message, **error.values) if error.values else self(error.message)
        return self("Something went wrong inside the program ({kind}).", kind=type(error).__name__)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with separators and at most ``digits`` decimals; an em dash when it is not one."""
        if value != value:  # NaN
            return "—"
        return str(format_decimal(round(value, digits), format="#,##0." + "#" * digits, locale=self._locale))

    def percent(self, share: float, digits: int = 1) -> str:
        """Return a share between 0 and 1 as a percentage."""
        if share != share:  # NaN
            return "—"
        return str(format_percent(share, format=f"#,##0.{'0' * digits}%", locale=self._locale))

    def date(self, day: dt.date) -> str:
        """Return a day, e.g. 2026年3月5日 or 5 March 2026."""
        return str(format_date(day, format="long", locale=self._locale))

    def minute(self, instant: dt.datetime) -> str:
        """Return an instant of the town's clock to the minute, sortable as text."""
        return str(format_datetime(instant, format="yyyy-MM-dd HH:mm", locale=self._locale))

    def weekday(self, number: int) -> str:
        """Return the short name of a weekday, 0 = Monday."""
        return str(get_day_names("abbreviated", context="stand-alone", locale=self._locale)[number])

    def weekdays(self) -> list[str]:
        """Return the seven short names, Monday first."""
        return [self.weekday(number) for number in range(7)]

    def pick(self, chinese: str, english: str) -> str:
        """Return the name of a thing that carries both; the other one where its own is empty."""
        return (english or chinese) if self.language == "en" else (chinese or english)

    def known(self, msgid: str) -> bool:
        """Whether the catalogue holds ``msgid``; English holds all."""
        return self.language == "en" or msgid in self._entries

    def _say(self, name: str, value: Any) -> str:
        """Return one value as it stands in a sentence."""
        if isinstance(value, str):
            return self._entries.get(value, value) if name in _WORDS else value
        if isinstance(value, list | tuple | set | frozenset):
            items = sorted(value) if isinstance(value, set | frozenset) else value
            return self(", ").join(self._say(name, item) for item in items)
        if isinstance(value, dt.datetime):
            return self.minute(value)
        if isinstance(value, dt.date):
            return self.date(value)
        if isinstance(value, bool):
            return str(value)
        if isinstance(value, Integral):
            return str(int(value)) if name in _PLAIN_NUMBERS else self.number(int(value))
        if isinstance(value, Real):
            return self.number(float(value), 2)
        return str(value)


@lru_cache(maxsize=len(LOCALES))
def translator(language: str) -> Translator:
    """Return the translator of a language; the same object each time, which is safe as it cannot change.

    Raises
    ------
    BadChoiceError
        If the language is not offered.
    """
    if language not in LOCALES:
        raise BadChoiceError(name="language", value=language, expected=" / ".join(LOCALES))
    if language == "en":  # the msgids are the English texts
        return Translator("en", {})
    with (_CATALOGUES / LOCALES[language] / "pingan.po").open("rb") as file:
        catalogue = read_po(file, locale=LOCALES[language])
    return Translator(language, {str(m.id): str(m.string) for m in catalogue if m.id and m.string})
