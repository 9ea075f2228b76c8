"""`hf:organisation/name@revision`: a model of the Hugging Face Hub, or of a mirror of it named by HF_ENDPOINT."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import httpx2
from django.utils.text import slugify
from huggingface_hub import HfApi, ModelInfo, snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from apps.catalog.errors import CatalogError
from apps.catalog.sources.base import Description, Fetched, Report
from apps.catalog.sources.card import read_card
from engine.adapters import CONFIG, WEIGHTS
from engine.adapters.pictures import PARTS
from engine.pipelines import IGNORED, INDEX, is_variant
from engine.store.checks import KEPT, KEPT_NAMES, check_relative
from engine.store.copying import require_space

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
SECRET = re.compile(r"//[^/@\s]*@")
"""In an address: a name and a password, which HF_ENDPOINT may have."""
KEPT_SO_FAR = "What arrived is kept: trying again goes on from there."
FAMILIAR = (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError)


class HubSource:
    """The revision is resolved to a commit when it is first needed; HF_TOKEN opens gated models."""

    def __init__(self, repository: str, wanted: str) -> None:
        self.address = f"hf:{repository}"
        self._repository, self._wanted = repository, wanted
        self._api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=os.environ.get("HF_TOKEN") or False)

    @classmethod
    def parse(cls, text: str) -> HubSource:
        if not REPOSITORY.fullmatch(text) or ".." in text:
            raise CatalogError(f"{text[:120]!r} is no model of the hub. Write hf:organisation/name@revision.")
        repository, _, wanted = text.partition("@")
        return cls(repository, wanted or "main")

    @property
    def revision(self) -> str:
        """Of a commit the hub need not be asked."""
        return self._wanted if COMMIT.fullmatch(self._wanted) else str(self._info.sha)

    @cached_property
    def _info(self) -> ModelInfo:
        try:
            return self._api.model_info(self._repository, revision=self._wanted, files_metadata=True, timeout=15)
        except FAMILIAR as error:
            raise self._refusal(error, "looked up", "Is the hub to be reached from here?") from error

    @property
    def paths(self) -> list[str]:
        """Of all files that are there, also those that an install leaves out. Raises StoreError for one that leads
        out of the folder."""
        return [check_relative(sibling.rfilename) for sibling in self._info.siblings or []]

    @property
    def files(self) -> dict[str, int]:
        """Those that an install brings, with their bytes."""
        return {sibling.rfilename: sibling.size or 0 for sibling in self._wanted_files()}

    def fetch(self, workspace: Path, downloads: Path, report: Report) -> Fetched:
        files = self._wanted_files()
        size = sum(self.files.values())
        folder = self._folder(downloads)
        folder.mkdir(parents=True, exist_ok=True)
        with self._alone(folder):
            _clear_halves(folder)
            require_space(folder, size - self.fetched(downloads))
            report(f"Downloading {self._repository} at {self.revision[:12]} ({size / 1e6:,.0f} MB) …")
            self.bring([sibling.rfilename for sibling in files], folder)
        return Fetched(folder, self.described(folder), expected=_hashes(files))

    def described(self, folder: Path) -> Description:
        """By the card in `folder`."""
        card, name = read_card(folder), self._repository.partition("/")[2]
        return Description(slugify(name)[:80], name[:120], card.license_id, card.license_link, model_card=card.text)

    def fetched(self, downloads: Path) -> int:
        """Bytes of it that lie in `downloads`, of files that are still coming too."""
        found = (Path(here, name) for here, _, names in os.walk(self._folder(downloads)) for name in names)
        return sum(_size(path) for path in found if _is_weight(path))

    def done(self, downloads: Path) -> None:
        shutil.rmtree(self._folder(downloads), ignore_errors=True)

    @contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """One process at a time; the kernel lets go of the lock when its owner dies. Raises CatalogError."""
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not _locked(lock):
                raise CatalogError(
                    f"Another process is downloading {self._repository} just now. Wait for it, or stop it."
                )
            yield
        finally:
            os.close(lock)

    def _wanted_files(self) -> list[Any]:
        paths = self.paths
        wanted = set(pipeline_files(paths) if INDEX in paths else filter(_wanted, paths))
        return [sibling for sibling in self._info.siblings or [] if sibling.rfilename in wanted]

    def _folder(self, downloads: Path) -> Path:
        return downloads / f"{self._repository.replace('/', '--')}--{self.revision}"

    def bring(self, files: list[str], folder: Path) -> None:
        """Into `folder`; those that an earlier try brought are there. The hub's library shows its progress bar."""
        try:
            snapshot_download(
                self._repository,
                revision=self.revision,
                local_dir=folder,
                allow_patterns=[glob.escape(file) for file in files],
                endpoint=os.environ.get("HF_ENDPOINT"),
                token=os.environ.get("HF_TOKEN") or False,
                max_workers=4,
            )
        except FAMILIAR as error:
            raise self._refusal(error, "downloaded", KEPT_SO_FAR) from error

    def _refusal(self, error: Exception, what: str, then: str) -> CatalogError:
        where = f"{self._repository}@{self._wanted}"
        if isinstance(error, GatedRepoError):
            return CatalogError(f"{where} is gated: accept its terms on the hub, then set HF_TOKEN to your token.")
        if isinstance(error, RevisionNotFoundError):
            return CatalogError(f"{self._repository} has no revision {self._wanted!r} on the hub.")
        if isinstance(error, RepositoryNotFoundError):
            return CatalogError(f"The hub has no model {self._repository}, or it is private and needs HF_TOKEN.")
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        reason = SECRET.sub("//", first)[:200].rstrip(".")
        return CatalogError(f"{where} could not be {what}: {reason}. {then}")


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clear_halves(folder: Path) -> None:
    """What a process left that was killed: the hub's library begins such files anew, under other names."""
    for half in folder.rglob("*.incomplete"):
        half.unlink(missing_ok=True)


def _is_weight(path: Path) -> bool:
    """Whether it is, or will be, a file of the model rather than a note of the hub's library."""
    return path.suffix == ".incomplete" or ".cache" not in path.parts


def _size(path: Path) -> int:
    """One may be renamed while we look."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _wanted(path: str) -> bool:
    """Files of the model itself: no pickles beside the safetensors, no code, no second copies in other formats."""
    name = PurePosixPath(path)
    if len(name.parts) == 2 and name.parts[0] in PARTS:  # an adapter's, which PEFT saves with a folder for each
        return name.name in (CONFIG, WEIGHTS)
    if len(name.parts) != 1 or path.startswith((".", "consolidated")):
        return False
    return name.suffix.lower() in KEPT or name.stem.lower() in KEPT_NAMES


def pipeline_files(paths: Sequence[str]) -> list[str]:
    """Of a model of pictures: model_index.json and the parts, each with one copy of its weights, the one without a
    variant (`.fp16`, `.ema`) in its name; and not the same in one large file."""
    kept = []
    for path in paths:
        name = PurePosixPath(path)
        plain = name.suffix.lower() in KEPT or name.stem.lower() in KEPT_NAMES
        if len(name.parts) == 1:
            plain = path == INDEX or (plain and name.suffix.lower() not in (".safetensors", ".json"))
        deep = len(name.parts) > 2 or name.parts[0] in IGNORED
        if plain and not is_variant(path) and not deep and not path.startswith("."):
            kept.append(path)
    return kept


def _hashes(files: list[Any]) -> dict[str, str]:
    """The hub states a SHA-256 for large files only; small ones come under their commit's tree."""
    return {file.rfilename: file.lfs.sha256 for file in files if file.lfs is not None}
