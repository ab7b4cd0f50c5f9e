"""A file is what its bytes say; every row has the number that a spreadsheet shows; none is lost."""

from __future__ import annotations

import datetime as dt
import json
import zipfile

import geopandas as gpd
import openpyxl
import PIL.Image
import pytest
import shapely

from pingan_geo.errors import (
    EmptyFileError,
    FileMissingError,
    GeometryKindError,
    NoCrsError,
    TooLargeInsideError,
    UnclosedQuoteError,
    UnreadableFileError,
)
from pingan_geo.i18n import translator
from pingan_geo.intake.archives import weigh_archive
from pingan_geo.intake.files import open_table, read_rows
from pingan_geo.intake.raw import distinct_headings
from pingan_geo.intake.text_tables import BLOCK_BYTES


def rows_of(path, **how):
    """Every row as (number, cells), in the order of the file."""
    table = open_table(path, **how)
    return [
        (number, list(cells))
        for chunk in read_rows(table)
        for number, cells in zip(chunk.rows.index, chunk.rows.itertuples(index=False), strict=True)
    ]


def broken_of(path):
    return [
        tuple(row) for chunk in read_rows(open_table(path)) for row in chunk.broken.itertuples(index=False)
    ]


def write(path, content):
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


# -- refused -----------------------------------------------------------------------------------------


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(FileMissingError):
        open_table(tmp_path / "none.csv")


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"\xef\xbb\xbf", b" , , \n,,\n"])
def test_empty_file_is_refused(tmp_path, content):
    with pytest.raises(EmptyFileError):
        open_table(write(tmp_path / "a.csv", content))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.csv", b"%PDF-1.7 ...", "PDF"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("a.xls", b"<html><body><table><tr><td>1", "web page"),
        ("a.xls", b"\xef\xbb\xbf \n<!DOCTYPE HTML>", "web page"),
        ("a.csv", b"id,lon\n1,\x00\x01\x02", "binary"),
        ("a.csv", b"\x00" * 100, "binary"),
        ("a.csv", b"id,lon\n" + b"1,2\n" * 3000 + b"\x00", "binary"),
        ("a.csv", b"\xff\xfe\x41", "encoding"),
        ("a.csv", "id,caf\u00e9,lon\n1,2,3\n".encode("latin-1"), "encoding"),
        ("a.json", b'{"a": 1}', "JSON"),
        ("a.xml", b"<?xml version='1.0'?><a/>", "XML"),
        ("a.gz", b"\x1f\x8b\x08", "gzip"),
        ("a.tif", b"II*\x00\x08", "TIFF"),
        ("a.xls", b"MIME-Version: 1.0\nContent-Type: multipart/related; x", "MHTML"),
        ("a.slk", b"ID;PWXL;N;E\nP;PGeneral", "SYLK"),
        (
            "a.xls",
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "XML spreadsheet of 2003",
        ),
        ("a.db", b"SQLite format 3\x00" + b"\x00" * 100, "SQLite"),
        ("a.xlsx", b"PK\x03\x04 not really", "damaged ZIP"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "damaged workbook"),
        (
            "a.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 600,
            "password",
        ),
        ("a.gpkg", b"SQLite format 3\x00" + b"\x00" * 52 + b"GPKG" + b"\x00" * 100, "damaged"),
        ("a.shx", b"\x00\x00\x27\x0a" + b"\x00" * 100, "Shapefile"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', "damaged"),
    ],
)
def test_other_files_are_refused_by_what_they_are(tmp_path, name, content, found):
    with pytest.raises(UnreadableFileError) as caught:
        open_table(write(tmp_path / name, content))
    assert found in caught.value.values["found"]
    assert name in str(caught.value)
    in_chinese = translator("zh").error(caught.value)
    assert caught.value.values["found"] not in in_chinese
    assert name in in_chinese


def test_csv_that_is_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as packed:
        packed.writestr("a.txt", "x")
    with pytest.raises(UnreadableFileError, match="ZIP archive; unpack it"):
        open_table(tmp_path / "a.csv")


@pytest.mark.parametrize("inner", ["b.zip", "folder/b.RAR", "b.kmz"])
def test_archive_in_an_archive_is_refused(tmp_path, made_files, inner):
    path = write(tmp_path / "a.zip", made_files.packed({"a.shp": b"x", inner: b"PK"}))
    with pytest.raises(UnreadableFileError, match="another archive inside"):
        open_table(path)


