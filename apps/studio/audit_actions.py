"""What this app records. Ids and counts only: names of boards and prompts stay out of the audit log."""

ACTIONS = {
    "board.created": "Made a board of pictures",
    "board.renamed": "Renamed a board of pictures",
    "board.covered": "Chose the cover of a board, or took the choice back",
    "board.deleted": "Deleted a board; its pictures stayed",
    "board.filled": "Put pictures on a board",
    "board.emptied": "Took pictures off a board",
    "pictures.downloaded": "Downloaded several pictures at once",
}
