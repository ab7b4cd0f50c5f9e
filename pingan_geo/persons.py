"""Telephone and identity numbers in a text, so that no name, sentence or log carries them."""

from __future__ import annotations

import re

#: Signs → the plain ones, one for one, so that places in a text stay the same.
_PLAIN_SIGNS = str.maketrans(
    "０１２３４５６７８９ＸｘＸ（）＋－–—―‐‑−．\u3000\u00a0", "0123456789xxx()+-------.  "
)
_GAP = r"[ \-]{0,3}"
_DAY = r"(?:0[ \-]?[1-9]|1[ \-]?[0-2])[ \-]?(?:0[ \-]?[1-9]|[12][ \-]?\d|3[ \-]?[01])"
#: Not within a longer number, nor among the decimals of one.
_ALONE = r"(?<!\d)(?<!\d\.)"
_PROVINCE = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])"
_ID_NUMBER = re.compile(
    # 18 digits, blanks or dashes anywhere between them; 15 digits in one piece or as 6-6-3
    rf"{_ALONE}(?:[1-9](?:[ \-]?\d){{5}}[ \-]?(?:1[ \-]?[89]|2[ \-]?0)(?:[ \-]?\d){{2}}[ \-]?{_DAY}(?:[ \-]?\d){{3}}[ \-]?[\dXx]"
    rf"|{_PROVINCE}\d{{4}}[ \-]?\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[ \-]?\d{{3}})(?!\d)"
)
_PHONE = re.compile(
    rf"{_ALONE}(?:\(?(?:\+|00)?86\)?{_GAP})?"
    # mobile: in one piece, in the usual groups, or digit by digit
    rf"(?:1[3-9]\d{_GAP}\d{{4}}{_GAP}\d{{4}}|1[3-9]\d{{2}}{_GAP}\d{{3}}{_GAP}\d{{4}}|1[3-9]\d{{2}}{_GAP}\d{{4}}{_GAP}\d{{3}}"
    rf"|1[3-9]\d{_GAP}\d{{3}}{_GAP}\d{{5}}|1[3-9]\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{3}}|1[3-9]\d{{3}}{_GAP}\d{{6}}|1[3-9]\d{{4}}{_GAP}\d{{5}}"
    r"|1[3-9]\d\.\d{4}\.\d{4}|1[ \-][3-9](?:[ \-]\d){9}"
    # landline with its area code
    rf"|\(?0(?:10|2\d|[3-9]\d{{2}})\)?{_GAP}[2-8]\d{{2,3}}{_GAP}\d{{4}}"
    rf"|(?<=86){_GAP}\(?(?:10|2\d|[3-9]\d{{2}})\)?{_GAP}[2-8]\d{{2,3}}{_GAP}\d{{4}}"
    r")(?!\d)"
)
PHONE_MASK, ID_MASK = "*" * 11, "*" * 18


def mask_numbers(words: str) -> tuple[str, int, int]:
    """Mask the telephone and identity numbers of a text, in full-width digits and in groups, too.

    Parameters
    ----------
    words
        Any text.

    Returns
    -------
    tuple
        The text, the number of telephone numbers masked (mobile ones, and landlines with their area code), the
        number of identity numbers masked (18 and 15 digits).
    """
    words, ids = _mask(words, _ID_NUMBER, ID_MASK)
    words, phones = _mask(words, _PHONE, PHONE_MASK)
    return words, phones, ids


def mask_name(name: object) -> str:
    """Return the name of a file or a sheet as it may be shown and kept: people put telephone numbers into them."""
    return mask_numbers(str(name))[0]


def _mask(words: str, pattern: re.Pattern[str], mask: str) -> tuple[str, int]:
    """Replace what fits in the half-width spelling of a text; the rest stays as it is written."""
    kept: list[str] = []
    end = 0
    for match in pattern.finditer(words.translate(_PLAIN_SIGNS)):
        kept += (words[end : match.start()], mask)
        end = match.end()
    return "".join((*kept, words[end:])), len(kept) // 2