def test_archive_with_a_password_is_refused(tmp_path, made_files):
    content = bytearray(made_files.packed({"a.kml": b"<kml/>"}))
    content[6] |= 1  # of the part itself, and of the list at the end
    content[content.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(UnreadableFileError, match="password"):
        open_table(write(tmp_path / "a.zip", bytes(content)))


@pytest.mark.parametrize("kind", ["xls", "ods"])
def test_old_and_open_workbooks_with_a_password_are_refused(tmp_path, made_files, kind):
    path = write(tmp_path / f"a.{kind}", getattr(made_files, kind)([["a", "b"], [1, 2]], locked=True))
    with pytest.raises(UnreadableFileError, match="protected by a password"):
        open_table(path)


@pytest.mark.parametrize(
    ("stream", "found"),
    [("PowerPoint Document", "PowerPoint"), ("WordDocument", "Word"), ("__substg1.0_0037001F", "Outlook")],
)
def test_old_office_files_that_are_no_workbooks_are_refused(tmp_path, made_files, stream, found):
    with pytest.raises(UnreadableFileError, match=found):
        open_table(write(tmp_path / "a.et", made_files.ole({stream: b"x"})))


# -- archives that unpack to too much ----------------------------------------------------------------


def zeros(tmp_path, name, megabytes, parts=1, entry="xl/worksheets/sheet1.xml"):
    """An archive of zeros, which packs a thousandfold, that seems to be a workbook."""
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        packed.writestr("xl/workbook.xml", "<workbook/>")
        for part in range(parts):
            with packed.open(f"{part or ''}{entry}", "w") as stream:
                for _ in range(megabytes):
                    stream.write(bytes(1 << 20))
    return path


def test_archive_that_says_it_unpacks_to_too_much_is_refused(tmp_path):
    with pytest.raises(TooLargeInsideError) as caught:
        open_table(zeros(tmp_path, "a.xlsx", 201))
    assert caught.value.values["entries"] == 2
    assert "201 MB" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "entry"), [("a.xlsx", "xl/a.xml"), ("a.kmz", "doc.kml"), ("a.zip", "a.shp")]
)
def test_archive_that_lies_about_its_size_is_refused(tmp_path, name, entry):
    path = zeros(tmp_path, name, 201, entry=entry)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (1000).to_bytes(4, "little")
    path.write_bytes(bytes(content))
    with zipfile.ZipFile(path) as packed:
        assert sum(entry.file_size for entry in packed.infolist()) < 2000
    with pytest.raises(TooLargeInsideError):
        open_table(path)


def test_archive_of_one_part_named_a_hundred_times_is_refused(tmp_path):
    """Parts that overlap: small on the disk, each of an innocent size."""
    path = zeros(tmp_path, "a.xlsx", 90)
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    last = content[content.rindex(b"PK\x01\x02") : end]
    listing = content[start:end] + b"".join(last.replace(b"sheet1", f"sh{n:04}".encode()) for n in range(99))
    tail = bytearray(content[end:])
    tail[8:12] = (101).to_bytes(2, "little") * 2
    tail[12:16] = len(listing).to_bytes(4, "little")
    path.write_bytes(content[:start] + listing + tail)
    with pytest.raises(TooLargeInsideError):
        open_table(path)


def test_archive_of_too_many_parts_is_refused(tmp_path, made_files):
    path = write(tmp_path / "a.zip", made_files.packed({f"{n}.jpg": b"" for n in range(20_001)}))
    with pytest.raises(TooLargeInsideError):
        open_table(path)


@pytest.mark.parametrize("corner", ["XFD1048576", "AAA100000"])
def test_workbook_with_a_cell_far_away_is_refused_and_ends_nothing(tmp_path, corner):
    """The library would make room for every cell between, and end the process when there is none."""
    book = openpyxl.Workbook()
    book.active["A1"], book.active[corner] = "编号", 1
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(UnreadableFileError, match="far outside"):
        open_table(tmp_path / "a.xlsx")


