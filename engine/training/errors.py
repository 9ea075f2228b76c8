"""What a person can mend: a sentence for them."""


class TrainingError(Exception):
    """Training can't begin or go on; the message says why and what to do."""


class NoNumber(TrainingError):
    """The loss is none any more: the model is lost, its last checkpoint is not."""


class Stopped(TrainingError):
    """A person ended it; a checkpoint is there."""
