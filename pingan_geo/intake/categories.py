"""Spellings of categories → codes of the town's taxonomy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pingan_geo.errors import TooManyCategoriesError
from pingan_geo.intake.texts import spelling

#: More new categories than this in one file are not categories but free text.
MOST_NEW_CATEGORIES = 200


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
    """

    known: dict[str, str]
    is_open: bool = False
    file: str = ""
    added: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, categories: Iterable[Any], *, is_open: bool = False, file: str = "") -> CategoryBook:
        """Make a book of ``code, name, name_en, aliases``; codes win over names, these over aliases."""
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
        return cls(known, is_open, file)

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
        if not self.is_open or not plain:
            return ""
        code = re.sub(r"[\W_]+", "_", plain).strip("_") or plain
        if code not in self.known.values() and code not in self.added:
            if len(self.added) >= MOST_NEW_CATEGORIES:
                raise TooManyCategoriesError(file=self.file, limit=MOST_NEW_CATEGORIES)
            self.added[code] = " ".join(text.split())
        self.known[plain] = code
        return code
