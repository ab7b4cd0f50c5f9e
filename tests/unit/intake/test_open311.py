"""JSON lists, among them the service requests of Open311."""

from __future__ import annotations

import json

import pytest

from pingan_geo.errors import EmptyFileError, UnreadableFileError
from pingan_geo.intake.columns import map_columns
from pingan_geo.intake.files import open_table, read_rows

REQUEST = """{"service_request_id": 638344, "status": "closed", "status_notes": null, "service_name": "飞线",
 "service_code": "006", "description": "楼道飞线", "requested_datetime": "2025-07-03T14:05:06+08:00",
 "updated_datetime": "2025-07-04T10:00:00+08:00", "address": "北街8号", "lat": 30.8010, "long": "120.6100"}"""


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', "list"),
        ("[1, 2]", "binary|list|JSON"),
        ('["a"]', "list"),
        ('[{"a": 1}', "damaged JSON"),
        ('{"a": [{"b": 1}], "c": [{"d": 1}]}', "list"),
        ("[" * 100_000, "JSON"),
        ('{"type": "Topology", "objects": {}}', "list"),
        ("[{" + ", ".join(f'"{n}": 1' for n in range(1001)) + "}]", "list"),
        ('{"a": ' * 500 + "1" + "}" * 500, "list"),
    ],
)
def test_other_json_is_refused(tmp_path, text, found):
    path = write(tmp_path / "a.json", text)
    if text == "[1, 2]":  # a heading of two cells, for all that can be told
        assert open_table(path).kind == "csv"
        return
    with pytest.raises(UnreadableFileError, match=found):
        open_table(path)


@pytest.mark.parametrize("text", ["[]", '{"service_requests": []}'])
def test_empty_list_is_refused(tmp_path, text):
    with pytest.raises(EmptyFileError):
        open_table(write(tmp_path / "a.json", text))


@pytest.mark.parametrize(
    "wrapped", ["[%s]", '{"service_requests": [%s]}', '\ufeff\n{"meta": {}, "data": [%s]}']
)
def test_service_requests_are_read_with_their_digits(tmp_path, wrapped):
    table = open_table(write(tmp_path / "a.json", wrapped % REQUEST))
    assert (table.kind, table.total, table.heading_row) == ("json", 1, 0)
    (chunk,) = read_rows(table)
    row = chunk.rows.iloc[0].to_dict()
    assert row == {
        key: "" if value is None else str(value)
        for key, value in json.loads(REQUEST, parse_float=str).items()
    }
    assert (row["lat"], row["long"]) == ("30.8010", "120.6100")
    fields = map_columns(table.headings, "reports", file="a.json").fields
    assert fields["lon"] == "long"
    assert (fields["time"], fields["category"], fields["source_id"]) == (
        "requested_datetime",
        "service_name",
        "service_request_id",
    )


def test_rows_with_other_keys_and_no_rows_at_all(tmp_path):
    path = write(
        tmp_path / "a.json", '[{"a": 1}, {"b": {"c": true, "d": [1, 2]}}, "x", {}, {"a": "\\ud83d 甲"}]'
    )
    table = open_table(path)
    assert table.headings == ("a", "b.c", "b.d")
    (chunk,) = read_rows(table)
    assert chunk.rows.index.tolist() == [1, 2, 5]
    assert chunk.rows.to_numpy().tolist() == [["1", "", ""], ["", "TRUE", '["1", "2"]'], ["? 甲", "", ""]]
    assert chunk.broken["row_number"].tolist() == [3]
    assert json.loads(chunk.broken["values"][0]) == {"a": "x"}
    assert chunk.blank == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_other_encodings(tmp_path, encoding):
    table = open_table(write(tmp_path / "a.txt", '[{"类别": "飞线"}]', encoding))
    assert next(read_rows(table)).rows["类别"].tolist() == ["飞线"]


def test_heading_in_brackets_is_no_json(tmp_path):
    table = open_table(write(tmp_path / "a.csv", "[编号],时间\n1,2\n"))
    assert (table.kind, table.headings) == ("csv", ("[编号]", "时间"))
