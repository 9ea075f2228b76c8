"""ComfyUI's `prompt`: the graph of nodes that was run, from which a plain way through can be told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.pictures.recovered import Recovered, loaded, recovered
from engine.pictures.samplers import to_ours

SAMPLERS = ("KSampler", "KSamplerAdvanced")
WORDS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "string", "value")
"""Inputs of text encoders, and of nodes that only hold a text."""
MAX_VISITED = 200  # nodes on the way up from a sampler's input
Node = dict[str, Any]


def read(text: str) -> Recovered | None:
    """None where there is no KSampler that this understands."""
    graph = {key: node for key, node in loaded(text).items() if isinstance(node, dict)}
    sampler = _first_sampler(graph)
    if sampler is None:
        return None
    inputs = _inputs(sampler)
    sampler_name = inputs.get("sampler_name")
    canvas = _upstream(graph, inputs.get("latent_image"), ("width", "height"))
    checkpoint = _upstream(graph, inputs.get("model"), ("ckpt_name", "unet_name"))
    found = {
        "prompt": _words(graph, inputs.get("positive")),
        "negative_prompt": _words(graph, inputs.get("negative")),
        "steps": inputs.get("steps"),
        "guidance": inputs.get("cfg"),
        "seed": inputs.get("seed", inputs.get("noise_seed")),
        "scheduler": to_ours(sampler_name, str(inputs.get("scheduler"))) if isinstance(sampler_name, str) else None,
        "strength": inputs.get("denoise"),
        "width": canvas.get("width"),
        "height": canvas.get("height"),
        "model": checkpoint.get("ckpt_name", checkpoint.get("unet_name")),
    }
    return recovered("comfyui", found, {"schedule": inputs["scheduler"]} if "scheduler" in inputs else {})


def _first_sampler(graph: dict[str, Node]) -> Node | None:
    """The one that begins with an empty picture, where there are several; else the first."""
    samplers = [node for node in graph.values() if node.get("class_type") in SAMPLERS]
    for node in samplers:
        if "width" in _inputs(_linked(graph, _inputs(node).get("latent_image")) or {}):
            return node
    return samplers[0] if samplers else None


def _words(graph: dict[str, Node], link: Any) -> str | None:
    """The text that the nearest encoder above this input was given."""
    inputs = _upstream(graph, link, WORDS)
    return next((inputs[key] for key in WORDS if isinstance(inputs.get(key), str)), None)


def _upstream(graph: dict[str, Node], link: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Inputs of the nearest node above that has one of these as a plain value."""
    for node in _nodes_above(graph, link):
        inputs = _inputs(node)
        if any(isinstance(inputs.get(name), str | int) for name in names):
            return inputs
    return {}


def _nodes_above(graph: dict[str, Node], link: Any) -> Iterator[Node]:
    """Breadth first; each node once."""
    waiting: list[Any] = [link]
    seen: set[int] = set()
    for above in waiting:
        node = _linked(graph, above)
        if node is None or id(node) in seen or len(seen) >= MAX_VISITED:
            continue
        seen.add(id(node))
        yield node
        waiting.extend(value for value in _inputs(node).values() if isinstance(value, list))


def _linked(graph: dict[str, Node], link: Any) -> Node | None:
    """A link is `[node's key, number of its output]`."""
    return graph.get(link[0]) if isinstance(link, list) and link and isinstance(link[0], str) else None


def _inputs(node: Node) -> dict[str, Any]:
    inputs = node.get("inputs")
    return inputs if isinstance(inputs, dict) else {}
