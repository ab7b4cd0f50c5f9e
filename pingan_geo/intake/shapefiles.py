"""Shapefiles as offices hand them over: packed, in folders, with tables in GBK that do not say so."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from pingan_geo.errors import LayerChoiceError, PinganError, UnreadableFileError
from pingan_geo.intake.archives import ZIP_DAMAGE, weigh_archive

_SHAPEFILE_PARTS = {".shp", ".shx", ".dbf", ".prj", ".cpg"}


@contextmanager
def unpack_shapefile(file: Path, kind: str, accepted: str) -> Iterator[Path]:
    """Give the Shapefile in an archive plain names: offices pack it in folders and with names in GBK.

    Parameters
    ----------
    file
        A ``.zip`` is unpacked; any other file is yielded as it is.
    kind
        Of several Shapefiles, the one with this name is taken.
    accepted
        Formats to name when there is none.

    Yields
    ------
    Path
        The file to read; gone afterwards when it was unpacked.

    Raises
    ------
    UnreadableFileError
        If the archive holds no Shapefile.
    LayerChoiceError
        If it holds several.
    TooLargeInsideError
        If it would unpack to too much; a ``.kmz`` too.
    """
    if file.suffix.lower() == ".kmz" and zipfile.is_zipfile(file):
        try:
            with zipfile.ZipFile(file) as packed:
                weigh_archive(file, packed)
        except PinganError:
            raise
        except ZIP_DAMAGE as error:
            raise UnreadableFileError(
                file=file.name, found="a damaged ZIP archive", accepted=accepted
            ) from error
    if file.suffix.lower() != ".zip":
        yield file
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            shape = _unpack(file, kind, accepted, Path(folder))
        except PinganError:
            raise
        except ZIP_DAMAGE as error:
            raise UnreadableFileError(
                file=file.name, found="a damaged ZIP archive", accepted=accepted
            ) from error
        yield shape


def _unpack(file: Path, kind: str, accepted: str, folder: Path) -> Path:
    with zipfile.ZipFile(file) as packed:
        weigh_archive(file, packed)
        names = [name for name in packed.namelist() if not name.startswith("__MACOSX/")]
        shapes = [name for name in names if name.lower().endswith(".shp")]
        chosen = [name for name in shapes if PurePosixPath(name).stem.lower() == kind] or shapes
        if not chosen:
            raise UnreadableFileError(
                file=file.name, found="an archive without a Shapefile", accepted=accepted
            )
        if len(chosen) > 1:
            raise LayerChoiceError(file=file.name, layers=", ".join(sorted(shapes)), kind=kind)
        for name in names:
            if name[:-4].lower() == chosen[0][:-4].lower() and name[-4:].lower() in _SHAPEFILE_PARTS:
                target = (folder / file.stem).with_suffix(name[-4:].lower())
                with packed.open(name) as source, target.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    return (folder / file.stem).with_suffix(".shp")


def table_encodings(file: Path) -> tuple[str | None, ...]:
    """Say which encodings to try, in order; ``None`` leaves it to GDAL.

    A Shapefile often does not say its encoding: Chinese offices then mean GBK, and GDAL would say Latin-1.
    """
    table = next((file.with_suffix(end) for end in (".dbf", ".DBF") if file.with_suffix(end).is_file()), None)
    told = any(file.with_suffix(end).is_file() for end in (".cpg", ".CPG"))
    if file.suffix.lower() != ".shp" or table is None or told:
        return (None,)
    with table.open("rb") as stream:
        language = stream.read(30)[29:30]
    return ("UTF-8", "GB18030") if language in {b"", b"\x00", b"\x57"} else (None,)
