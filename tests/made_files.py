"""Files in formats that no library here writes, made byte by byte from their specifications."""

from __future__ import annotations

import io
import struct
import zipfile

_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR = 512


def xls(rows, merges=(), name="Sheet1", *, locked=False) -> bytes:
    """An Excel 97 workbook (BIFF8 in an OLE container), as Excel 2003 and WPS (.et) write it."""

    def record(kind, body=b""):
        return struct.pack("<HH", kind, len(body)) + body

    cells = b""
    for row, line in enumerate(rows):
        for column, value in enumerate(line):
            at = struct.pack("<HHH", row, column, 0)
            if isinstance(value, (int, float)):
                cells += record(0x0203, at + struct.pack("<d", value))
            elif value:
                text = value.encode("utf-16-le")
                cells += record(0x0204, at + struct.pack("<HB", len(text) // 2, 1) + text)
    if merges:
        ranges = b"".join(
            struct.pack("<HHHH", top, bottom, left, right) for top, left, bottom, right in merges
        )
        cells += record(0x00E5, struct.pack("<H", len(merges)) + ranges)
    width = max(map(len, rows), default=0)
    sheet = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    sheet += record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0)) + cells + record(0x000A)
    title = name.encode("utf-16-le")
    start = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    if locked:
        start += record(0x002F, struct.pack("<HHH", 1, 1, 1))
    start += record(0x0042, struct.pack("<H", 1200))
    length = len(start) + 4 + 8 + len(title) + 4
    bound = record(0x0085, struct.pack("<IBBBB", length, 0, 0, len(title) // 2, 1) + title)
    return ole({"Workbook": start + bound + record(0x000A) + sheet})


def ole(streams) -> bytes:
    """An OLE container that holds streams."""
    sectors: list[bytes] = []
    chain: list[int] = []
    entries = []
    for name, content in streams.items():
        content = content.ljust(4096, b"\x00")
        count = -(-len(content) // _SECTOR)
        entries.append((name, 2, len(chain), len(content)))
        chain += [*range(len(chain) + 1, len(chain) + count), _END]
        sectors += [
            content[at : at + _SECTOR].ljust(_SECTOR, b"\x00") for at in range(0, len(content), _SECTOR)
        ]
    directory = b""
    for place, (name, kind, first, size) in enumerate([("Root Entry", 5, _END, 0), *entries]):
        text = (name + "\x00").encode("utf-16-le")
        child = 1 if kind == 5 and entries else _FREE
        right = place + 1 if kind == 2 and place < len(entries) else _FREE
        directory += text.ljust(64, b"\x00") + struct.pack("<HBBIII", len(text), kind, 1, _FREE, right, child)
        directory += b"\x00" * 36 + struct.pack("<IQ", first, size)
    directory = directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\x00")
    directory_at, count = len(chain), len(directory) // _SECTOR
    chain += [*range(directory_at + 1, directory_at + count), _END]
    sectors += [directory[at : at + _SECTOR] for at in range(0, len(directory), _SECTOR)]
    fat_at = len(chain)
    chain.append(_FAT)
    assert len(chain) <= 128  # one sector of the table is enough here
    sectors.append(struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain))))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += b"\x00" * 6 + struct.pack("<IIIIIIIII", 0, 1, directory_at, 0, 4096, _END, 0, _END, 0)
    header += struct.pack("<109I", fat_at, *[_FREE] * 108)
    return header + b"".join(sectors)


def ods(rows, *, locked=False) -> bytes:
    """An OpenDocument spreadsheet."""

    def cell(value):
        if isinstance(value, (int, float)):
            return f'<table:table-cell office:value-type="float" office:value="{value}"/>'
        if not value:
            return "<table:table-cell/>"
        return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, line))}</table:table-row>" for line in rows)
    namespaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    key = "<manifest:encryption-data/>" if locked else ""
    files = {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": f'<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:'
        f'opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml">{key}'
        "</manifest:file-entry></manifest:manifest>",
        "content.xml": f'<?xml version="1.0"?><office:document-content {namespaces}><office:body>'
        f'<office:spreadsheet><table:table table:name="Sheet1">{lines}</table:table></office:spreadsheet>'
        "</office:body></office:document-content>",
    }
    return packed(files)


def xlsb(rows) -> bytes:
    """A binary workbook of Excel 2007 (BIFF12)."""

    def record(kind, body=b""):
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        size = len(body)
        length = b""
        while True:
            length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
            size >>= 7
            if not size:
                return head + length + body

    def wide(text):
        return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")

    width = max(map(len, rows))
    sheet = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)) + record(145)
    for row, line in enumerate(rows):
        sheet += record(0, struct.pack("<IIHHB", row, 0, 300, 0, 0) + struct.pack("<I", 0))
        for column, value in enumerate(line):
            at = struct.pack("<II", column, 0)
            if isinstance(value, (int, float)):
                sheet += record(5, at + struct.pack("<d", value))
            elif value:
                sheet += record(6, at + wide(value))
    sheet += record(146) + record(130)
    book = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Sheet1"))
    book += record(144) + record(132)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    files = {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        'content-types"/>',
        "xl/workbook.bin": book,
        "xl/_rels/workbook.bin.rels": '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/'
        f'package/2006/relationships"><Relationship Id="rId1" Type="{kind}" Target="worksheets/sheet1.bin"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.bin": sheet,
    }
    return packed(files)


def packed(files, method=zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP archive with these files; the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return buffer.getvalue()
