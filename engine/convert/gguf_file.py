"""Reading a GGUF file: its key-value pairs with types checked, and its tensors as float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, dequantize
from numpy.typing import NDArray

from engine.convert.process import ConversionError


class GgufFile:
    """Memory-mapped; one tensor at a time is in memory as float32."""

    def __init__(self, path: Path) -> None:
        try:
            self._reader = GGUFReader(str(path))
        except Exception as error:  # the gguf library raises what it meets: ValueError, IndexError, struct.error …
            raise ConversionError(f"it is no readable GGUF file ({str(error)[:200]}).") from error
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}
        self.architecture = self.text("general.architecture")

    def value(self, key: str, default: Any = None) -> Any:
        """A value; `{arch}` in the key stands for the architecture."""
        field = self._reader.fields.get(key.replace("{arch}", getattr(self, "architecture", "")))
        return default if field is None else field.contents()

    def need(self, key: str, kind: type) -> Any:
        """A value that must be there and of that kind."""
        found = self.value(key)
        if not isinstance(found, kind):
            raise ConversionError(f"it says nothing usable about {key}.")
        return found

    def text(self, key: str) -> str:
        return str(self.need(key, str))

    def number(self, key: str) -> int:
        return int(self.need(key, int))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name → shape, rows first as in torch, in the file's order."""
        return {name: tuple(int(size) for size in reversed(tensor.shape)) for name, tensor in self._tensors.items()}

    def tensor(self, name: str) -> NDArray[np.float32]:
        """Its values, dequantised. Raises ConversionError."""
        tensor = self._tensors[name]
        try:
            values = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
            return values.reshape(self.shapes()[name])
        except (NotImplementedError, ValueError) as error:
            raise ConversionError(f"its tensor {name} is damaged or of an unknown quantisation.") from error
