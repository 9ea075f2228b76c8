"""What this app records. Ids only: titles and texts stay out of the audit log."""

ACTIONS = {
    "conversation.created": "Started a conversation",
    "conversation.updated": "Changed the settings of a conversation",
    "conversation.archived": "Archived a conversation",
    "conversation.unarchived": "Took a conversation out of the archive",
    "conversation.deleted": "Put a conversation into the bin",
    "conversation.restored": "Took a conversation out of the bin",
    "conversation.purged": "Erased a conversation and its texts for good",
}
