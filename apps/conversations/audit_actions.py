"""What this app records. Ids only: titles and texts stay out of the audit log."""

ACTIONS = {
    "conversation.created": "Started a conversation",
    "conversation.updated": "Changed the settings of a conversation",
    "conversation.archived": "Archived a conversation",
    "conversation.unarchived": "Took a conversation out of the archive",
    "conversation.deleted": "Put a conversation into the bin",
    "conversation.restored": "Took a conversation out of the bin",
    "conversation.shared": "Made a copy of chosen messages, to show it by a link",
    "conversation.copy_read": "Read a reported shared conversation, as a moderator",
    "conversation.exported": "Took a branch of a conversation along as a file",
    "conversation.continued": "Continued a shared conversation in a project",
    "conversation.imported": "Imported conversations from a file",
    "conversation.run_continued": "Continued a run of a prompt as a conversation",
    "conversation.picture_attached": "Attached a picture from the studio",
    "conversation.picture_removed": "Took a picture back that was sent with no message",
    "conversation.purged": "Erased a conversation and its texts for good",
}
