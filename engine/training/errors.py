"""What a person can mend: a sentence for them."""


class TrainingError(Exception):
    """Training can't begin or go on; the message says why and what to do."""


class Stopped(TrainingError):
    """A person ended it; a checkpoint is there."""