def test_wide_table_and_a_cell_far_down_are_read(tmp_path):
    book = openpyxl.Workbook()
    book.active.append([f"h{number}" for number in range(1000)])
    book.active.append([1] * 1000)
    book.save(tmp_path / "a.xlsx")
    assert len(rows_of(tmp_path / "a.xlsx")[0][1]) == 1000
    path = workbook(tmp_path / "b.xlsx", ["a", "b"], [1, 2])
    book = openpyxl.load_workbook(path)
    book.active["B1000000"] = "x"
    book.save(path)
    assert rows_of(path) == [(2, ["1", "2"]), (1_000_000, ["", "x"])]


def test_old_workbook_with_a_cell_far_away_is_refused_and_ends_nothing(tmp_path, made_files):
    content = made_files.xls([["编号", "b"], [1, 2]]).replace(
        b"\x03\x02\x0e\x00\x01\x00\x01\x00", b"\x03\x02\x0e\x00\xff\xff\xff\xff"
    )
    with pytest.raises(UnreadableFileError, match="damaged workbook"):
        open_table(write(tmp_path / "a.xls", content))


def test_workbook_whose_parts_are_said_to_lie_before_its_beginning_is_refused(tmp_path):
    """Found by fuzzing: the archive opens, and only the seeking in it fails, outside of what zipfile checks."""
    content = bytearray(workbook(tmp_path / "a.xlsx", ["a", "b"], [1, 2]).read_bytes())
    end = content.rindex(b"PK\x05\x06")
    at = int.from_bytes(content[end + 16 : end + 20], "little")
    content[end + 16 : end + 20] = (at + 100_000).to_bytes(4, "little")
    with pytest.raises(UnreadableFileError, match="damaged"):
        open_table(write(tmp_path / "b.xlsx", bytes(content)))


