"""What this app records: ids, lengths and counts, never what was asked or answered."""

ACTIONS = {
    "generation.submitted": "asked a model",
    "generation.cancel.requested": "asked to stop a generation",
    "generation.succeeded": "finished a generation",
    "generation.failed": "failed to finish a generation",
    "generation.cancelled": "stopped a generation",
    "generation.timed_out": "ended a generation that had reached the longest time of its model",
    "generation.stopped": "stopped a generation that is no longer allowed",
    "generation.requeued": "put a generation back into the queue",
    "generation.wiped": "erased the texts and pictures of generations",
    "artifact.uploaded": "brought a picture along",
    "artifact.deleted": "put a picture into the bin",
    "artifact.restored": "took a picture out of the bin",
    "artifact.purged": "erased a picture for good",
}
