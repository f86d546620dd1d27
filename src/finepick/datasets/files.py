"""Label files as text: numbered lines, CSV rows, checked cells, and files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import filecmp
import itertools
import math
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from finepick.datasets.records import Dataset
from finepick.errors import DatasetError, OutputError

LINE_BYTES = 64 << 20
SHOWN = 60

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: a file and, from 1, its line (or row, or entry: what *unit* says)."""

    path: str
    line: int | None = None
    unit: str = "line"

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def error(self, what: str, advice: str) -> DatasetError:
        """The error to raise for *what* is wrong here; *advice* says what to do."""
        where = self.path if self.line is None else f"{self.path}, {self.unit} {self.line}"
        return DatasetError(f"{where}: {what}; {advice}", path=self.path, line=self.line)


def lines_of(path: str, *, keep_ends: bool = False) -> Iterator[tuple[Place, str]]:
    """Every line of the text file *path* with its place, one at a time, without its end unless *keep_ends*.

    A byte-order mark at the beginning is dropped; lines end in LF or CRLF. Raises DatasetError for a file that
    cannot be read, is not UTF-8, or has a line of more than 64 MiB.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # to open a pipe would wait for ever
            raise Place(path).error("this is not a regular file", "give a file of labels")
        with open(path, "rb") as file:
            number = 0
            while content := file.readline(LINE_BYTES + 1):
                number += 1
                place = Place(path, number)
                text = _decode(place, content)
                yield place, text if keep_ends else text.removesuffix("\n").removesuffix("\r")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DatasetError(
            f"{path} cannot be read, {reason}; check the name and its permissions", path=path
        ) from error


def _decode(place: Place, content: bytes) -> str:
    if len(content) > LINE_BYTES:
        raise place.error("this line is longer than 64 MiB", "check that this is a file of labels")
    if place.line == 1:
        content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise place.error("this is not UTF-8", "save the file as UTF-8 and try again") from error


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a CSV file: its cells, as they stand, by the names in the header."""

    place: Place
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell without blanks around it, "" where the file has no such column."""
        return self.cells.get(column, "").strip()

    def number(self, column: str, *, low: float = -math.inf, high: float = math.inf) -> float:
        """The cell as a finite number from *low* to *high*. Raises DatasetError."""
        return number_of(self.text(column), column, self.place, low=low, high=high)

    def number_or_none(self, column: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
        """The same, None for an empty cell."""
        return self.number(column, low=low, high=high) if self.text(column) else None

    def count_or_none(self, column: str, *, low: int = 0) -> int | None:
        """The cell as a whole number of at least *low*, None for an empty cell. Raises DatasetError."""
        return count_of(self.text(column), column, self.place, low=low) if self.text(column) else None


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: its columns, and its rows, which are read as they are asked for."""

    path: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


def read_table(path: str, *, separator: str = ",") -> Table:
    """The CSV file *path* (first line = names of columns); empty lines are left out.

    Raises DatasetError for a file without a header, a name twice, a row that is longer or shorter than the
    header (the rows while they are read).
    """
    records = _records(path, separator)
    place, header = next(records, (Place(path, 1), []))
    columns = tuple(name.strip() for name in header)
    if not columns:
        raise place.error("this file is empty", "the first line has to name the columns")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise place.error(f"the column '{shown(twice)}' is there twice", "rename one of them")
    return Table(path, columns, _rows(columns, records))


def _rows(columns: tuple[str, ...], records: Iterator[tuple[Place, list[str]]]) -> Iterator[Row]:
    for place, cells in records:
        if len(cells) != len(columns):
            raise place.error(
                f"{len(cells)} fields where the header has {len(columns)}",
                "quote fields that hold commas and leave none out",
            )
        yield Row(place, dict(zip(columns, cells, strict=True)))


def _records(path: str, separator: str) -> Iterator[tuple[Place, list[str]]]:
    reader = csv.reader(
        (text for _, text in lines_of(path, keep_ends=True)), delimiter=separator, strict=True
    )
    while True:
        place = Place(path, reader.line_num + 1)  # a quoted field may run over several lines
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise place.error(f"this is not CSV ({error})", "check the quotes and the commas") from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield place, cells


def number_of(text: str, what: str, place: Place, *, low: float = -math.inf, high: float = math.inf) -> float:
    """*text* as a finite number from *low* to *high*. Raises DatasetError."""
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise place.error(f"{what} is '{shown(text)}'", "it has to be a number")
    if not low <= value <= high:
        raise place.error(f"{what} is {shown(text)}", f"it has to be {_range(low, high)}")
    return value


