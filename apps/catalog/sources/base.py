"""What every source of models offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Report = Callable[[str], None]
"""Says what is being done, one line at a time."""


@dataclass(frozen=True, slots=True)
class Description:
    """What people read about a model; kept beside its files in the store."""

    slug: str
    name: str
    license_id: str
    license_link: str = ""
    description: str = ""
    model_card: str = ""
    """Markdown, without the front matter."""
    recommended: Mapping[str, float] = field(default_factory=dict)
    """Sampling parameters, where the files themselves don't say."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A folder with the files of a model, not yet trusted."""

    folder: Path
    description: Description
    expected: Mapping[str, str] = field(default_factory=dict)
    """Path → SHA-256 that the publisher states."""
    take: bool = True
    """Whether the files may be moved out of the folder."""
    also: Mapping[str, Any] = field(default_factory=dict)
    """More to keep beside the files: where they were converted from."""


class Source(Protocol):
    @property
    def address(self) -> str:
        """As people write it, without the revision: `hf:org/name`."""
        ...

    @property
    def revision(self) -> str:
        """What pins the files: a commit, a version; "" where only the files themselves tell."""
        ...

    def fetch(self, workspace: Path, downloads: Path, report: Report) -> Fetched:
        """Bring the files. `workspace` is gone afterwards; `downloads` stays, for resuming. Raises CatalogError."""
        ...

    def done(self, downloads: Path) -> None:
        """The model is in the store: what was kept for resuming may go."""
        ...
