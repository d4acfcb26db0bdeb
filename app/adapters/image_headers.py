"""What a picture would cost, by its header: refused before a library works on it.

Few bytes can ask for much work: scans over all pixels, segments and chunks that are walked one by one in
Python while the interpreter's lock is held, colour profiles that unfold a thousandfold, tags and strips of a
TIFF that all lie upon each other. The figures beside the limits were measured with files of 5 MB.
"""

from __future__ import annotations

import struct

from PIL import Image, JpegImagePlugin, TiffImagePlugin

MAX_JPEG_SCANS = 32
"""Progressive JPEGs have about ten. Each scan is a pass over all pixels and may be 12 bytes long: without
a limit a frame of 256 kB keeps a core busy for 40 s."""

MAX_JPEG_STEPS = 20_000
"""Segments, and bytes between them, before the first scan; photographs have some twenty."""

MAX_PNG_CHUNKS = 10_000
"""A picture of 5 MB in chunks of 8 kB has 640. 400,000 took 4 s."""

MAX_PNG_PROFILES = 4
"""One is allowed. 4,000 of a kilobyte, a megabyte each when unfolded, took 12 s."""

MAX_TIFF_TAGS = 1000
MAX_OVERLAP = 2
"""How many times over the tags, or the strips, of a TIFF may cover its file. 1,000 tags upon the same 4 MB took
3.9 GB and 45 s."""

MAX_DECODING_BYTES = 270_000_000
"""What a decoder may need: with the rest of a check this stays under 300 MB. Only 16-bit pictures in one piece
and progressive CMYK JPEGs of more than 22 megapixels need more."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN = b"\xff\xda"
_STANDALONE_MARKERS = (0x01, *range(0xD0, 0xD9))

# TIFF 6.0, section 2: bytes of each type of value; the last three are BigTIFF's.
_UNIT_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4} | dict.fromkeys(
    (16, 17, 18), 8
)
_TIFF_ORDERS = {b"II*\0": "<", b"II+\0": "<", b"MM\0*": ">", b"MM\0+": ">"}
_BITS_PER_SAMPLE, _PHOTOMETRIC, _ROWS_PER_STRIP, _STRIP_BYTES, _PLANES = 258, 262, 278, 279, 284
_TILE_WIDTH, _TILE_LENGTH, _TILE_BYTES = 322, 323, 325
_YCBCR, _SEPARATE = 6, 2


def excess(data: bytes) -> str | None:
    """What the file has too much of, by its bytes alone; None where nothing."""
    if data.startswith(_JPEG):
        if data.count(_START_OF_SCAN) > MAX_JPEG_SCANS:
            return "scans"
        return "segments" if _jpeg_steps(data) > MAX_JPEG_STEPS else None
    if data.startswith(_PNG):
        chunks, profiles = _png_chunks(data)
        return "chunks" if chunks > MAX_PNG_CHUNKS or profiles > MAX_PNG_PROFILES else None
    if data[:4] in _TIFF_ORDERS:
        tags, covered = _tiff_tags(data)
        return "tags" if tags > MAX_TIFF_TAGS or covered > MAX_OVERLAP * len(data) else None
    return None


def _jpeg_steps(data: bytes) -> int:
    """Steps that a reader takes to the first scan, where it does not give up before; stops beyond the limit."""
    steps, position = 0, 2
    while steps <= MAX_JPEG_STEPS and position + 4 <= len(data):
        if data[position] != 0xFF or data[position + 1] in (0x00, 0xFF):
            following = data.find(b"\xff", position + 1)
            if following < 0:
                break
            steps += following - position
            position = following
            continue
        steps += 1
        marker = data[position + 1]
        if marker == _START_OF_SCAN[1]:
            break
        length = 0 if marker in _STANDALONE_MARKERS else int.from_bytes(data[position + 2 : position + 4], "big")
        position += 2 + length
    return steps


def _png_chunks(data: bytes) -> tuple[int, int]:
    """How many there are, and how many colour profiles among them; stops beyond the limit."""
    chunks, profiles, position = 0, 0, len(_PNG)
    while chunks <= MAX_PNG_CHUNKS and position + 8 <= len(data):
        chunks += 1
        profiles += data[position + 4 : position + 8] == b"iCCP"
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return chunks, profiles


def _tiff_tags(data: bytes) -> tuple[int, int]:
    """How many the first directory has, and how many bytes of the file they cover, each counted for itself."""
    order = _TIFF_ORDERS[data[:4]]
    is_big = b"+" in data[:4]
    try:
        start = struct.unpack_from(f"{order}Q" if is_big else f"{order}I", data, 8 if is_big else 4)[0]
        count_format, entry = (f"{order}Q", f"{order}HHQ8x") if is_big else (f"{order}H", f"{order}HHI4x")
        count = struct.unpack_from(count_format, data, start)[0]
        directory = data[start + struct.calcsize(count_format) :][: MAX_TIFF_TAGS * struct.calcsize(entry)]
    except (struct.error, OverflowError):
        return 0, 0
    whole = len(directory) // struct.calcsize(entry) * struct.calcsize(entry)
    sizes = [
        values * _UNIT_BYTES.get(unit, 0)
        for _, unit, values in list(struct.iter_unpack(entry, directory[:whole]))[:count]
    ]
    return count, sum(size for size in sizes if size <= len(data))  # what is larger cannot be read


def is_too_costly(picture: Image.Image, data: bytes, limit_bytes: float) -> bool:
    """Whether the decoder would need more memory than that, or read parts of the file again and again."""
    try:
        return _overlaps(picture, len(data)) or _decoding_bytes(picture, data) > limit_bytes
    except Exception:  # noqa: BLE001 - whatever a stranger's tags hold in the place of numbers
        return True


def _overlaps(picture: Image.Image, size: int) -> bool:
    """Whether the strips or tiles of a TIFF cover its file of `size` bytes several times over."""
    tags = getattr(picture, "tag_v2", {})
    parts = tags.get(_STRIP_BYTES) or tags.get(_TILE_BYTES) or ()
    return sum(count for count in parts if isinstance(count, int)) > MAX_OVERLAP * size


def _decoding_bytes(picture: Image.Image, data: bytes) -> int:
    """What Pillow's picture and the decoder's own buffers take. PNG and still WebP need little beside it."""
    pixels = picture.width * picture.height
    own = pixels * (1 if picture.mode in ("1", "L", "P") else 4)
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        return own + _part_bytes(picture)
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        has_several_scans = "progressive" in picture.info or _samples_of_last_scan(data) < picture.layers
        return own + (2 * pixels * picture.layers if has_several_scans else 0)
    return own


def _samples_of_last_scan(data: bytes) -> int:
    """A thumbnail's scan comes first."""
    return int.from_bytes(data[data.rfind(_START_OF_SCAN) + 4 :][:1], "big")


def _part_bytes(picture: TiffImagePlugin.TiffImageFile) -> int:
    """One strip or tile of a TIFF, which libtiff unpacks in one piece."""
    tags = picture.tag_v2
    rows = min(tags.get(_ROWS_PER_STRIP, picture.height), picture.height)
    part = tags.get(_TILE_WIDTH, picture.width) * tags.get(_TILE_LENGTH, rows)
    bits = tags.get(_BITS_PER_SAMPLE, (1,))
    depth = max(bits) if tags.get(_PLANES) == _SEPARATE else sum(bits)
    return int(part * depth // 8 + (4 * part if tags.get(_PHOTOMETRIC) == _YCBCR else 0))
