"""The model store: folders of weights, addressed by what is in them. Imports neither torch nor transformers.

store = ModelStore(Path("data/models"))
manifest = store.install(folder, {"source": "path:…"})
store.path(manifest.digest)            # quick: is it there?
store.verified_path(manifest.digest)   # every byte hashed, once per process
"""

from engine.store.adapters import AdapterFacts, check_adapter, check_fits, is_adapter
from engine.store.checks import ModelFacts
from engine.store.errors import StoreError
from engine.store.folders import check_folder
from engine.store.manifest import FileEntry, Manifest
from engine.store.store import ModelStore

__all__ = [
    "AdapterFacts",
    "FileEntry",
    "Manifest",
    "ModelFacts",
    "ModelStore",
    "StoreError",
    "check_adapter",
    "check_fits",
    "check_folder",
    "is_adapter",
]
