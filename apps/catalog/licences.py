"""Names of licences: the hub's lower-case ids, and SPDX ids, which we store."""

from __future__ import annotations

import re

UNKNOWN = "LicenseRef-unknown"
SPDX = {
    spdx.lower(): spdx
    for spdx in (
        "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Unlicense", "CC0-1.0", "CC-BY-4.0",
        "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-4.0", "MPL-2.0", "GPL-3.0-only",
        "AGPL-3.0-only", "LGPL-3.0-only", "EUPL-1.2",
    )
}  # fmt: skip
OF_THE_HUB = {"gpl-3.0": "GPL-3.0-only", "agpl-3.0": "AGPL-3.0-only", "lgpl-3.0": "LGPL-3.0-only"}
LINKS = {
    "LicenseRef-llama3": "https://www.llama.com/llama3/license/",
    "LicenseRef-llama3.1": "https://www.llama.com/llama3_1/license/",
    "LicenseRef-llama3.2": "https://www.llama.com/llama3_2/license/",
    "LicenseRef-llama3.3": "https://www.llama.com/llama3_3/license/",
}

CLASSES = {
    "permissive": "Permissive",
    "share-alike": "Share alike",
    "non-commercial": "Not for commerce",
    "own": "Its makers’ own terms",
    "unknown": "Not stated",
}
SHARE_ALIKE = ("GPL-", "AGPL-", "LGPL-", "MPL-", "EUPL-", "CC-BY-SA-")


def class_of(license_id: str) -> str:
    """A key of CLASSES: roughly what a licence asks for. Whoever needs to know reads the licence."""
    spdx = SPDX.get(license_id.lower(), license_id)
    if spdx in ("", UNKNOWN):
        return "unknown"
    if "-NC-" in spdx or spdx.endswith("-NC"):
        return "non-commercial"
    if spdx.startswith(SHARE_ALIKE):
        return "share-alike"
    return "permissive" if spdx in SPDX.values() else "own"


def spdx_id(name: str) -> str:
    """An SPDX id where we know one, else LicenseRef-…: `apache-2.0` → Apache-2.0, `llama3.1` → LicenseRef-llama3.1."""
    plain = re.sub(r"[^A-Za-z0-9.+-]+", "-", name.strip()).strip("-")[:60]
    if not plain:
        return UNKNOWN
    known = SPDX.get(plain.lower()) or OF_THE_HUB.get(plain.lower())
    return known or (plain if plain.startswith("LicenseRef-") else f"LicenseRef-{plain}")


def link_of(spdx: str) -> str:
    """Where the text of a licence stands; "" where we don't know."""
    if spdx.startswith("LicenseRef-"):
        return LINKS.get(spdx, "")
    return f"https://spdx.org/licenses/{spdx}.html"


def needs_acceptance(license_id: str) -> bool:
    """Whether somebody should read it before they use the model: licences that their makers wrote for themselves."""
    return license_id.startswith("LicenseRef-") and license_id != UNKNOWN
