"""A write that the rules refuse."""


class NotAllowed(Exception):
    """Its text is a sentence for the person who tried."""
