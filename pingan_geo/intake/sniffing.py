"""What a file is, by its bytes and not by its name."""

from __future__ import annotations

import codecs
import zipfile
import zlib
from pathlib import Path

from pingan_geo.intake.raw import refuse

#: First bytes → what the file is, for files that cannot be read.
_OTHER_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"PAR1", "a Parquet table"),
    (b"{\\rtf", "an RTF document"),
)


def family_of(path: Path, start: bytes) -> str:
    """Return ``text``, ``workbook`` or ``layer``."""
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _family_of_zip(path)
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _family_of_ole(path)
    if start.startswith(b"SQLite format 3\x00"):
        if start[68:72] in {b"GPKG", b"GP10", b"GP11"}:
            return "layer"
        raise refuse(path, "an SQLite database")
    if start.startswith(b"\x00\x00\x27\x0a"):
        if path.suffix.lower() == ".shp":
            return "layer"
        raise refuse(path, "a part of a Shapefile; choose the file ending in .shp")
    for signature, found in _OTHER_KINDS:
        if start.startswith(signature):
            raise refuse(path, found)
    if path.suffix.lower() in {".dbf", ".shx", ".prj"} and b"\x00" in start:
        raise refuse(path, "a part of a Shapefile; choose the file ending in .shp")
    return _family_of_text(path, start)


def _family_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as packed:
            names = set(packed.namelist())
            kind = _start_of(packed, "mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError) as error:
        raise refuse(path, "a damaged ZIP archive") from error
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names or b"opendocument.spreadsheet" in kind:
        return "workbook"
    if "word/document.xml" in names:
        raise refuse(path, "a Word document")
    if "ppt/presentation.xml" in names:
        raise refuse(path, "a PowerPoint presentation")
    if any(name.lower().endswith((".shp", ".kml")) for name in names) and path.suffix.lower() in {
        ".zip",
        ".kmz",
    }:
        return "layer"
    raise refuse(path, "a ZIP archive")


def _start_of(packed: zipfile.ZipFile, name: str) -> bytes:
    with packed.open(name) as stream:
        return stream.read(60)


def _family_of_ole(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(16 << 20)
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise refuse(path, "a workbook protected by a password; save it without one")
    if "WordDocument".encode("utf-16-le") in content:
        raise refuse(path, "a Word document")
    return "workbook"


def _family_of_text(path: Path, start: bytes) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text"
    if b"\x00" in start:
        raise refuse(path, "a binary file")
    head = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")) or (head.startswith(b"<") and b"<table" in head):
        raise refuse(path, "a web page (HTML); open it in a spreadsheet program and save it as XLSX")
    if head.startswith(b"<"):
        if b"<kml" in head:
            return "layer"
        if b"schemas-microsoft-com:office:spreadsheet" in head:
            raise refuse(path, "an XML spreadsheet of 2003; save it as XLSX")
        raise refuse(path, "an XML file")
    if head.startswith((b"{", b"[")):
        if b"featurecollection" in head or b'"feature"' in head or b'"features"' in head:
            return "layer"
        raise refuse(path, "a JSON file without features")
    return "text"
