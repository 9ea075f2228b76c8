"""What this app records. Ids and kinds only: what people wrote stays out of the audit log."""

ACTIONS = {
    "moderation.reported": "reported something to the moderators",
    "moderation.case.viewed": "read a report and what it is about",
    "moderation.hidden": "hid something that was reported",
    "moderation.restored": "showed something again that was hidden",
    "moderation.warned": "warned the author of something that was reported",
    "moderation.dismissed": "left something as it is that was reported",
    "moderation.appealed": "appealed against a moderator's decision",
    "moderation.appeal.granted": "granted an appeal",
    "moderation.appeal.rejected": "rejected an appeal",
}
