"""The verbs of `manage.py models` about weights of fewer bits."""

from __future__ import annotations

from typing import Any

from apps.catalog.models import WeightsKind
from apps.catalog.weights import ROUNDED, measure_weights, set_weights, version_in_use
from apps.governance.management.model_command import ModelCommand


def add_arguments(verbs: Any) -> None:
    choosing = verbs.add_parser("weights", help="keep the weights of a model in memory in full, or in 8 or 4 bits")
    choosing.add_argument("id")
    choosing.add_argument("weights", choices=WeightsKind.values)
    measuring = verbs.add_parser(
        "measure", help="what weights of 8 and 4 bits cost this model in accuracy; takes minutes"
    )
    measuring.add_argument("id")
    measuring.add_argument("weights", nargs="?", choices=[str(each) for each in ROUNDED], help="both, if left out")


class WeightVerbs(ModelCommand):
    def weights(self, options: dict[str, Any]) -> None:
        version, weights = version_in_use(self._model(options["id"])), WeightsKind(options["weights"])
        changed = set_weights(actor=None, version=version, weights=weights)
        told = f"{version.hosted_model_id} {'now runs' if changed else 'already runs'} with {weights} weights."
        if accuracy := version.accuracy_of(weights):
            told += f" Measured: {accuracy}."
        elif weights in ROUNDED:
            told += f" What that costs in accuracy tells: manage.py models measure {version.hosted_model_id} {weights}"
        self._say(told)

    def measure(self, options: dict[str, Any]) -> None:
        version = version_in_use(self._model(options["id"]))
        for weights in (WeightsKind(options["weights"]),) if options["weights"] else ROUNDED:
            measure_weights(actor=None, version=version, weights=weights)
            self._say(f"{version.hosted_model_id} with {weights} weights: {version.accuracy_of(weights)}.")
