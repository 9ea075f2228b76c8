"""What this app records."""

ACTIONS = {
    "model.installed": "Installed a model",
    "model.version.chosen": "Made a version of a model the one in use",
    "model.enabled": "Enabled a model",
    "model.disabled": "Disabled a model",
    "model.removed": "Removed a model",
}
