"""The tree of messages under any sequence of sends, edits and regenerations."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from apps.conversations.tree import Tree

CHOICES = st.lists(st.tuples(st.integers(0, 2**16), st.booleans()), max_size=40)


def grow(choices: list[tuple[int, bool]]) -> tuple[Tree, dict[str, str | None], list[str]]:
    """A tree made as people make one: each step answers any message so far (or none), or adds a sibling to any."""
    parents: dict[str, str | None] = {}
    order: list[str] = []
    for number, (pick, beside) in enumerate(choices):
        near = order[pick % len(order)] if order and pick % (len(order) + 1) else None
        parent = parents[near] if beside and near else near
        identifier = f"m{number}"
        parents[identifier] = parent
        order.append(identifier)
    return Tree(parents.items()), parents, order


@given(CHOICES)
def test_a_path_leads_from_a_root_to_its_message_by_parents(choices: list[tuple[int, bool]]) -> None:
    tree, parents, order = grow(choices)
    for identifier in order:
        path = tree.path(identifier)
        assert path[-1] == identifier
        assert parents[path[0]] is None
        assert [parents[later] for later in path[1:]] == path[:-1]
        assert len(set(path)) == len(path)


@given(CHOICES)
def test_siblings_share_a_parent_and_keep_their_order(choices: list[tuple[int, bool]]) -> None:
    tree, parents, order = grow(choices)
    for identifier in order:
        assert tree.siblings(identifier) == [other for other in order if parents[other] == parents[identifier]]


@given(CHOICES)
def test_the_leaf_under_a_message_has_no_children_and_lies_beneath_it(choices: list[tuple[int, bool]]) -> None:
    tree, _, order = grow(choices)
    for identifier in [None, *order]:
        leaf = tree.leaf(identifier)
        if leaf is None:
            assert not order
            continue
        assert not tree.children(leaf)
        assert identifier is None or identifier in tree.path(leaf)


@given(CHOICES)
def test_every_message_is_on_exactly_one_branch_per_leaf(choices: list[tuple[int, bool]]) -> None:
    tree, _, order = grow(choices)
    leaves = [identifier for identifier in order if not tree.children(identifier)]
    assert {identifier for leaf in leaves for identifier in tree.path(leaf)} == set(order)


@given(CHOICES)
def test_growing_one_by_one_is_the_same_tree(choices: list[tuple[int, bool]]) -> None:
    whole, parents, order = grow(choices)
    grown = Tree([])
    for identifier in order:
        grown.add(identifier, parents[identifier])
        assert identifier in grown
    assert [grown.path(identifier) for identifier in order] == [whole.path(identifier) for identifier in order]
    assert grown.leaf() == whole.leaf()


def test_of_nothing() -> None:
    tree = Tree([])
    assert tree.path(None) == []
    assert tree.leaf() is None
    assert "x" not in tree
