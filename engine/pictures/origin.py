"""How a picture came to be: what its file may tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.types import ImageParams

GENERATOR = "Atrium"
VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class Carries(StrEnum):
    """What a download tells about itself."""

    FULL = "full"
    """Everything, so that the picture can be made again from its file; also what other programs read."""
    A1111 = "a1111"
    """The parameters, as AUTOMATIC1111's web UI writes them."""
    STRIPPED = "stripped"
    """Only pixels."""
    SIGNED = "c2pa"
    """A signed statement that a model made it (C2PA): whoever changes a pixel breaks the seal."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Of one finished picture."""

    params: ImageParams
    model: str
    """The model's name, for people."""
    digest: str
    """SHA-256 of the model's version, hexadecimal."""
    has_source: bool = False
    """It was made from another picture."""
    has_mask: bool = False
    """Only a part of that picture was drawn anew."""
    generator_version: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    """As in FinishEvent."""

    @property
    def source_type(self) -> str:
        """IPTC's word for it: made by a model, or a picture with parts made by one."""
        kind = "compositeWithTrainedAlgorithmicMedia" if self.has_mask else "trainedAlgorithmicMedia"
        return VOCABULARY + kind
