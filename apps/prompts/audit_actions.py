"""What this app records."""

ACTIONS = {
    "prompt.created": "Wrote a prompt",
    "prompt.revised": "Revised a prompt",
    "prompt.restored": "Brought back an older revision of a prompt",
    "prompt.forked": "Forked a prompt",
    "prompt.audience.changed": "Changed who may see, run or fork a prompt",
    "prompt.production.changed": "Moved the production label of a prompt",
    "prompt.starred": "Starred a prompt",
    "prompt.unstarred": "Took a star back",
    "prompt.commented": "Commented on a prompt",
    "prompt.comment.deleted": "Deleted a comment",
    "prompt.used": "Used a prompt",
    "prompt.rated": "Rated the answer to a prompt",
    "prompt.deleted": "Deleted a prompt",
    "prompt.undeleted": "Took a prompt out of the bin",
    "prompt.purged": "A deleted prompt was erased",
}
