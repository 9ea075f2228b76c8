"""Files of pictures: what people upload, what they download, and what these tell. Imports no torch.

Signing is apart, in `engine.pictures.identity` and `engine.pictures.signing`: they load libraries of their own.
"""

from engine.pictures.archive import zipped
from engine.pictures.decode import Picture, decode, decode_mask, decode_transparency
from engine.pictures.download import TooLong, download
from engine.pictures.file_names import UniqueNames, file_name
from engine.pictures.kinds import Kind
from engine.pictures.origin import Carries, Origin
from engine.pictures.pixels import pixels_sha256
from engine.pictures.recover import recover
from engine.pictures.recovered import Recovered
from engine.pictures.refusal import LIMITS, Limits, PictureRefused
from engine.pictures.thumbnails import SIDES, thumbnail

__all__ = [
    "LIMITS", "SIDES", "Carries", "Kind", "Limits", "Origin", "Picture", "PictureRefused", "Recovered", "TooLong",
    "UniqueNames", "decode", "decode_mask", "decode_transparency", "download", "file_name", "pixels_sha256", "recover",
    "thumbnail", "zipped",
]  # fmt: skip
