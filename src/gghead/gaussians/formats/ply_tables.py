"""Tables of a PLY file, of any tool: header, then rows of numbers, as text or binary in either byte order.

Nothing in the header is believed before it is compared with the bytes that follow.

Source: Turk 1994, "The PLY polygon file format".
"""

import re
from dataclasses import dataclass

import numpy as np

from gghead.config.printable import listed, printable

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
SCALARS = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip
MAX_DIGITS = 18
"""Of a count; more Gaussians than that are in no file."""
MAX_PROPERTIES = 1000
"""Of an element; files of Gaussians have up to 100."""


@dataclass(frozen=True)
class Element:
    """One kind of rows in a file.

    Attributes:
        name: as the header has it.
        count: of rows.
        fields: name and type of each number, without byte order.
        lists: whether a row also holds lists, so that rows differ in length.
    """

    name: str
    count: int
    fields: tuple[tuple[str, str], ...] = ()
    lists: bool = False


def read_tables(content: bytes, name: str, wanted: tuple[str, ...]) -> tuple[np.ndarray | None, ...]:
    """The rows of some elements of a PLY file, as structured arrays; None for those that it does not have.

    Raises:
        ValueError: no PLY, cut off, a header that says nonsense, or lists in or before the wanted elements.
    """
    order, elements, body = read_header(content.removeprefix(BYTE_ORDER_MARK), name)
    last = max((number for number, element in enumerate(elements) if element.name in wanted), default=-1)
    needed = elements[: last + 1]
    if any(element.lists and (order or element.name in wanted) for element in needed):
        raise ValueError(f"{name} holds lists in or before its vertices, which are not read; write it without faces")
    for element in elements:
        names = [field for field, _ in element.fields]
        if len(set(names)) < len(names):
            raise ValueError(f"{name} names a property of {printable(element.name)} twice")
    tables = _rows_of_text(body, needed, name) if not order else _rows_of_bytes(body, needed, order, name)
    return tuple(tables.get(element) for element in wanted)


def read_header(content: bytes, name: str) -> tuple[str, list[Element], bytes]:
    """Byte order ("" for text), elements, and what follows the header.

    Raises:
        ValueError: it is none.
    """
    start = re.match(rb"ply[ \t]*(\r\n|\n|\r)", content)
    end = start and re.search(start[1] + rb"end_header[ \t]*" + start[1], content)
    if not start or not end:
        raise ValueError(f"{name} is no PLY file: it has no PLY header")
    lines = content[start.end() : end.start()].decode("ascii", errors="replace").split(start[1].decode())
    order: str | None = None
    elements: list[Element] = []
    for line in lines:
        word, *rest = line.split() or [""]
        if word == "format":
            order = FORMATS.get(rest[0]) if rest[1:] == ["1.0"] else None
            if order is None:
                raise ValueError(
                    f"{name} has the format '{printable(' '.join(rest))}'; expected {listed([*FORMATS])} 1.0"
                )
        elif word == "element":
            elements.append(_element(rest, name))
        elif word == "property":
            elements[-1:] = [_with_property(elements[-1:], rest, name)]
        elif word not in ("", "comment", "obj_info"):
            raise ValueError(f"{name} has the line '{printable(line)}' in its header, which PLY files do not have")
    if order is None:
        raise ValueError(f"{name} does not say its format; expected a line like: format binary_little_endian 1.0")
    names = [element.name for element in elements]
    if len(set(names)) < len(names):
        raise ValueError(f"{name} announces an element twice: {listed(names)}")
    return order, elements, content[end.end() :]


def _element(words: list[str], name: str) -> Element:
    if len(words) != 2 or not re.fullmatch(r"[0-9]+", words[1]) or len(words[1]) > MAX_DIGITS:
        told = printable(" ".join(["element", *words]))
        raise ValueError(
            f"{name} has the line '{told}' in its header; expected a name and a number, like: element vertex 9"
        )
    return Element(words[0], int(words[1]))


def _with_property(last: list[Element], words: list[str], name: str) -> Element:
    """The last element with one property more."""
    lists = words[:1] == ["list"]
    types = words[1:-1] if lists else words[:-1]
    if not last or len(words) != (4 if lists else 2) or any(kind not in SCALARS for kind in types):
        told = printable(" ".join(["property", *words]))
        raise ValueError(
            f"{name} has the line '{told}' in its header; expected a type and a name, like: property float x"
        )
    element = last[0]
    if len(element.fields) == MAX_PROPERTIES:
        raise ValueError(f"{name} has more than {MAX_PROPERTIES} properties in {printable(element.name)}")
    fields = element.fields if lists else (*element.fields, (words[-1], SCALARS[types[0]]))
    return Element(element.name, element.count, fields, element.lists or lists)


def _rows_of_bytes(body: bytes, elements: list[Element], order: str, name: str) -> dict[str, np.ndarray]:
    tables: dict[str, np.ndarray] = {}
    start = 0
    for element in elements:
        row = np.dtype([(field, order + kind) for field, kind in element.fields])
        size = row.itemsize * element.count
        if len(body) - start < size:
            raise ValueError(
                f"{name} is cut off: {element.count} rows of {row.itemsize} bytes announced for "
                f"{printable(element.name)}, {len(body) - start} bytes there"
            )
        if row.itemsize:
            tables[element.name] = np.frombuffer(body, row, element.count, start)
        start += size
    return tables


def _rows_of_text(body: bytes, elements: list[Element], name: str) -> dict[str, np.ndarray]:
    lines = [line for line in body.splitlines() if line.strip()]
    tables: dict[str, np.ndarray] = {}
    start = 0
    for element in elements:
        rows = lines[start : start + element.count]
        start += element.count
        if len(rows) < element.count:
            raise ValueError(
                f"{name} is cut off: {element.count} lines announced for {printable(element.name)}, {len(rows)} there"
            )
        if element.lists or not element.fields:
            continue
        words = b" ".join(rows).split()
        if len(words) != element.count * len(element.fields):
            raise ValueError(
                f"{name} has {len(words)} numbers in {element.count} lines of {printable(element.name)}; "
                f"expected {len(element.fields)} in each"
            )
        try:
            # One by one: an array of texts has room for the longest in each place.
            numbers = np.fromiter(map(float, words), np.float64, len(words)).reshape(-1, len(element.fields))
        except ValueError as error:
            raise ValueError(f"{name} has words among its numbers: {printable(str(error))}") from error
        table = np.zeros(element.count, [(field, "f8") for field, _ in element.fields])
        for (field, _), column in zip(element.fields, numbers.T, strict=True):
            table[field] = column
        tables[element.name] = table
    return tables
