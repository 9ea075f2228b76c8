"""What generations are in the database."""

from apps.generations.models.artifact import Artifact, Checkpoint, Origin
from apps.generations.models.certainty import Certainty
from apps.generations.models.job import TERMINAL, GenerationJob, Kind, State
from apps.generations.models.worker import LoadTime, Worker

__all__ = [
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
]