def test_large_workbook_is_not_taken_for_harmful(tmp_path):
    """Ledgers repeat themselves: a sheet packs to a thirtieth."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for number in range(2_000):
        sheet.append([number, "飞线", "新塍镇"] * 5)
    book.save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        weigh_archive(tmp_path / "a.xlsx", packed)


def test_word_document_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as packed:
        packed.writestr("word/document.xml", "<x/>")
    with pytest.raises(UnreadableFileError, match="Word"):
        open_table(tmp_path / "a.xlsx")


def test_quotation_mark_that_is_never_closed_is_refused_with_its_row(tmp_path):
    lines = ["a,b", "1,2", '3,"4'] + ["5,6"] * (2 * BLOCK_BYTES // 4)
    path = write(tmp_path / "a.csv", "\n".join(lines))
    with pytest.raises(UnclosedQuoteError) as caught:
        list(read_rows(open_table(path)))
    assert caught.value.values["row"] == 3


def test_layer_without_coordinate_system_is_refused(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(120, 30)], crs=4326)
    frame.to_file(tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(NoCrsError):
        open_table(tmp_path / "a.shp")
    assert open_table(tmp_path / "a.shp", datum="gcj02").crs == "gcj02"


def test_layer_of_polygons_is_refused(tmp_path):
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326)
    frame.to_file(tmp_path / "a.gpkg")
    with pytest.raises(GeometryKindError):
        open_table(tmp_path / "a.gpkg")


# -- text tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_encoding_and_separator_gives_the_same_rows(tmp_path, encoding, separator, newline):
    lines = [["编号", "地点", "内容"], ["1", "新塍镇喆😀", 'a "b"'], ["", "", ""], ["2", "", "x, y; z"]]
    text = newline.join(
        separator.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' if cell else "" for cell in line)
        for line in lines
    )
    path = write(tmp_path / "a.csv", text.encode(encoding))
    assert open_table(path).headings == ("编号", "地点", "内容")
    assert rows_of(path) == [(2, ["1", "新塍镇喆😀", 'a "b"']), (4, ["2", "", "x, y; z"])]


def test_gb18030_is_told(tmp_path):
    assert open_table(write(tmp_path / "a.csv", "编号,a\n1,2\n".encode("gbk"))).encoding == "gb18030"
    assert open_table(write(tmp_path / "a.csv", "编号,a\n1,2\n")).encoding == "utf-8"


def test_broken_rows_are_handed_out_with_their_number_and_cells(tmp_path):
    path = write(tmp_path / "a.csv", 'a,b,c\n1,2,3\n\n4,5\n,,\n7,8,9\n"x\ny",1,2\n1,2,3,4\n5,6,7\n')
    assert rows_of(path) == [
        (2, ["1", "2", "3"]),
        (6, ["7", "8", "9"]),
        (7, ["x\ny", "1", "2"]),
        (9, ["5", "6", "7"]),
    ]
    assert [(number, json.loads(values)) for number, _, values in broken_of(path)] == [
        (4, {"a": "4", "b": "5"}),
        (8, {"a": "1", "b": "2", "c": "3", "+1": "4"}),
    ]
    assert sum(chunk.blank for chunk in read_rows(open_table(path))) == 2


def test_broken_rows_at_the_end_and_alone(tmp_path):
    path = write(tmp_path / "a.csv", "a,b\n1,2\n3\n4\n")
    assert [row[0] for row in broken_of(path)] == [3, 4]
    path = write(tmp_path / "b.csv", "a,b\n3\n4,5,6\n")
    assert [row[0] for row in broken_of(path)] == [2, 3]
    assert rows_of(path) == []


def test_row_that_swallows_others_is_broken(tmp_path):
    """Two stray quotation marks: the rows between would become one long text."""
    path = write(tmp_path / "a.csv", 'a,b,c\n1,2,"x\n3,4,y\n5,6,z"\n7,8,9\n')
    assert [cells for _, cells in rows_of(path)] == [["7", "8", "9"]]
    assert len(broken_of(path)) == 1


def test_rows_keep_their_numbers_over_many_chunks(tmp_path):
    wide = "x" * 1000
    lines = ["a,b"]
    lines += [
        "broken" if number % 501 == 0 else "" if number % 707 == 0 else f"{number},{wide}"
        for number in range(2, 3 * BLOCK_BYTES // 1000)
    ]
    path = write(tmp_path / "a.csv", "\n".join(lines))
    chunks = list(read_rows(open_table(path)))
    assert len(chunks) >= 3
    assert all(str(number) == cells[0] for number, cells in rows_of(path))
    assert [row[0] for row in broken_of(path)] == [
        n for n in range(2, 3 * BLOCK_BYTES // 1000) if n % 501 == 0
    ]
    done = [chunk.done for chunk in chunks]
    assert done == sorted(done)
    assert done[-1] <= path.stat().st_size


def test_only_some_columns(tmp_path):
    path = write(tmp_path / "a.csv", "a,b,c\n1,2,3\n")
    (chunk,) = read_rows(open_table(path), ["c", "a"])
    assert list(chunk.rows.columns) == ["c", "a"]
    assert chunk.rows.iloc[0].tolist() == ["3", "1"]


def test_title_above_the_heading_is_passed_over(tmp_path):
    path = write(tmp_path / "a.csv", "新塍镇隐患台账,,\n\n编号,时间,地点\n1,2,3\n")
    table = open_table(path)
    assert (table.headings, table.heading_row) == (("编号", "时间", "地点"), 3)
    assert rows_of(path) == [(4, ["1", "2", "3"])]


def test_heading_over_two_lines_is_one_row(tmp_path):
    path = write(tmp_path / "a.csv", '"经度\n(GCJ-02)",纬度\n1,2\n3\n')
    assert open_table(path).headings == ("经度 (GCJ-02)", "纬度")
    assert rows_of(path) == [(2, ["1", "2"])]
    assert [row[0] for row in broken_of(path)] == [3]


def test_headings_are_made_distinct():
    assert distinct_headings(["备注", "", "备注", " a\n b ", "备注 (2)", "备注"]) == (
        "备注",
        "#2",
        "备注 (2)",
        "a b",
        "备注 (2) (2)",
        "备注 (3)",
    )


def test_reading_twice_gives_the_same(tmp_path):
    table = open_table(write(tmp_path / "a.csv", "a,b\n1,2\n"))
    assert [chunk.rows.to_dict() for chunk in read_rows(table)] == [
        chunk.rows.to_dict() for chunk in read_rows(table)
    ]


# -- workbooks ---------------------------------------------------------------------------------------


def workbook(path, *rows, second=None):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    if second:
        book.create_sheet(second).append(["x"])
    book.save(path)
    return path


def test_workbook_cells_become_the_text_that_people_see(tmp_path):
    path = workbook(
        tmp_path / "a.xlsx",
        ["台账", None, None, None],
        ["编号", "时间", "经度", "是否"],
        [169634966, dt.datetime(2025, 7, 3, 14, 5, 6), 120.61, True],
        [None, None, None, None],
        ["a", dt.date(2025, 7, 3), 45500.5, None],
        second="二月",
    )
    table = open_table(path)
    assert (table.heading_row, table.serials, len(table.other_sheets)) == (2, "1900", 1)
    assert rows_of(path) == [
        (3, ["169634966", "2025-07-03T14:05:06", "120.61", "TRUE"]),
        (5, ["a", "2025-07-03T00:00:00", "45500.5", ""]),
    ]


def test_workbook_with_rows_above_and_under_another_name(tmp_path):
    path = workbook(tmp_path / "a.xlsx", [], [], ["a", "b"], [1, 2]).rename(tmp_path / "a.csv")
    assert rows_of(path) == [(4, ["1", "2"])]


def test_empty_workbook_is_refused(tmp_path):
    with pytest.raises(EmptyFileError):
        open_table(workbook(tmp_path / "a.xlsx"))


def test_workbook_that_counts_from_1904(tmp_path):
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["a", "b"])
    book.active.append([1, 2])
    book.save(tmp_path / "a.xlsx")
    assert open_table(tmp_path / "a.xlsx").serials == "1904"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.xls", "xls"), ("a.et", "xls"), ("a.csv", "xls"), ("a.xlsb", "xlsb"), ("a.ods", "ods")],
)
def test_workbooks_of_every_kind_give_the_same_rows(tmp_path, made_files, name, kind):
    path = write(
        tmp_path / name,
        getattr(made_files, kind)([["编号", "地点", "经度"], ["A1", "", 120.61], [7, "北街", 1]]),
    )
    assert open_table(path).headings == ("编号", "地点", "经度")
    assert rows_of(path) == [(2, ["A1", "", "120.61"]), (3, ["7", "北街", "1"])]


@pytest.mark.parametrize("name", ["a.et", "a.xlsm", "a.xls", "a.csv"])
def test_xlsx_under_another_name_is_read_as_what_it_is(tmp_path, name):
    path = workbook(tmp_path / "b.xlsx", ["a", "b"], [1, 2]).rename(tmp_path / name)
    assert rows_of(path) == [(2, ["1", "2"])]


def test_text_named_as_a_workbook_is_read_as_text(tmp_path):
    path = write(tmp_path / "a.xlsx", "编号,地点\n1,北街\n".encode("gb18030"))
    assert (open_table(path).kind, rows_of(path)) == ("csv", [(2, ["1", "北街"])])


def test_sheet_that_begins_right_of_the_first_column(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["C3"], sheet["C4"], sheet["D4"], sheet["E4"] = "位置", "经度", "纬度", "x"
    sheet["E3"], sheet["F3"], sheet["F5"] = "情况", "时间", "7月"
    sheet["C5"], sheet["D5"], sheet["E5"] = 1, 2, 3
    for cells in ("C3:D3", "F3:F4"):
        sheet.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    assert open_table(tmp_path / "a.xlsx").headings == ("位置-经度", "位置-纬度", "情况-x", "时间")
    assert rows_of(tmp_path / "a.xlsx") == [(5, ["1", "2", "3", "7月"])]


# -- photos ------------------------------------------------------------------------------------------


def picture(path):
    PIL.Image.new("RGB", (8, 8)).save(path)
    return path


def test_picture_folder_of_pictures_and_archive_of_pictures_are_photos(tmp_path):
    one = picture(tmp_path / "a.jpg")
    (tmp_path / "b" / "c").mkdir(parents=True)
    picture(tmp_path / "b" / "c" / "d.jpg")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.write(one, "x/a.jpg")
        packed.writestr("__MACOSX/x/._a.jpg", b"x")
        packed.writestr("x/Thumbs.db", b"x")
    for path, count in ((one, 1), (tmp_path / "b", 1), (tmp_path / "a.zip", 1)):
        table = open_table(path)
        assert (table.kind, sum(len(chunk.rows) for chunk in read_rows(table))) == ("photos", count)


def test_folder_without_pictures_is_refused(tmp_path):
    write(tmp_path / "a.txt", "x")
    with pytest.raises(UnreadableFileError, match="without photos"):
        open_table(tmp_path)


# -- layers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["geojson", "gpkg", "shp"])
def test_layers_give_attributes_and_coordinates(tmp_path, ending):
    frame = gpd.GeoDataFrame(
        {"类别": ["电线", "道路"], "编号": [7, 8]},
        geometry=[shapely.Point(120.61, 30.8), shapely.Point(120.62, 30.81)],
        crs=4326,
    )
    path = tmp_path / f"a.{ending}"
    frame.to_file(path)
    table = open_table(path)
    assert table.headings == ("类别", "编号", "x (EPSG:4326)", "y (EPSG:4326)")
    assert rows_of(path) == [(1, ["电线", "7", "120.61", "30.8"]), (2, ["道路", "8", "120.62", "30.81"])]


def test_gbk_shapefile_without_its_encoding(tmp_path):
    frame = gpd.GeoDataFrame({"类别": ["电线"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4490)
    frame.to_file(tmp_path / "a.shp", encoding="GB18030")
    (tmp_path / "a.cpg").unlink(missing_ok=True)
    assert rows_of(tmp_path / "a.shp")[0][1][0] == "电线"
    assert open_table(tmp_path / "a.shp").crs == "EPSG:4490"


def test_shapefile_heading_cut_in_the_middle_of_a_character(tmp_path):
    frame = gpd.GeoDataFrame({"a234567890": ["电线"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4326)
    frame.to_file(tmp_path / "a.shp", encoding="UTF-8")
    table = (tmp_path / "a.dbf").read_bytes()
    (tmp_path / "a.dbf").write_bytes(table.replace(b"a234567890", "发生时间".encode()[:10]))
    assert open_table(tmp_path / "a.shp").headings[0] == "发生时"
    assert rows_of(tmp_path / "a.shp")[0][1][0] == "电线"


def test_packed_shapefile_in_gbk_without_its_encoding(tmp_path):
    frame = gpd.GeoDataFrame({"类别": ["电线"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4326)
    frame.to_file(tmp_path / "a.shp", encoding="GB18030")
    with zipfile.ZipFile(tmp_path / "上报.zip", "w") as packed:
        for ending in ("shp", "dbf", "shx", "prj"):
            packed.write(tmp_path / f"a.{ending}", f"导出/a.{ending}")
    table = open_table(tmp_path / "上报.zip")
    assert table.has_short_headings
    assert rows_of(tmp_path / "上报.zip") == [(1, ["电线", "120.61", "30.8"])]


def test_kml_placemarks_without_what_its_reader_adds(tmp_path):
    frame = gpd.GeoDataFrame({"Name": ["老供销社"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4326)
    frame.to_file(tmp_path / "a.kml", driver="KML")
    headings = open_table(tmp_path / "a.kml").headings
    assert "timestamp" not in headings
    assert "id" not in headings
    assert rows_of(tmp_path / "a.kml")[0][1][headings.index("Name")] == "老供销社"


def test_layer_row_without_a_shape_has_no_coordinates(tmp_path):
    frame = gpd.GeoDataFrame({"a": ["p", "q"]}, geometry=[None, shapely.Point(1, 2)], crs=4326)
    frame.to_file(tmp_path / "a.geojson")
    assert rows_of(tmp_path / "a.geojson")[0][1] == ["p", "", ""]


def test_projected_layer_keeps_its_metres(tmp_path):
    frame = gpd.GeoDataFrame({"a": ["p"]}, geometry=[shapely.Point(120.61, 30.8)], crs=4326).to_crs(4549)
    frame.to_file(tmp_path / "a.gpkg")
    table = open_table(tmp_path / "a.gpkg")
    assert table.crs == "EPSG:4549"
    assert float(rows_of(tmp_path / "a.gpkg")[0][1][1]) == pytest.approx(frame.geometry.x[0], abs=1e-6)


def test_a_separator_inside_quotes_joins_no_lines(tmp_path):
    (tmp_path / "a.csv").write_text('"",";"\n"",""\n', encoding="utf-8")
    table = open_table(tmp_path / "a.csv")
    assert table.separator == ","
    assert sum(len(chunk.rows) + chunk.blank for chunk in read_rows(table)) == 1
