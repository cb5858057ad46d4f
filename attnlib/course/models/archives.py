"""The two kinds of file that torch.save writes: a description, and storages beside it."""

import mmap
import struct
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZIP_STORED, ZipFile

import torch

from attnlib.course.models.pickles import DTYPES, describe

PICKLE = 1 << 23  # bytes; what takes more is hardly the names of parameters, some 130 bytes each
MAGIC = 0x1950A86A20F9469CFC6C  # the first number in files of before PyTorch 1.6


class Archive(NamedTuple):
    """`described`, see `describe`; the bytes of each storage by its key, and how to read them."""

    described: Any
    sizes: dict[str, int]
    read: Callable[[str], bytearray]


def open_archive(file: BinaryIO) -> Archive:
    """What a file of torch.save holds. Only its description is read, at most 8 MB.

    Raises AsksForCode; for what is no such file any exception. So does `read` where the bytes do
    not have the checksum that was written with them.
    """
    zipped = file.read(4) == b"PK\x03\x04"
    return _open_zip(file) if zipped else _open_legacy(file)


def _open_zip(file):
    """A zip with data.pkl, and each storage in a record of its own."""
    archive, size = ZipFile(file), file.seek(0, 2)
    infos = archive.infolist()
    records = {info.filename.partition("/")[2]: info for info in infos}
    if any(info.compress_type != ZIP_STORED for info in infos):
        raise ValueError("it is compressed, which torch.save never does")
    if sum(max(info.file_size, info.compress_size) for info in infos) > size:
        raise ValueError("its records are larger than the file")

    def read(name):
        info = records[name]
        info.CRC = info.CRC or None  # torch.save may be told to write none; then 0 stands there
        return bytearray(archive.read(info))

    order = read("byteorder").decode() if "byteorder" in records else sys.byteorder
    _check_order(order == sys.byteorder)
    if records["data.pkl"].file_size > PICKLE:
        raise ValueError(f"beside numbers it holds more than {PICKLE >> 20} MB")
    described, _ = describe(BytesIO(read("data.pkl")))
    return Archive(
        described,
        {name[5:]: info.file_size for name, info in records.items() if name.startswith("data/")},
        lambda key: read(f"data/{key}"),
    )


def _open_legacy(file):
    """Five pickles: a magic number, a version, the machine, the description, the storages' keys.

    Then each storage, in the order of the keys: how many numbers, and the numbers.
    """
    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    head = BytesIO(content[:PICKLE])
    (magic, _), _, (machine, _) = describe(head), describe(head), describe(head)
    if magic != MAGIC:
        raise ValueError("it does not begin as torch.save begins")
    _check_order(machine["little_endian"] == (sys.byteorder == "little"))
    (described, types), (keys, _) = describe(head), describe(head)
    at, places = head.tell(), {}
    for key in keys:
        (count,) = struct.unpack_from("=q", content, at)
        bytes = count * DTYPES.get(types[key], torch.uint8).itemsize
        at += 8
        if not 0 <= bytes <= len(content) - at:
            raise EOFError(f"{bytes} bytes should follow, and {len(content) - at} do")
        places[key] = slice(at, at + bytes)
        at += bytes
    return Archive(
        described,
        {key: place.stop - place.start for key, place in places.items()},
        lambda key: bytearray(content[places[key]]),
    )


def _check_order(same):
    if not same:
        raise ValueError("it was written by a machine with the other order of bytes")
