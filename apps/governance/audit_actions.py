"""What this app records."""

ACTIONS = {
    "model.grant.created": "Gave access to a model",
    "model.grant.revoked": "Revoked access to a model",
    "model.access.requested": "Asked for access to a model",
    "model.access.approved": "Approved a request for access to a model",
    "model.access.declined": "Declined a request for access to a model",
    "model.access.withdrawn": "Withdrew a request for access to a model",
    "model.licence.accepted": "Accepted the licence of a model",
    "model.licence.gated": "Put the licence of a model before its use",
    "model.licence.ungated": "Let a model be used without accepting its licence",
    "model.state.changed": "Changed the state of a model",
    "model.stopped": "Stopped a model",
    "model.resumed": "Let a stopped model go on",
    "site.stopped": "Stopped all generation on this site",
    "site.resumed": "Let generation on this site go on",
}
