"""Thousands of damaged and hostile files for the readers of parameters: `fuzzing.py COUNT SEED`.

It runs in a process of its own, whose memory is limited: 1 GB more than PyTorch takes. A file must
give parameters that the file can hold, or one of the errors that the docstrings name, within 20
seconds. Of any other the first is written down, with what it did.
"""

import io
import json
import random
import resource
import signal
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import torch

from attnlib.course.models.checkpoints import load_checkpoint
from attnlib.course.models.files import read_state_dict
from attnlib.course.models.nest import NestClassifier
from attnlib.course.models.scorer import FrameScorer

ROOM = 1 << 30  # bytes
SECONDS = 20  # of one file; it takes some milliseconds
NUMBERS = (0, 1, 2, 255, 256, 1 << 16, (1 << 31) - 1, (1 << 32) - 1, 1 << 40, (1 << 63) - 1)
INSTRUCTIONS = b"().0123QRXJKMNGcbqrhj]}etuasl\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x8f\x95"
SETTINGS = {
    "nest": {"num_heads": 1, "pad_type": ""},
    "pglsum": {"pos_enc": None, "fusion": "add"},
}


def seeds():
    """(extension, settings, bytes) of honest files of every kind."""
    torch.manual_seed(0)
    nest = NestClassifier(8, 1, 1, 2, 4, 1, 1, 2).state_dict()
    pglsum = FrameScorer(4, 8, num_segments=2, heads=2, fusion="add").published_state_dict()
    for name, state in (("nest", nest), ("pglsum", pglsum)):
        wrapped = {"epoch": 3, "state_dict": {f"module.{key}": v for key, v in state.items()}}
        for content in (state, wrapped):
            for zipped in (True, False):
                file = io.BytesIO()
                torch.save(content, file, _use_new_zipfile_serialization=zipped)
                yield ".pt", SETTINGS[name], file.getvalue()
        try:
            from safetensors.torch import save
        except ImportError:
            continue
        yield ".safetensors", SETTINGS[name], save(state)


def bent(content, draw):
    """Bytes with a few faults of any kind."""
    content = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 5))):
        at, size = draw.randrange(len(content) + 1), draw.choice((1, 2, 4, 8, 100))
        part = content[at : at + size]
        new = draw.choice(
            (
                b"",
                part * 2,
                bytes(len(part)),
                b"\xff" * len(part),
                draw.randbytes(len(part)),
                bytes([draw.choice(INSTRUCTIONS)]),
                struct.pack("<q", draw.choice(NUMBERS))[: draw.choice((1, 2, 4, 8))],
                content[(other := draw.randrange(len(content) + 1)) : other + size],
            )
        )
        kept = draw.random() < 0.7  # the length, and so the places of what follows
        content[at : at + (len(new) if kept else len(part))] = new
    return bytes(content[: draw.randrange(len(content) + 1)] if draw.random() < 0.05 else content)


def inside_zip(content, draw):
    """The same for one record of a zip, with checksums that fit."""
    file = io.BytesIO()
    how = draw.choice((zipfile.ZIP_STORED,) * 9 + (zipfile.ZIP_DEFLATED,))
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", how) as new:
        names = old.namelist()
        chosen = draw.choice(names + [name for name in names if name.endswith(".pkl")] * 20)
        for name in names:
            record = old.read(name)
            new.writestr(name, bent(record, draw) if name == chosen else record)
    return file.getvalue()


def inside_header(content, draw):
    """The same for the header of safetensors, whose stated length then fits."""
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    for _ in range(draw.choice((1, 2))):
        entry = header[draw.choice(list(header))]
        key = draw.choice(list(entry))
        entry[key] = draw.choice(
            (
                draw.choice(NUMBERS),
                [draw.choice(NUMBERS) for _ in range(draw.randrange(5))],
                draw.choice(("F32", "F4", "BOOL", "F8_E8M0", "I64", "C64", "", None)),
            )
        )
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + size :]


def mutated(suffix, content, draw):
    if draw.random() < 0.7:
        if content[:2] == b"PK":
            return inside_zip(content, draw)
        if suffix == ".safetensors":
            return inside_header(content, draw)
    return bent(content, draw)


def said(read, *arguments, **settings):
    """What a reader gives, and what it says if it refuses."""
    try:
        return read(*arguments, **settings), ""
    except ValueError as error:
        return None, str(error)


def judge(path, settings):
    """Raise unless what a file gives is what may come of it."""
    state, words = said(read_state_dict, path)
    if state is not None:
        total = sum(value.numel() * value.element_size() for value in state.values())
        assert total <= 16 * path.stat().st_size
        _, words = said(load_checkpoint, path, **settings)
    assert "MemoryError" not in words and "allocate" not in words, words
    return state is not None


def main(count, seed):
    draw, originals = random.Random(seed), list(seeds())
    limit = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            suffix, settings, content = draw.choice(originals)
            path = Path(folder) / f"x{suffix}"
            path.write_bytes(mutated(suffix, content, draw))
            signal.alarm(SECONDS)
            try:
                read += judge(path, settings)
            except BaseException:
                kept = Path(tempfile.mkdtemp()) / path.name
                kept.write_bytes(path.read_bytes())
                print(f"file {number} of seed {seed}, kept as {kept}", file=sys.stderr)
                raise
            signal.alarm(0)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{count} files, {read} of them read, {grown >> 10} MB more at most")


class TooLong(BaseException):
    """No reader may take it for an error of its own."""


def too_long(*_):
    raise TooLong(f"more than {SECONDS} s")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, too_long)
    main(*map(int, sys.argv[1:]))
