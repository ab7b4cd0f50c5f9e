"""Spellings of categories → codes of the town's taxonomy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rapidfuzz import fuzz

from pingan_geo.errors import TooManyCategoriesError
from pingan_geo.intake.texts import spelling

#: A longer text is a description in the wrong column and makes no new category.
LONGEST_NAME = 60
#: More new categories than this in one file are not categories but free text.
MOST_NEW_CATEGORIES = 200
#: Categories offered for an unknown spelling, and how alike (0-100) they must at least be.
MOST_SUGGESTIONS, LEAST_LIKENESS = 3, 55.0
#: Shorter words are part of too many others to say anything.
_TELLING_SIGNS = 2


@dataclass
class CategoryBook:
    """Spellings of categories → codes; grows while a file is read when the taxonomy is open.

    Parameters
    ----------
    known
        Spelling (see :func:`spelling`) to code.
    is_open
        Unknown spellings become categories of their own; otherwise they stay unknown.
    file
        Name for messages.
    added
        New categories, code to name.
    """

    known: dict[str, str]
    is_open: bool = False
    file: str = ""
    added: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        categories: Iterable[Any],
        *,
        is_open: bool = False,
        file: str = "",
        aliases: Mapping[str, str] | None = None,
    ) -> CategoryBook:
        """Make a book of ``code, name, name_en, aliases``; codes win over names, these over aliases.

        ``aliases`` were learned from answers, spelling to code. They win over nothing else that is stated, and
        those of codes that are not in the list any more are left out.
        """
        known: dict[str, str] = {}
        categories = list(categories)
        for words in (
            lambda each: (each.code,),
            lambda each: (each.name, each.name_en),
            lambda each: each.aliases,
        ):
            for category in categories:
                for word in words(category):
                    if word:
                        known.setdefault(spelling(word), category.code)
        codes = {category.code for category in categories}
        for word, code in (aliases or {}).items():
            if code in codes and (plain := spelling(word)):
                known.setdefault(plain, code)
        return cls(known, is_open, file)

    def suggest(self, text: str) -> list[tuple[str, float]]:
        """Return the categories that an unknown spelling may mean, for a person to choose from.

        Parameters
        ----------
        text
            As received.

        Returns
        -------
        list of (code, score)
            The likest first, at most three, score 0-100; empty when none is like it. A likeness of letters,
            not of sense: it decides nothing by itself.
        """
        plain = spelling(text)
        scores: dict[str, float] = {}
        for word, code in self.known.items():
            if word != spelling(code):  # codes are alike without meaning anything
                scores[code] = max(scores.get(code, 0.0), _likeness(plain, word))
        fitting = sorted((-score, code) for code, score in scores.items() if score >= LEAST_LIKENESS)
        return [(code, round(-score, 1)) for score, code in fitting[:MOST_SUGGESTIONS]]

    def code_of(self, text: str) -> str:
        """Return the code of a spelling, ``""`` when it is unknown.

        Raises
        ------
        TooManyCategoriesError
            If an open taxonomy would grow without end.
        """
        plain = spelling(text)
        if plain in self.known:
            return self.known[plain]
        if not self.is_open or not plain or len(plain) > LONGEST_NAME:
            return ""
        code = re.sub(r"[\W_]+", "_", plain).strip("_") or plain
        if code not in self.known.values() and code not in self.added:
            if len(self.added) >= MOST_NEW_CATEGORIES:
                raise TooManyCategoriesError(file=self.file, limit=MOST_NEW_CATEGORIES)
            self.added[code] = " ".join(text.split())
        self.known[plain] = code
        return code


def _likeness(first: str, second: str) -> float:
    """Return how alike two spellings are, 0-100: as a whole, or because one holds the other or most of it."""
    whole: float = fuzz.ratio(first, second)
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) < _TELLING_SIGNS:
        return whole
    if shorter in longer:
        return max(whole, 80.0 + 20.0 * len(shorter) / len(longer))
    part: float = fuzz.partial_ratio(shorter, longer)
    return max(whole, 0.8 * part if len(shorter) > _TELLING_SIGNS else 0.0)
