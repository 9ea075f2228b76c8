"""Queries and inserts on the way of every request or job: Django makes their SQL once, and not anew each time.

Putting a query together and compiling it takes Django one to four milliseconds of processor time where asking it takes
a tenth of one. What is asked is still said by a QuerySet, so that a rule stands in one place. PostgreSQL keeps its plan
(prepared.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import BooleanField, Expression, F, Func, Model, QuerySet
from django.db.models.query import ModelIterable, get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.utils.functional import cached_property
from psycopg import ClientCursor

from apps.lib.prepared import prepared_cursor

M = TypeVar("M", bound=Model)
Row = list[Any]


class Parameter(Expression):
    """Stands in a query for a value that is given when it is asked. As it is given it goes to the database: an id and
    not an instance, and None equals nothing."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)


class IsAny(Func):
    """Whether a column is one of the list that is given for a parameter."""

    template, arg_joiner = "(%(expressions)s))", " = ANY("
    output_field = BooleanField()

    def __init__(self, column: str, values: Parameter) -> None:
        super().__init__(F(column), values)


class _Made(NamedTuple):
    """What is kept of a query that was compiled."""

    sql: str
    parameters: tuple[str, ...]
    """Names, in the order of their places."""
    converters: tuple[tuple[int, Callable[..., Any], Any], ...]
    """Place in a row, function, and the expression that stands there."""
    instance: Callable[[Row], Any]


class CompiledQuery(Generic[M]):
    """`build` makes the query, with a Parameter for each value that changes; it is called once in each process. What
    else stands in it, of settings too, stays as it was then. Nothing is prefetched."""

    def __init__(self, build: Callable[[], QuerySet[M, Any]]) -> None:
        self._build = build

    def rows(self, **values: Any) -> list[Row]:
        """The columns, for a query of `values_list`. One statement."""
        made = self._made
        with prepared_cursor() as cursor:
            cursor.execute(made.sql, [values[name] for name in made.parameters])
            rows = [list(row) for row in cursor.fetchall()]
        for place, convert, expression in made.converters:
            for row in rows:
                row[place] = convert(row[place], expression, connection)
        return rows

    def all(self, **values: Any) -> list[M]:
        """Instances, with annotations and what is selected besides. One statement."""
        return [self._made.instance(row) for row in self.rows(**values)]

    def first(self, **values: Any) -> M | None:
        """For a query that finds one or none. One statement."""
        return next(iter(self.all(**values)), None)

    @cached_property
    def _made(self) -> _Made:
        query = self._build()
        compiler = query.query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        expressions = [column[0] for column in compiler.select[: compiler.col_count]]
        converters = (
            (place, convert, expression)
            for place, (functions, expression) in compiler.get_converters(expressions).items()
            for convert in functions
        )
        instance = _instances(compiler) if query._iterable_class is ModelIterable else _no_instance
        return _Made(_with_constants(sql, parameters), _names(parameters), tuple(converters), instance)


def _names(parameters: Iterable[object]) -> tuple[str, ...]:
    return tuple(each.name for each in parameters if isinstance(each, Parameter))


def _with_constants(sql: str, parameters: Iterable[object]) -> str:
    """What never changes put in as text, so that the planner knows it."""
    connection.ensure_connection()
    given, written = iter(parameters), ClientCursor(connection.connection)

    def placed(place: re.Match[str]) -> str:
        if place[0] == "%%" or isinstance(value := next(given), Parameter):
            return place[0]
        return written.mogrify("%s", [value]).replace("%", "%%")

    return re.sub("%[s%]", placed, sql)


class CompiledInsert(Generic[M]):
    """New rows of one model, as `bulk_create` writes them: no signals; every value is known before, the key too."""

    def __init__(self, model: type[M]) -> None:
        self._model = model

    def write(self, *new: M) -> None:
        """One statement."""
        columns, row = self._made
        rows = ", ".join([row] * len(new))
        with prepared_cursor() as cursor:
            values = [
                field.get_db_prep_save(field.pre_save(each, True), cursor.db) for each in new for field in self._fields
            ]
            cursor.execute(f"INSERT INTO {columns} VALUES {rows}", values)  # noqa: S608  (names and placeholders)
        for each in new:
            each._state.adding, each._state.db = False, DEFAULT_DB_ALIAS

    @cached_property
    def _fields(self) -> list[Any]:
        return list(self._model._meta.local_concrete_fields)

    @cached_property
    def _made(self) -> tuple[str, str]:
        quoted = connection.ops.quote_name
        names = ", ".join(quoted(field.column) for field in self._fields)
        return f"{quoted(self._model._meta.db_table)} ({names})", f"({', '.join(['%s'] * len(self._fields))})"


def _instances(compiler: SQLCompiler) -> Callable[[Row], Any]:
    """Makes a row into an instance, as Django's `ModelIterable` does."""
    known, select = compiler.klass_info, compiler.select
    model, places = known["model"], known["select_fields"]
    own = slice(places[0], places[-1] + 1)
    names = [column[0].target.attname for column in select[own]]
    related = get_related_populators(known, select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # as of Django 5.2
    annotations = tuple(compiler.annotation_col_map.items())

    def instance(row: Row) -> Any:
        made = model.from_db(DEFAULT_DB_ALIAS, names, row[own])
        for each in related:
            each.populate(row, made)
        for name, place in annotations:
            setattr(made, name, row[place])
        return made

    return instance


def _no_instance(_: Row) -> NoReturn:
    raise TypeError("A query of values_list has rows and no instances.")
