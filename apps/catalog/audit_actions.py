"""What this app records."""

ACTIONS = {
    "model.installed": "Installed a model",
    "model.install.asked": "Asked for a model of the hub",
    "model.install.done": "A model of the hub that was asked for is installed",
    "model.install.failed": "A model of the hub could not be installed",
    "model.install.cancelled": "Cancelled the install of a model",
    "model.version.chosen": "Made a version of a model the one in use",
    "model.enabled": "Enabled a model",
    "model.disabled": "Disabled a model",
    "model.reasoning.changed": "Changed whether the reasoning of a model is shown",
    "model.time.changed": "Changed how long an answer or a picture of a model may take",
    "model.format.changed": "Corrected how the answers of a model are read",
    "model.weights.changed": "Changed in how many bits the weights of a model are kept",
    "model.weights.measured": "Measured what weights of fewer bits cost a model in accuracy",
    "model.removed": "Removed a model",
    "model.upstream.added": "Added a model that another server runs",
    "model.upstream.changed": "Changed where or how another server is asked",
    "model.upstream.key.replaced": "Gave a new key for another server",
    "model.upstream.key.removed": "Removed the key for another server",
    "model.upstream.key.resealed": "Encrypted keys for other servers anew",
    "model.upstream.tested": "Tried out another server",
}
