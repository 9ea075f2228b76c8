"""GGUF to bfloat16 safetensors, in a process of its own: `python -m engine.convert SOURCE.gguf TARGET_FOLDER`."""

from engine.convert.process import ConversionError, convert_gguf

__all__ = ["ConversionError", "convert_gguf"]
