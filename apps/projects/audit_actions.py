"""What this app records."""

ACTIONS = {
    "project.created": "Created a project",
    "project.changed": "Changed the name or description of a project",
    "project.archived": "Archived a project",
    "project.unarchived": "Took a project out of the archive",
    "project.deleted": "Deleted a project and all that was in it",
    "project.member.role_changed": "Changed the role of a member",
    "project.member.removed": "Removed a member",
    "project.member.left": "Left a project",
    "project.ownership.transferred": "Handed a project over to another owner",
    "project.invitation.created": "Invited someone to a project",
    "project.invitation.revoked": "Revoked an invitation to a project",
    "project.invitation.accepted": "Joined a project by invitation",
}
