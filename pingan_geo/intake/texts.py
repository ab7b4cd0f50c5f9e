"""Columns of text: trimming, telling whether a cell says something, masking persons, reading numbers."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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

_MANY_DIGITS = r"\p{Nd}(?:[ \-]?\p{Nd}){10}"
_ID_NUMBER = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXxＸｘ](?!\d)"
)
_PHONE = re.compile(r"(?<!\d)(?:[+＋]?[8８][6６][ \-]?)?[1１][3-9３-９]\d[ \-]?\d{4}[ \-]?\d{4}(?!\d)")
PHONE_MASK, ID_MASK = "*" * 11, "*" * 18


def mask_persons(text: Any) -> tuple[Any, int, int]:
    """Mask telephone and identity numbers in free text.

    Parameters
    ----------
    text
        Arrow array of texts.

    Returns
    -------
    tuple
        The texts, the number of telephone numbers masked, the number of identity numbers masked.
    """
    likely = np.flatnonzero(np.asarray(pc.match_substring_regex(text, _MANY_DIGITS)))
    if not likely.size:
        return text, 0, 0
    phones = ids = 0
    masked = np.empty(len(likely), dtype=object)
    for place, row in enumerate(likely):
        words, found_ids = _ID_NUMBER.subn(ID_MASK, text[int(row)].as_py())
        words, found_phones = _PHONE.subn(PHONE_MASK, words)
        masked[place] = words
        ids, phones = ids + found_ids, phones + found_phones
    if not phones + ids:
        return text, 0, 0
    chosen = np.zeros(len(text), dtype=bool)
    chosen[likely] = True
    return pc.replace_with_mask(text, pa.array(chosen), pa.array(masked, pa.large_string())), phones, ids


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
    try:
        numbers = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        numbers = None
    if numbers is not None and np.isfinite(numbers).all():
        return numbers, np.zeros(len(text), dtype=bool)
    folded = pc.utf8_lower(pc.utf8_trim_whitespace(pc.utf8_normalize(text, form="NFKC")))
    if decimal_comma:
        folded = pc.replace_substring_regex(folded, _DECIMAL_COMMA, r"\1.\2")
    valid = pc.match_substring_regex(folded, _NUMBER)
    numbers = pc.cast(pc.if_else(valid, folded, None), pa.float64()).to_numpy(zero_copy_only=False)
    return numbers, ~np.asarray(valid) & has_value(folded)


def count_decimals(text: Any) -> NDArray[np.int64]:
    """Return how many digits stand behind the point."""
    length = pc.binary_length(text).to_numpy(zero_copy_only=False)
    point = pc.find_substring(text, ".").to_numpy(zero_copy_only=False)
    return np.where(point >= 0, length - point - 1, 0).astype("int64")
