"""Single files of a ZIP, also of one that is packed with Zstandard, which Python reads only from 3.14 on."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from eval.reading.decoding import MAX_UNPACKED_BYTES, ZIP_FAULTS
from eval.task import BadInput

_ZSTANDARD = 93  # the method's number in a ZIP
_NAME_SIZES = struct.Struct("<26xHH")  # of a local header: the sizes of the name and of the extra field
_CHUNK = 2**20


def files_in(content: bytes) -> list[zipfile.ZipInfo]:
    """Empty if it is no ZIP."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.infolist()
    except ZIP_FAULTS:
        return []


def unpacked(name: str, content: bytes, part: zipfile.ZipInfo) -> str:
    """Raises BadInput if it is damaged, has a password or unpacks to more than `MAX_UNPACKED_BYTES`."""
    if part.file_size > MAX_UNPACKED_BYTES:
        raise BadInput(
            f"{name} unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MB ({part.filename}): give a part of it."
        )
    try:
        if part.compress_type == _ZSTANDARD and not part.flag_bits & 1:  # a password
            found = _from_zstandard(content, part)
        else:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                found = archive.read(part)  # stops at the stated size
        return found.decode("utf-8")
    except ZIP_FAULTS as wrong:
        raise BadInput(f"{name} is damaged ({part.filename} cannot be unpacked): copy or export it again.") from wrong


def _from_zstandard(content: bytes, part: zipfile.ZipInfo) -> bytes:
    """Never more than the stated size. Raises ValueError or OSError if it is damaged."""
    import pyarrow

    name_size, extra_size = _NAME_SIZES.unpack_from(content, part.header_offset)
    start = part.header_offset + _NAME_SIZES.size + name_size + extra_size
    packed = pyarrow.py_buffer(memoryview(content)[start : start + part.compress_size])
    found = bytearray()
    with pyarrow.CompressedInputStream(pyarrow.BufferReader(packed), "zstd") as stream:
        while len(found) <= part.file_size and (chunk := stream.read(_CHUNK)):
            found += chunk
    if len(found) != part.file_size or zlib.crc32(found) != part.CRC:
        raise ValueError("the content is not as the header states")
    return bytes(found)
