"""Valid files, damaged where it hurts: in lengths, sizes, colour types, order and metadata. Seeded."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.adapters import images_kinds as kinds

Random = random.Random
EXTREMES = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_PNG = b"\x89PNG\r\n\x1a\n"


def valid_files() -> list[bytes]:
    """One of every kind."""
    families = (kinds.jpegs, kinds.pngs, kinds.webps, kinds.tiffs)
    files = [data for family in families for _, data, _, _ in family()]
    formats: tuple[tuple[str, dict[str, object]], ...] = (("JPEG", {}), ("PNG", {}), ("WEBP", {}), ("TIFF", {}))
    return files + [kinds.with_orientation(kinds.RGB, 6, name, **options) for name, options in formats]


def mutants(seed: int) -> Iterator[bytes]:
    """Without end; the same for the same seed."""
    source = Random(seed)
    files = valid_files()
    while True:
        data = source.choice(files)
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            data = source.choice(MUTATIONS)(source, data)
        yield data


def _flip(source: Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(source.choice((1, 2, 8, 64)) if data else 0):
        reach = len(data) if source.random() < 0.3 else min(len(data), 256)
        damaged[source.randrange(reach)] = source.choice((0, 0xFF, source.randrange(256)))
    return bytes(damaged)


def _extreme(source: Random, data: bytes) -> bytes:
    """A number of 2 or 4 bytes in the header becomes huge or nothing."""
    size, order = source.choice((2, 4)), source.choice("<>")
    value = source.choice(EXTREMES) & (2 ** (8 * size) - 1)
    position = source.randrange(max(1, min(len(data), 400)))
    return data[:position] + struct.pack(f"{order}{'H' if size == 2 else 'I'}", value) + data[position + size :]


def _cut(source: Random, data: bytes) -> bytes:
    return data[: source.randrange(len(data) + 1)]


def _insert(source: Random, data: bytes) -> bytes:
    position = source.randrange(len(data) + 1)
    return data[:position] + source.randbytes(source.choice((1, 4, 100, 5000))) + data[position:]


def _splice(source: Random, data: bytes) -> bytes:
    """The beginning of this file and the end of itself, shifted."""
    a, b = source.randrange(len(data) + 1), source.randrange(len(data) + 1)
    return data[:a] + data[b:]


def _parts(data: bytes) -> list[bytes]:
    """Chunks, segments or table entries, so that they can be moved; what follows the header is one part."""
    if data.startswith(_PNG):
        return [data[:8], *_walk(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))]
    if data[:4] == b"RIFF":
        return [
            data[:12],
            *_walk(data, 12, lambda at: 8 + int.from_bytes(data[at + 4 : at + 8], "little") + 1 & ~1),
        ]
    if data[:2] == b"\xff\xd8":
        head = data.find(b"\xff\xda")
        parts = _walk(data[:head], 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
        return [data[:2], *parts, data[head:]]
    first = int.from_bytes(data[4:8], "little") + 2
    return [data[:first], *(data[at : at + 12] for at in range(first, first + 144, 12)), data[first + 144 :]]


def _walk(data: bytes, start: int, length_at: Callable[[int], int]) -> list[bytes]:
    parts: list[bytes] = []
    while start < len(data) and len(parts) < 200:
        end = start + length_at(start)
        parts.append(data[start:end])
        start = end
    return parts


def _rearrange(source: Random, data: bytes) -> bytes:
    """A part is doubled, dropped, moved, changed, or filled with noise; checksums and lengths are put right."""
    parts = _parts(data)
    one, other = source.randrange(len(parts)), source.randrange(len(parts))
    match source.randrange(5):
        case 0:
            parts.insert(other, parts[one])
        case 1:
            parts.pop(one)
        case 2:
            parts[one], parts[other] = parts[other], parts[one]
        case 3:
            parts[one] = _flip(source, parts[one])
        case _:
            head = 8 if data.startswith((_PNG, b"RIFF")) else 4
            parts[one] = parts[one][:head] + source.randbytes(max(0, len(parts[one]) - head))
    if data.startswith(_PNG):
        parts = [parts[0], *(_checked(part) for part in parts[1:])]
    joined = b"".join(parts)
    return joined[:4] + struct.pack("<I", len(joined) - 8) + joined[8:] if joined[:4] == b"RIFF" else joined


def _checked(chunk: bytes) -> bytes:
    """With the checksum of what it holds, else nothing behind it would be looked at."""
    return chunk[:-4] + struct.pack(">I", zlib.crc32(chunk[4:-4])) if len(chunk) >= 12 else chunk


def _declare(source: Random, data: bytes) -> bytes:
    """Other width, height, depth or colour type than the pixels have."""
    if data.startswith(_PNG):
        depth, colour = source.choice((1, 2, 4, 8, 16, 3)), source.choice((0, 2, 3, 4, 6, 5))
        size = [source.choice((0, 1, 160, 5000, 20_000, 0x7FFFFFFF)) for _ in range(2)]
        return (
            data[:8] + kinds.png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 1)) + data[33:]
        )
    if data[:2] == b"\xff\xd8":
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        sizes = struct.pack(">HH", *(source.choice((0, 1, 119, 5000, 65_535)) for _ in range(2)))
        return data[: frame + 5] + sizes + data[frame + 9 :]
    return _extreme(source, data)


def _garbage_exif(source: Random, data: bytes) -> bytes:
    exif = b"Exif\0\0" + source.choice((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"")) + source.randbytes(200)
    if data.startswith(_PNG):
        return data[:33] + kinds.png_chunk(b"eXIf", exif[6:]) + data[33:]
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    return _flip(source, data)


MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip,
    _extreme,
    _cut,
    _insert,
    _splice,
    _rearrange,
    _rearrange,
    _declare,
    _garbage_exif,
)
