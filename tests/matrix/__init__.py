"""Who may do what: every address and every socket command, for everybody, as tables."""
