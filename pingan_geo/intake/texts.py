"""Columns of text: trimming, telling whether a cell says something, masking persons, reading numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pingan_geo.persons import mask_numbers

_NO_VALUE = re.compile(r"(?:无|没有|未知|不详|暂无|空|nan|null|none|n/?a|-+|—+|/+)?")
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,2})?$"
_DECIMAL_COMMA = r"^([+-]?\d{1,3}),(\d+)$"


def spelling(text: str) -> str:
    """Return a text as names are compared: half-width, without case, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def arrow_text(column: Any) -> Any:
    """Return a text column as one Arrow array: trimmed, ``""`` where missing, as it was before an export."""
    text = pa.array(column, pa.large_string())
    text = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    return without_apostrophe(pc.fill_null(pc.utf8_trim_whitespace(text), ""))


def pandas_text(text: Any) -> Any:
    """Return an Arrow array of text as a pandas column of type ``str``."""
    return pd.array(text, dtype="str")


def different(text: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the different texts and, for each row, which of them it is."""
    coded = text.dictionary_encode()
    return coded.dictionary, coded.indices.to_numpy(zero_copy_only=False)


def without_apostrophe(text: Any) -> Any:
    """Take back the apostrophe that spreadsheets and our exports put before ``=``, ``-`` and the like."""
    if not pc.any(pc.starts_with(text, "'")).as_py():
        return text
    return pc.replace_substring_regex(text, r"^'('*\s*[=+\-@＝＋－＠])", r"\1")


def has_value(text: Any) -> NDArray[np.bool_]:
    """Say which texts say something; 无, nan, - and the like do not."""
    words, rows = different(text)
    known = [_NO_VALUE.fullmatch(word.casefold()) is None for word in words.to_pylist()]
    return np.array(known, dtype=bool)[rows] if known else np.zeros(len(text), dtype=bool)


# -- masking -----------------------------------------------------------------------------------------

#: Ten digits, however they are parted: shorter than any number that is masked.
_MANY_DIGITS = r"\p{Nd}(?:[ \-.()+（）＋－–—―‐‑−．\x{3000}\x{A0}]{0,3}\p{Nd}){9}"


def mask_persons(text: Any) -> tuple[Any, int, int]:
    """Mask telephone and identity numbers in free text, in full-width digits and in groups, too.

    Parameters
    ----------
    text
        Arrow array of texts.

    Returns
    -------
    tuple
        The texts, the number of telephone numbers masked (mobile ones, and landlines with their area code),
        the number of identity numbers masked (18 and 15 digits).
    """
    likely = np.flatnonzero(np.asarray(pc.match_substring_regex(text, _MANY_DIGITS)))
    if not likely.size:
        return text, 0, 0
    phones = ids = 0
    masked = np.empty(len(likely), dtype=object)
    for place, row in enumerate(likely):
        masked[place], found_phones, found_ids = mask_numbers(text[int(row)].as_py())
        ids, phones = ids + found_ids, phones + found_phones
    if not phones + ids:
        return text, 0, 0
    chosen = np.zeros(len(text), dtype=bool)
    chosen[likely] = True
    return pc.replace_with_mask(text, pa.array(chosen), pa.array(masked, pa.large_string())), phones, ids


def mask_words(words: Sequence[str]) -> list[str]:
    """Return texts as :func:`mask_persons` masks them."""
    return mask_persons(pa.array(words, pa.large_string()))[0].to_pylist()  # type: ignore[no-any-return]


def says_more(masked: Any) -> NDArray[np.bool_]:
    """Say which masked texts say anything beside numbers of persons, which are nobody's place or category."""
    return has_value(pc.utf8_trim_whitespace(pc.replace_substring_regex(masked, r"\*{11,}", "")))


# -- numbers -----------------------------------------------------------------------------------------


def parse_numbers(text: Any, *, decimal_comma: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Parse numbers as ledgers write them.

    Parameters
    ----------
    text
        Arrow array, trimmed.
    decimal_comma
        ``30,80`` is 30.8 (a table separated by semicolons).

    Returns
    -------
    tuple
        Numbers, NaN where there is none; and which texts say something that is not a number.
    """
    empty = pc.equal(text, "")
    try:
        filled = pc.if_else(empty, None, text) if pc.any(empty).as_py() else text
        numbers = pc.cast(filled, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        numbers = None
    if numbers is not None and (np.isfinite(numbers) | np.asarray(empty)).all():
        return numbers, np.zeros(len(text), dtype=bool)
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(text, form="NFKC")))
    if decimal_comma:
        folded = pc.replace_substring_regex(folded, _DECIMAL_COMMA, r"\1.\2")
    valid = pc.match_substring_regex(folded, _NUMBER)
    numbers = pc.cast(pc.if_else(valid, folded, None), pa.float64()).to_numpy(zero_copy_only=False)
    return numbers, ~np.asarray(valid) & has_value(folded)


_DEGREE_SIGNS = {"º": "°", "˚": "°", "∘": "°", "−": "-", "–": "-", "’": "'", "‘": "'", "′": "'", "`": "'",
                 "″": "''", "”": "''", "“": "''", '"': "''"}  # fmt: skip
_NAMED_AXIS = r"东经|西经|北纬|南纬|经度|纬度|longitude|latitude|lon|lng|lat|[ewns经纬]"
_SIGNED_AXIS = r"东经|西经|北纬|南纬|[ewns]"
_DEGREES = r"[+-]?\d+(?:\.\d*)?(?:\s*[°度](?:\s*\d+(?:\.\d*)?\s*['分](?:\s*\d+(?:\.\d*)?\s*(?:''|秒))?)?)?"
_COORDINATE = (
    rf"^(?P<before>{_NAMED_AXIS})?[\s:=]*(?P<sign>[+-])?(?P<d>\d+(?:\.\d*)?)\s*"
    r"(?:[°度]\s*(?:(?P<m>\d+(?:\.\d*)?)\s*['分]\s*(?:(?P<s>\d+(?:\.\d*)?)\s*(?:''|秒)\s*)?)?)?"
    rf"(?P<after>{_SIGNED_AXIS})?$"
)
_EITHER = rf"(?:{_NAMED_AXIS})?[\s:=]*{_DEGREES}(?:\s*(?:{_SIGNED_AXIS}))?"
_PAIRS = tuple(
    rf"^(?:point\s*z?)?\s*[(\[{{]?\s*{pair}\s*[)\]}}]?$"
    for pair in (
        rf"(?P<a>(?:{_NAMED_AXIS})[\s:=]*{_DEGREES})\s*(?P<b>(?:{_NAMED_AXIS})[\s:=]*{_DEGREES})",
        rf"(?P<a>{_DEGREES}\s*(?:{_SIGNED_AXIS}))\s*(?P<b>{_DEGREES}\s*(?:{_SIGNED_AXIS}))",
        rf"(?P<a>{_EITHER})(?:\s*[,;、/|]\s*|\s+)(?P<b>{_EITHER})",
    )
)
_AXES = {"东经": 1, "西经": 1, "经度": 1, "longitude": 1, "lon": 1, "lng": 1, "e": 1, "w": 1, "经": 1}
_NEGATIVE = ("西经", "南纬", "w", "s")
_THOUSANDS = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"


@dataclass(frozen=True)
class Degrees:
    """Texts read as coordinates.

    Parameters
    ----------
    numbers
        Degrees (metres in a system of metres); NaN where there is no number.
    wrong
        The text says something that is not a coordinate.
    axis
        1 where the text itself says longitude (``E``, 东经), 2 where it says latitude, else 0.
    decimals
        Decimals of a degree that the text is as fine as: a minute of arc is about one, a second about three.
    """

    numbers: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    axis: NDArray[np.int8]
    decimals: NDArray[np.int64]


def parse_degrees(text: Any, *, decimal_comma: bool = False, thousands: bool = False) -> Degrees:
    """Parse coordinates as ledgers write them.

    ``120.61``, ``１２０．６１``, ``120°36′``, ``120°36'15.5"E``, ``东经120度36分``, ``E120.61``; south and west
    are negative.

    Parameters
    ----------
    text
        Arrow array, trimmed.
    decimal_comma
        ``30,80`` is 30.8.
    thousands
        ``3,401,234.5`` is a number of metres.
    """
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = _plain_degrees(text)
    numbers, wrong = parse_numbers(text, decimal_comma=decimal_comma)
    pointed = pc.replace_substring_regex(text, _DECIMAL_COMMA, r"\1.\2") if decimal_comma else text
    axis, decimals = np.zeros(len(text), dtype="int8"), count_decimals(pointed)
    if wrong.any():
        rows = np.flatnonzero(wrong)
        words, which = different(_plain_degrees(text.take(pa.array(rows))))
        if thousands:
            grouped = pc.match_substring_regex(words, _THOUSANDS)
            words = pc.if_else(grouped, pc.replace_substring(words, ",", ""), words)
        found = _parse_coordinates(words)
        numbers[rows], wrong[rows] = found.numbers[which], found.wrong[which]
        axis[rows], decimals[rows] = found.axis[which], found.decimals[which]
    return Degrees(numbers, wrong, axis, decimals)


def split_pairs(text: Any) -> tuple[Any, Any, NDArray[np.bool_]]:
    """Split texts that hold two coordinates: ``120.61,30.80``, ``(30.80 120.61)``, ``东经120°36′北纬30°48′``.

    Parameters
    ----------
    text
        Arrow array, trimmed.

    Returns
    -------
    tuple
        The first and the second coordinate as Arrow text (``""`` where the text is no pair), and which are.
    """
    words, which = different(text)
    plain = _plain_degrees(words)
    first, second = (np.full(len(words), "", dtype=object) for _ in range(2))
    open_rows = np.arange(len(words))
    for pattern in _PAIRS:
        parts = pc.extract_regex(plain.take(pa.array(open_rows)), pattern)
        fits = np.asarray(pc.is_valid(parts))
        if fits.any():
            first[open_rows[fits]] = np.asarray(parts.field(0).filter(pa.array(fits)))
            second[open_rows[fits]] = np.asarray(parts.field(1).filter(pa.array(fits)))
            open_rows = open_rows[~fits]
    rows = pa.array(which)
    halves = (pa.array(half, pa.large_string()).take(rows) for half in (first, second))
    return *halves, (first != "")[which] if len(words) else np.zeros(len(text), dtype=bool)


def _plain_degrees(text: Any) -> Any:
    for sign, plain in _DEGREE_SIGNS.items():
        text = pc.replace_substring(text, sign, plain)
    return pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(text, form="NFKC")))


def _parse_coordinates(words: Any) -> Degrees:
    """Read plain spellings (see :func:`_plain_degrees`) with signs, degrees, minutes and seconds."""
    count = len(words)
    numbers, wrong = np.full(count, np.nan), np.ones(count, dtype=bool)
    axis, decimals = np.zeros(count, dtype="int8"), np.zeros(count, dtype="int64")
    found = pc.extract_regex(words, _COORDINATE)
    rows = np.flatnonzero(np.asarray(pc.is_valid(found)))
    if not rows.size:
        return Degrees(numbers, wrong, axis, decimals)
    found = found.take(pa.array(rows))
    parts = {name: found.field(name) for name in ("before", "sign", "d", "m", "s", "after")}
    said = {name: np.asarray(pc.not_equal(part, "")) for name, part in parts.items()}
    degree, minute, second = (
        pc.cast(pc.if_else(pc.equal(parts[name], ""), "0", parts[name]), pa.float64()).to_numpy(
            zero_copy_only=False
        )
        for name in ("d", "m", "s")
    )
    possible = (minute < 60.0) & (second < 60.0) & ~(said["before"] & said["after"])
    possible &= ~said["m"] | (degree == np.floor(degree))
    possible &= ~said["s"] | (minute == np.floor(minute))
    named = pc.if_else(pa.array(said["before"]), parts["before"], parts["after"])
    words_of_axis, which = different(named)
    of_word = words_of_axis.to_pylist()
    axis[rows] = np.array([_AXES.get(word, 2) if word else 0 for word in of_word], dtype="int8")[which]
    negative = np.array([word in _NEGATIVE for word in of_word], dtype=bool)[which]
    possible &= ~(negative & said["sign"])
    negative |= np.asarray(pc.equal(parts["sign"], "-"))
    value = degree + minute / 60.0 + second / 3600.0
    numbers[rows] = np.where(possible, np.where(negative, -value, value), np.nan)
    wrong[rows] = ~possible
    finer = {name: count_decimals(parts[name]) for name in ("d", "m", "s")}
    decimals[rows] = np.where(said["s"], finer["s"] + 3, np.where(said["m"], finer["m"] + 1, finer["d"]))
    return Degrees(numbers, wrong, axis, decimals)


def count_decimals(text: Any) -> NDArray[np.int64]:
    """Return how many digits stand behind the point."""
    length = pc.binary_length(text).to_numpy(zero_copy_only=False)
    point = pc.find_substring(text, ".").to_numpy(zero_copy_only=False)
    return np.where(point >= 0, length - point - 1, 0).astype("int64")
