"""How long a stage goes on, and how much of it is behind it."""

from __future__ import annotations

from dataclasses import dataclass

WARM_UP = 100  # steps until the full learning rate, or a tenth of all


@dataclass(frozen=True, slots=True)
class Length:
    """So many steps; or, where `seconds` are given, so long, however many steps that makes."""

    steps: int
    seconds: float = 0

    def done(self, step: int, spent: float) -> float:
        """The share that is behind it, 0 … 1, after that many steps and seconds."""
        return min(spent / self.seconds if self.seconds else step / self.steps, 1.0)

    @property
    def warm_up(self) -> float:
        return WARM_UP if self.seconds else max(min(WARM_UP, self.steps / 10), 1)

    def words(self, batch: int) -> str:
        long = f"{self.seconds:.0f} s of steps" if self.seconds else f"{self.steps} steps"
        return f"{long} of {batch} pictures"
