"""Names found by a misspelt one: one character wrong, the same sound, or pieces in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from pingan_geo.geocoding.addresses import in_digits

#: Names less alike than this (0–1) are not offered.
LEAST_LIKENESS = 0.5
#: The same for names whose numbers agree, compared without these but with their units.
LEAST_NUMBERED_LIKENESS = 0.6
_PIECES_IN_COMMON = 40


@lru_cache(maxsize=30_000)
def _syllable(character: str) -> str:
    """Return how a character sounds to an ear that does not tell zh from z, n from ng, n from l."""
    if character.isdigit():
        character = "零一二三四五六七八九"[int(character)]  # 物乌耳村 sounds like 物乌2村
    if not "\u3400" <= character <= "\u9fff":
        return character
    from pypinyin import lazy_pinyin

    syllable: str = lazy_pinyin(character)[0]
    for precise, rough in (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l")):
        if syllable.startswith(precise):
            syllable = rough + syllable[len(precise) :]
            break
    return syllable.removesuffix("g") if syllable.endswith("ng") else syllable


@lru_cache(maxsize=30_000)
def _sound_of(character: str) -> str:
    return _one_character(_syllable(character))


@lru_cache(maxsize=30_000)
def _one_character(syllable: str) -> str:
    # a character of the private planes for each syllable, so that sounds are compared as letters are
    value = 0
    for letter in syllable.encode():
        value = (value * 131 + letter) % 131_001
    return syllable if len(syllable) == 1 else chr(0xF0000 + value % 131_000)


def sound(text: str) -> str:
    """Return how a text sounds, one character for each of its own; only to be compared."""
    return "".join(map(_sound_of, text))


def likeness(first: str, second: str) -> float:
    """Return how alike two names are, 0–1: half by spelling, half by sound.

    By characters in common in their order, by the number of slips that make one of the other, and a little by
    characters in common in any order: two exchanged characters are likelier than a wrong one.
    """
    heard, other = sound(first), sound(second)
    common = (fuzz.ratio(first, second) + fuzz.ratio(heard, other)) / 200
    slips = (OSA.normalized_similarity(first, second) + OSA.normalized_similarity(heard, other)) / 2
    anywhere = fuzz.ratio("".join(sorted(first)), "".join(sorted(second))) / 100
    return 0.45 * common + 0.45 * slips + 0.1 * anywhere


class Spellings:
    """A set of names, to be searched by misspelt ones.

    Parameters
    ----------
    names
        Normalised, without punctuation.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = sorted(name for name in names if name)
        self._spelt = [in_digits(name) for name in self.names]
        self._short: dict[str, list[int]] = defaultdict(list)
        self._sounds: dict[str, list[int]] = defaultdict(list)
        pieces: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(self._spelt):
            for key in _one_less(name):
                self._short[key].append(index)
            self._sounds[sound(name)].append(index)
            for piece in _pieces(name):
                pieces[piece].append(index)
        self._pieces = {piece: np.array(where, dtype=np.int32) for piece, where in pieces.items()}

    def near(self, name: str) -> list[tuple[str, float]]:
        """Return the names that are one character or only the characters' sound away, best first."""
        name = in_digits(name)
        heard = sound(name)
        found = set(self._sounds.get(heard, ()))
        for key in _one_less(name):
            found.update(self._short.get(key, ()))
        likely = [
            (self.names[index], likeness(name, self._spelt[index]))
            for index in found
            if OSA.distance(name, self._spelt[index]) <= 1 or heard == sound(self._spelt[index])
        ]
        return sorted(likely, key=lambda each: (-each[1], each[0]))

    def like(self, name: str, limit: int = 8) -> list[tuple[str, float]]:
        """Return the names that have the most in common with one, by rare pieces first, best first."""
        name = in_digits(name)
        score = np.zeros(len(self.names))
        for piece in _pieces(name):
            where = self._pieces.get(piece)
            if where is not None:
                score[where] += 1.0 / np.log2(2.0 + len(where))
        if not score.any():
            return []
        many = min(_PIECES_IN_COMMON, len(score))
        likely = np.argpartition(-score, many - 1)[:many]
        rated = [
            (self.names[index], likeness(name, self._spelt[index])) for index in likely if score[index] > 0
        ]
        rated = [each for each in rated if each[1] >= LEAST_LIKENESS]
        return sorted(rated, key=lambda each: (-each[1], each[0]))[:limit]


class Shortlist:
    """A few names, told apart by their words alone because their numbers are the same."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._sounds: list[str] = []
        self.entries: list[int] = []

    def add(self, name: str, entry: int) -> None:
        """Take up the name of an entry, without its numbers."""
        self.names.append(name)
        self.entries.append(entry)

    def like(self, name: str, limit: int = 8) -> list[tuple[int, float]]:
        """Return the entries whose names are most like one, and how much, best first."""
        if len(self._sounds) != len(self.names):
            self._sounds = [sound(each) for each in self.names]
        found = {
            index
            for words, names in ((name, self.names), (sound(name), self._sounds))
            for _, _, index in process.extract(
                words, names, scorer=fuzz.ratio, limit=3 * limit, score_cutoff=50
            )
        }
        rated = [(self.entries[index], likeness(name, self.names[index])) for index in found]
        rated = [each for each in rated if each[1] >= LEAST_NUMBERED_LIKENESS]
        return sorted(rated, key=lambda each: (-each[1], each[0]))[:limit]


def _one_less(name: str) -> set[str]:
    """Return a name and every name that is one character shorter."""
    return {name, *(name[:index] + name[index + 1 :] for index in range(len(name)))}


def _pieces(name: str) -> set[str]:
    """Return the characters of a name and its pairs of neighbours."""
    return {*name, *(name[index : index + 2] for index in range(len(name) - 1))}
