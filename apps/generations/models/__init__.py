"""What generations are in the database."""

from apps.generations.models.artifact import Artifact, Checkpoint, Origin
from apps.generations.models.certainty import Certainty
from apps.generations.models.job import ASKED, TERMINAL, GenerationJob, Kind, State, long_of
from apps.generations.models.worker import LoadTime, Worker

__all__ = [
    "ASKED",
    "TERMINAL",
    "Artifact",
    "Certainty",
    "Checkpoint",
    "GenerationJob",
    "Kind",
    "LoadTime",
    "Origin",
    "State",
    "Worker",
    "long_of",
]
