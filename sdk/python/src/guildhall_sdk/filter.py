"""Which records a query finds: the filter tree of the HTTP API, put together by functions."""

from collections.abc import Iterable
from typing import Any

#: A condition that a record meets or does not meet.
Filter = dict[str, Any]


def eq(field: str, value: Any) -> Filter:
    """The field is equal to the value."""
    return {field: {"_eq": value}}


def ne(field: str, value: Any) -> Filter:
    """The field is not equal to the value."""
    return {field: {"_neq": value}}


def lt(field: str, value: Any) -> Filter:
    """The field is less than the value."""
    return {field: {"_lt": value}}


def lte(field: str, value: Any) -> Filter:
    """The field is less than or equal to the value."""
    return {field: {"_lte": value}}


def gt(field: str, value: Any) -> Filter:
    """The field is greater than the value."""
    return {field: {"_gt": value}}


def gte(field: str, value: Any) -> Filter:
    """The field is greater than or equal to the value."""
    return {field: {"_gte": value}}


def any_of(field: str, values: Iterable[Any]) -> Filter:
    """The field is equal to one of the values."""
    return {field: {"_in": list(values)}}


def linked(link: str, condition: Filter) -> Filter:
    """The record that the link names is there and meets the condition."""
    return {link: condition}


def some(other_end: str, condition: Filter) -> Filter:
    """Some record that links to this one, by the name of the link's other end, meets the condition."""
    return {other_end: {"_some": condition}}


def all_met(*conditions: Filter) -> Filter:
    """All of the conditions are met."""
    return {"_and": list(conditions)}


def any_met(*conditions: Filter) -> Filter:
    """At least one of the conditions is met."""
    return {"_or": list(conditions)}


def not_met(condition: Filter) -> Filter:
    """The condition is not met."""
    return {"_not": condition}
