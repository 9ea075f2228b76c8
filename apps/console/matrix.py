"""The matrix of people and models: one decision for each cell, all of a page made in a few queries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.governance.conditions import PERSONAL
from apps.governance.decisions import Decision, judge
from apps.governance.facts import Question, cases
from apps.governance.models import Grant, Subject

THROUGH = {
    Subject.EVERYONE: "as everyone",
    Subject.GROUP: "through a group",
    Subject.PROJECT: "through a project",
    Subject.USER: "by name",
}


@dataclass(frozen=True)
class Cell:
    """How one person stands to one model apart from any project."""

    model: HostedModel
    decision: Decision

    @property
    def word(self) -> str:
        grant: Grant | None = self.decision.grant
        if grant is not None:
            return THROUGH[Subject(grant.subject_type)]
        return {"no_grant": "no", "licence": "licence"}.get(self.decision.code, self.decision.code.replace("_", " "))

    @property
    def tone(self) -> str:
        """The class of the dot: may, might, may not."""
        if self.decision.allowed:
            return "dot-ok"
        return "dot-warn" if self.decision.code == "licence" else ""


def matrix_table(models: Sequence[HostedModel]) -> Table[User]:
    groups = [(str(pk), name) for pk, name in Group.objects.order_by("name").values_list("pk", "name")]
    return Table(
        name="who-can-use-what",
        title="Who can use what",
        row="console/grants/_matrix_row.html",
        order="name",
        search=("email", "display_name"),
        search_title="Search by name or email",
        empty_icon="users",
        empty_title="Nobody here",
        prepare=_with_cells(models),
        filters=(Filter("group", "Any group", groups, _in_group),),
        columns=(
            Column("name", "Person", lambda each: each.email, ("display_name", "email")),
            *(Column(f"m-{model.pk}", model.name, _cell_of(number)) for number, model in enumerate(models)),
        ),
    )


def _with_cells(models: Sequence[HostedModel]) -> Callable[[list[User]], list[User]]:
    def prepare(people: list[User]) -> list[User]:
        questions = [Question(person, "generate", model, None) for person in people for model in models]
        decided = iter([judge(case, PERSONAL) for case in cases(questions)])
        for person in people:
            person.cells = [Cell(model, next(decided)) for model in models]  # type: ignore[attr-defined]
        return people

    return prepare


def _cell_of(number: int) -> Callable[[User], str]:
    return lambda person: person.cells[number].word  # type: ignore[attr-defined]


def _in_group(people: QuerySet[User], group: str) -> QuerySet[User]:
    return people.filter(groups=int(group))
