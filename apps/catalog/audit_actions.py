"""What this app records."""

ACTIONS = {
    "model.installed": "Installed a model",
    "model.version.chosen": "Made a version of a model the one in use",
    "model.enabled": "Enabled a model",
    "model.disabled": "Disabled a model",
    "model.reasoning.changed": "Changed whether the reasoning of a model is shown",
    "model.format.changed": "Corrected how the answers of a model are read",
    "model.removed": "Removed a model",
}
