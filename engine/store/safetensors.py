"""Checks a safetensors file without loading it: https://github.com/huggingface/safetensors#format."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from engine.store.errors import StoreError

MAX_HEADER = 32_000_000  # bytes: room for 250,000 tensors; a third of what the format's own library takes
MAX_SIDES = 8  # of a tensor
MAX_NUMBER = 2**63 - 1
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32,
    "U64": 64, "I64": 64, "F64": 64, "F8_E4M3": 8, "F8_E5M2": 8,
}  # fmt: skip


def check_safetensors(path: Path) -> Counter[str]:
    """Bytes of tensors by dtype. Raises StoreError where the header or a tensor's place isn't as the format demands."""
    size = path.stat().st_size
    header, start = _read_header(path, size)
    header.pop("__metadata__", None)
    if not header:
        raise StoreError(f"{path.name} holds no tensors.")
    places = sorted(_place(path.name, name, tensor) for name, tensor in header.items())
    expected = 0
    for begin, end, name, _dtype in places:
        if begin != expected:
            raise StoreError(f"{path.name} is malformed: the tensor {name[:80]!r} overlaps another or leaves a gap.")
        expected = end
    if start + expected != size:
        raise StoreError(f"{path.name} is damaged: its tensors need {start + expected} bytes, it has {size}.")
    found: Counter[str] = Counter()
    for begin, end, _name, dtype in places:
        found[dtype] += end - begin
    return found


def tensor_shapes(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """(dtype, shape) of each tensor in a file, from its header alone. Raises StoreError where that isn't readable."""
    header, _start = _read_header(path, path.stat().st_size)
    header.pop("__metadata__", None)
    try:
        return {name: (str(one["dtype"]), tuple(map(int, one["shape"]))) for name, one in header.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{path.name} is malformed: a tensor has no sound shape.") from error


def stored_numbers(folder: Path) -> int:
    """In all tensors of its files. Raises StoreError where a header isn't readable."""
    files = folder.glob("*.safetensors")
    return sum(math.prod(shape) for file in files for _dtype, shape in tensor_shapes(file).values())


def metadata_of(path: Path) -> dict[str, str]:
    """What whoever wrote the file says of it. Raises StoreError where the header isn't readable."""
    header, _start = _read_header(path, path.stat().st_size)
    told = header.get("__metadata__")
    return {key: value for key, value in told.items() if isinstance(value, str)} if isinstance(told, dict) else {}


def _read_header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    """The header and where the tensors start."""
    with path.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or length > MAX_HEADER or 8 + length > size:
            raise StoreError(
                f"{path.name} is no valid safetensors file: its header claims {length} bytes "
                f"(at most {MAX_HEADER}, and inside the file)."
            )
        raw = opened.read(length)
    try:
        header = json.loads(raw, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path.name} is no valid safetensors file: its header isn't readable.") from error
    if not isinstance(header, dict):
        raise StoreError(f"{path.name} is no valid safetensors file: its header isn't an object.")
    return header, 8 + length


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def _place(file: str, name: str, tensor: Any) -> tuple[int, int, str, str]:
    """(begin, end, name, dtype) of a tensor, in bytes from the end of the header."""
    try:
        dtype, shape, (begin, end) = tensor["dtype"], tensor["shape"], tensor["data_offsets"]
        if not isinstance(shape, list) or len(shape) > MAX_SIDES:
            raise ValueError("no list of sides")
        if any(type(number) is not int or not 0 <= number <= MAX_NUMBER for number in (*shape, begin, end)):
            raise ValueError("no number, or none that a size can be")
        if end - begin != math.prod(shape) * BITS[dtype] // 8:
            raise ValueError("the size doesn't fit the shape")
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"{file} is malformed: the tensor {name[:80]!r} has no sound shape, type or place.") from error
    return begin, end, name, dtype
