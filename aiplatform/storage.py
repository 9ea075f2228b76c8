"""Static files under names that carry their hash, ES module imports included, so that browsers may keep them."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    support_js_module_import_aggregation = True
    max_post_process_passes = 20
    """A module's name depends on those of the modules that it imports, so a chain of imports takes as many passes as it
    is long; Django's five are fewer than ours have. Only a circle would use up all of them."""
