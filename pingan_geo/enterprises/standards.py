"""The ten standards (十条标准): a file that the town edits, and what each firm has of them.

The published text breaks off after four standards and the beginning of a fifth; the file that comes with a new
town has these, and five that stand open. Nobody can pass a standard that has no text yet.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pingan_geo.errors import BadChoiceError, SettingsError
from pingan_geo.model.enterprise import STANDARD_SCORES, STANDARD_STATES

STANDARDS_FILE: Final = "standards.toml"
#: What stands in place of a text that the town has yet to write.
TO_FILL: Final = "待填"

#: The file of a new town; a town that has no file of its own is judged by it.
TEMPLATE: Final = """\
# 十条标准。文字由本镇填写;写着“待填”的一条,谁也不算达标。
# The ten standards. The town writes the texts; a standard that says 待填 can be passed by nobody.

[[standards]]
text = "建立健全安全制度"
[[standards]]
text = "规范用火用电管理"
[[standards]]
text = "落实常态宣教培训"
[[standards]]
text = "开展隐患排查治理"
[[standards]]
# 公开的文字到此中断。 / The published text breaks off here.
text = "提升…(待填)"
[[standards]]
text = "待填"
[[standards]]
text = "待填"
[[standards]]
text = "待填"
[[standards]]
text = "待填"
[[standards]]
text = "待填"
"""


@dataclass(frozen=True)
class Standard:
    """One standard: its number from 1, and its text."""

    number: int
    text: str

    @property
    def is_open(self) -> bool:
        """Whether its text has yet to be written."""
        return TO_FILL in self.text


def read_standards(folder: Path) -> tuple[Standard, ...]:
    """Read a town's standards, or those of a new town where it has no file.

    Raises
    ------
    SettingsError
        If the file is no TOML, or a standard has no text.
    """
    file = folder / STANDARDS_FILE
    try:
        rows = tomllib.loads(file.read_text(encoding="utf-8") if file.is_file() else TEMPLATE).get(
            "standards"
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            file=file.name, key="file", value=str(error), expected="a TOML file in UTF-8"
        ) from error
    if not isinstance(rows, list) or not rows:
        raise SettingsError(file=file.name, key="standards", value=repr(rows), expected="a list of tables")
    found = []
    for number, row in enumerate(rows, 1):
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise SettingsError(
                file=file.name, key=f"standards[{number}].text", value=repr(text), expected="a text"
            )
        found.append(Standard(number, text.strip()))
    return tuple(found)


def assess_standards(
    scores: pd.DataFrame, standards: Sequence[Standard], enterprises: Sequence[str]
) -> pd.DataFrame:
    """Return how each firm stands with the standards, by its newest score of each.

    Parameters
    ----------
    scores
        STANDARD_SCORES; of several for one firm and standard the newest counts.
    standards
        As :func:`read_standards` gives them.
    enterprises
        Firms in the order wanted; one without a score has all standards unfilled.

    Returns
    -------
    DataFrame
        Index ``enterprise_id``; one column per number of a standard with its state, then ``passed``, ``failed``,
        ``unfilled`` (they add up to the number of standards) and ``short``, the share (0-1) not passed.

    Raises
    ------
    BadChoiceError
        If a state or a number is none that there is, or a standard that stands open is said to be passed.

    Notes
    -----
    ``short`` says how much of the list is not shown to be met. It does not say how dangerous the firm is.
    """
    STANDARD_SCORES.check(scores)
    numbers = [standard.number for standard in standards]
    for name, allowed in (("state", list(STANDARD_STATES)), ("item", numbers)):
        strange = sorted(set(scores[name]) - set(allowed))
        if strange:
            raise BadChoiceError(name=name, value=strange, expected=", ".join(map(str, allowed)))
    still_open = [standard.number for standard in standards if standard.is_open]
    early = scores["item"].isin(still_open) & scores["state"].eq("passed")
    if early.any():
        raise BadChoiceError(
            name="item", value=sorted(set(scores.loc[early, "item"])), expected="a standard that has a text"
        )
    newest = scores.sort_values("time", kind="stable").drop_duplicates(["enterprise_id", "item"], keep="last")
    firms = pd.Index(enterprises, name="enterprise_id")
    newest = newest[newest["enterprise_id"].isin(firms)]
    filled = np.full((len(firms), len(numbers)), "unfilled", dtype=object)
    filled[firms.get_indexer(newest["enterprise_id"]), pd.Index(numbers).get_indexer(newest["item"])] = (
        newest["state"]
    )
    states = pd.DataFrame(filled, index=firms, columns=numbers, dtype="str")
    counts = {state: states.eq(state).sum(axis=1).astype("int64") for state in STANDARD_STATES}
    short = 1.0 - counts["passed"] / len(numbers)
    return states.assign(**counts, short=np.round(short, 12))