def count_of(text: str, what: str, place: Place, *, low: int = 0) -> int:
    """*text* as a whole number of at least *low* ("140" or "140.0"). Raises DatasetError."""
    value = number_of(text, what, place, low=low)
    if not value.is_integer() or value > 2**53:
        raise place.error(f"{what} is {shown(text)}", "it has to be a whole number")
    return int(value)


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {low:g}"
    return f"from {low:g} to {high:g}"


def photo_name(name: object, place: Place) -> str:
    """*name* as the path of a photo inside the data set's folder, exactly as it is spelt.

    Raises DatasetError for a path that is absolute or that climbs out by "..", on whatever system.
    """
    if not isinstance(name, str) or not name.strip():
        raise place.error(f"a photo is called {shown(name)!r}", "it has to be the path of a file")
    if "\0" in name:
        raise place.error("a photo's path holds a NUL", "no file is called so; correct it")
    if _ABSOLUTE.match(name):
        raise place.error(
            f"the photo '{shown(name)}' has an absolute path", "give it relative to the data set's folder"
        )
    if ".." in re.split(r"[/\\]", name):
        raise place.error(
            f"the photo '{shown(name)}' lies outside the data set's folder",
            "photos have to lie below it; leave out '..'",
        )
    return name


def shown(value: object) -> str:
    """*value* for a message: short, on one line, whatever it holds."""
    text = value if isinstance(value, str) else repr(value)
    text = "".join(char if char.isprintable() else "?" for char in text[: SHOWN + 1])
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def listed(names: Iterable[str], limit: int = 5) -> str:
    """*names* in words: the first few, and how many more there are."""
    names = list(names)
    rest = len(names) - limit
    return ", ".join(map(shown, names[:limit])) + (f" and {rest} more" if rest > 0 else "")


def missing_photos(dataset: Dataset) -> tuple[str, ...]:
    """The photos that *dataset* names and that are not in its folder, each once, in its order."""
    names = [name for series in dataset.series for name in series.photos]
    names.extend(photo.file for photo in dataset.photos)
    return tuple(
        name for name in dict.fromkeys(names) if not os.path.isfile(os.path.join(dataset.folder, name))
    )


def copy_photos(source: str, names: Iterable[tuple[str, str]], target: str) -> None:
    """Copy photos from *source* to *target*; *names*: the path in the one, and that in the other.

    A file that is there already with the same content stays. Raises OutputError for one with other content,
    and where a photo cannot be read or its copy cannot be written.
    """
    for old, new in names:
        origin, copy = os.path.join(source, old), os.path.join(target, new)
        if os.path.realpath(origin) == os.path.realpath(copy):
            continue
        try:
            if os.path.lexists(copy):
                if not filecmp.cmp(origin, copy, shallow=False):
                    raise OutputError(
                        f"{copy} is there with another content; choose an empty folder", path=copy
                    )
                continue
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with _written_aside(copy) as temporary:
                shutil.copyfile(origin, temporary)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(f"{origin} cannot be copied to {copy}, {reason}", path=origin) from error


def write_file(path: str, chunks: Iterable[bytes], *, overwrite: bool = False) -> None:
    """Write *chunks* to *path*, which is never there half written; missing folders are made.

    Raises OutputError where it cannot be written, or holds something else and *overwrite* is not given.
    """
    try:
        os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        with _written_aside(path) as temporary:
            with os.fdopen(os.open(temporary, _NEW_FILE, 0o666), "wb") as file:
                file.writelines(chunks)
                file.flush()
                os.fsync(file.fileno())
            if not overwrite and os.path.lexists(path) and not filecmp.cmp(temporary, path, shallow=False):
                raise OutputError(
                    f"{path} is there already and holds something else; choose another folder", path=path
                )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"{path} cannot be written, {reason}; choose another place and try again", path=path
        ) from error


@contextlib.contextmanager
def _written_aside(path: str) -> Iterator[str]:
    """A name beside *path* to write to; renamed to *path* afterwards, removed where the block fails."""
    temporary = os.path.join(os.path.dirname(path), f".finepick-{secrets.token_hex(8)}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """A CSV file (RFC 4180 quoting, UTF-8, LF), a row at a time.

    Raises DatasetError for text that UTF-8 cannot hold.
    """
    for row in itertools.chain([columns], rows):
        text = ",".join(map(_cell, row)) + "\n"
        try:
            yield text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DatasetError(
                f"'{shown(row[0])}' is not UTF-8, which CSV has to be; rename the photo, or use series.jsonl"
            ) from error


def _cell(text: str) -> str:
    if text != text.strip() or any(char in text for char in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
