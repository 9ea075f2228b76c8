"""Where an answer has to be a call of a tool: how that is chosen, and what hinders it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.catalog.models import ModelVersion
from apps.generations.errors import Refused
from apps.generations.tools import tools_of
from engine.answers.demanded import can_demand
from engine.types import DemandedCalls

CHOICE = "tool_choice"
ANY, ONE, NAMED = "required", "one", "function:"
"""One call or several, one call, or one of the tool whose name follows."""


def demanded_calls(params: Mapping[str, Any]) -> DemandedCalls | None:
    """Of a job, as the engine takes them. None where the model may choose; older jobs know no such choice."""
    chosen = params.get(CHOICE)
    if not chosen:
        return None
    name = demanded_name(params)
    tools = tuple(tool for tool in tools_of(params) if name in ("", tool["function"]["name"]))
    return DemandedCalls(tools, name, only_one=chosen != ANY)


def demanded_name(params: Mapping[str, Any]) -> str:
    """Of the tool that was demanded by its name, else ""."""
    chosen = params.get(CHOICE) or ""
    return chosen.removeprefix(NAMED) if chosen.startswith(NAMED) else ""


def refuse_demand(version: ModelVersion, params: Mapping[str, Any]) -> None:
    """Where there is nothing to call, or the model can't be held to it. Raises Refused."""
    demanded = demanded_calls(params)
    if demanded is None:
        return
    model = version.hosted_model
    if params[CHOICE] not in (ANY, ONE, NAMED + demanded.name):
        raise _refused(f"A demanded call is “{ANY}”, “{ONE}” or “{NAMED}” with the name of a tool.")
    if not demanded.tools:
        tool = f"no tool “{demanded.name}”" if demanded.name else "no tool"
        raise _refused(f"A call is demanded, and there is {tool} that {model} could call.")
    if not version.is_upstream and not can_demand(version.answer_format):
        raise _refused(
            f"{model} can't be held to call a tool: how it writes calls isn't known here. “auto” leaves it the choice; "
            "to be sure of a form, ask for an answer that keeps to a JSON schema."
        )


def _refused(message: str) -> Refused:
    return Refused(status=422, code=CHOICE, message=message, field=CHOICE)
