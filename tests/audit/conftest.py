from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apps.audit.labels import forget_all


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, settings: Any) -> Path:
    """A folder of keys for each test: what another one signed is not this one's past."""
    settings.AUDIT_KEYS = tmp_path / "audit-keys"
    forget_all()
    return settings.AUDIT_KEYS
