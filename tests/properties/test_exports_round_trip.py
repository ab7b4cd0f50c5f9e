"""Reading an export back gives the same rows, whatever people wrote into them."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pingan_geo.outputs.exports import FORMATS, read_back, read_notice, write_table

DTYPES = {
    "id": "int64",
    "place": "str",
    "words": "str",
    "lon": "float64",
    "lat": "float64",
    "score": "float64",
    "sure": "bool",
    "time": "datetime64[s]",
}

awkward = st.sampled_from(
    [
        "",
        "'",
        "''=1",
        "=1+1",
        '=HYPERLINK("http://example.invalid","点我")',
        "+86 573",
        "-5",
        "@SUM(A1)",
        "＝1+1",
        "\t=1",
        "\r=1",
        "  =1",
        "\n",
        "a\r\nb\rc",
        'he said "no"',
        "a,b;c",
        "新塍镇😀",
        "_x000D_",
        "_x0041_",
        "\x00\x07",
        "\ufffe",
        "<![CDATA[ & ]]> <b>",
        "NA",
        "nan",
        "null",
        "12",
        "1e5",
        "TRUE",
        "2026-08-30",
        "http://example.invalid",
        "  blanks  ",
        "#注释",
    ]
)
texts = st.one_of(awkward, st.text(max_size=30), st.builds("".join, st.lists(awkward, max_size=3)))
times = st.one_of(st.none(), st.datetimes(datetime(1850, 1, 1), datetime(2200, 1, 1)))
numbers = st.one_of(st.just(float("nan")), st.floats(-1e300, 1e300))
rows = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    texts,
    texts,
    st.one_of(st.just(float("nan")), st.floats(-180, 180)),
    st.one_of(st.just(float("nan")), st.floats(-90, 90)),
    numbers,
    st.booleans(),
    times,
)


OFTEN = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)


def table_of(drawn: list[tuple]) -> pd.DataFrame:
    columns = zip(*drawn, strict=True) if drawn else ((),) * len(DTYPES)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(DTYPES.items(), columns, strict=True)
        }
    )


def written(text: str) -> str:
    """What any format carries of a text; stated in the module's first lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("geometry", ["point", None])
@settings(OFTEN, max_examples=25)
@given(drawn=st.lists(rows, max_size=6), notice=texts)
def test_reading_back_gives_the_same_rows(tmp_path, suffix, geometry, drawn, notice):
    table = table_of(drawn)
    before = table.copy()
    file = write_table(table, tmp_path / f"rows{suffix}", notice=notice, geometry=geometry)
    again = read_back(file, DTYPES)
    expected = table.copy()
    for name in ("place", "words"):
        expected[name] = pd.Series([written(text) for text in table[name]], dtype="str")
    # XLSX carries 16 digits of a fraction, as spreadsheets do; whole numbers and texts are exact everywhere
    exact: dict = (
        {"check_exact": False, "rtol": 1e-15, "atol": 0.0} if suffix == ".xlsx" else {"check_exact": True}
    )
    pd.testing.assert_frame_equal(again, expected, **exact)
    pd.testing.assert_frame_equal(table, before)
    if len(table) or suffix != ".csv":
        assert read_notice(file) == written(notice).strip()


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix != ".csv"])
@settings(OFTEN, max_examples=10)
@given(drawn=st.lists(rows, min_size=1, max_size=4))
def test_formats_that_carry_types_need_not_be_told(tmp_path, suffix, drawn):
    file = write_table(table_of(drawn), tmp_path / f"rows{suffix}", notice="")
    pd.testing.assert_frame_equal(read_back(file), read_back(file, DTYPES))


@settings(OFTEN, max_examples=60)
@given(text=texts)
def test_no_csv_cell_begins_like_a_formula(tmp_path, text):
    file = write_table(pd.DataFrame({"a": pd.Series([text], dtype="str")}), tmp_path / "a.csv", notice="")
    cell = pd.read_csv(file, dtype=str, keep_default_na=False)["a"].tolist()
    shown = cell[0] if cell else ""
    assert not re.match(r"\s*[=+\-@＝＋－＠]|[\t\r\n]", shown)
    assert np.all(read_back(file)["a"] == written(text)) or not cell
