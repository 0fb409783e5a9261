"""A walk through the API of Guildhall, with a client that is generated from its OpenAPI document."""

import json
import os
import sys
from typing import TypeVar
from uuid import UUID, uuid4

import httpx
from guildhall_client import AuthenticatedClient
from guildhall_client.api.company import create_company, delete_company
from guildhall_client.api.contact import (
    batch_contact,
    create_contact,
    delete_contact,
    get_contact,
    list_contact,
    restore_contact,
    timeline_contact,
    update_contact,
)
from guildhall_client.api.people import me
from guildhall_client.errors import UnexpectedStatus
from guildhall_client.models import (
    BatchDeed,
    BatchInput,
    BatchMode,
    BatchOperation,
    BatchOperationFieldsType0,
    CompanyNew,
    ContactChanges,
    ContactNew,
    Problem,
)
from guildhall_client.types import UNSET, Unset
from patient import Patient

T = TypeVar("T")


class Refused(Exception):
    """The host refused something; the problem says what and why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.code} ({problem.status}): {problem.detail}")


def check(answer: object) -> None:
    """Lets everything pass but a problem."""
    if isinstance(answer, Problem):
        raise Refused(answer)


def done(answer: T | Problem | None) -> T:
    """What an answer holds, unless it is a problem."""
    if isinstance(answer, Problem):
        raise Refused(answer)
    if answer is None:
        raise RuntimeError("an answer without what it should hold")
    return answer


def refused(answer: object) -> Problem:
    """The problem that has to come."""
    if not isinstance(answer, Problem):
        raise RuntimeError(f"{answer} where a problem was expected")
    return answer


def walk(client: AuthenticatedClient) -> None:
    print("me:", *done(me.sync(client=client)).roles)

    company = done(create_company.sync(client=client, body=CompanyNew(name="Example Ltd")))
    print(f"company: {company.name}, version {company.version}")
    ann = done(create_contact.sync(client=client, body=ContactNew(name="Ann Example", company=company.id)))
    print(f"contact: {ann.name}, version {ann.version}")

    # A change of what was read: it is done if nobody else has changed the record since.
    read = f'"{ann.version}"'
    changed = done(update_contact.sync(ann.id, client=client, if_match=read, body=ContactChanges(city="Bern")))
    print(f"changed: {changed.city}, version {changed.version}")
    stale = refused(update_contact.sync(ann.id, client=client, if_match=read, body=ContactChanges(city="Basel")))
    print(f"conflict: {stale.status} {stale.code}, at version {stale['current_version']}")

    # Sent twice, done once: whoever has lost an answer sends the same again.
    batch = BatchInput(
        mode=BatchMode.ATOMIC,
        operations=[create(f"{name} Example", company.id) for name in ["Bob", "Cid", "Eve", "Zoë"]],
    )
    key = str(uuid4())
    first = done(batch_contact.sync(client=client, body=batch, idempotency_key=key))
    print("batch:", *[outcome.status for outcome in first.outcomes])
    again = batch_contact.sync_detailed(client=client, body=batch, idempotency_key=key)
    equal = "the same answer" if done(again.parsed) == first else "another answer"
    print(f"again: {equal}, replayed: {again.headers.get('Idempotency-Replayed')}")

    filter_ = json.dumps({"company": {"_eq": str(company.id)}})
    ids: list[UUID] = []
    cursor: str | Unset | None = UNSET
    while cursor is not None:
        page = done(
            list_contact.sync(client=client, filter_=filter_, sort="-name", limit=2, fields="name", cursor=cursor)
        )
        print("page:", ", ".join(str(contact.name) for contact in page.data))
        ids += [contact.id for contact in page.data]
        cursor = page.next_cursor

    check(delete_contact.sync(ann.id, client=client, if_match=f'"{changed.version}"'))
    gone = refused(get_contact.sync(ann.id, client=client))
    print(f"deleted: {gone.status} {gone.code}")
    record = done(restore_contact.sync(ann.id, client=client)).record
    print(f"restored: {record.name}, version {record.version}")
    timeline = done(timeline_contact.sync(ann.id, client=client))
    print("timeline:", *[event.type_ for event in timeline.data])

    # Nothing is left behind.
    batch = BatchInput(mode=BatchMode.ATOMIC, operations=[BatchOperation(op=BatchDeed.DELETE, id=id) for id in ids])
    done(batch_contact.sync(client=client, body=batch))
    check(delete_company.sync(company.id, client=client))
    print(f"cleaned: {len(ids)} contacts, 1 company")


def create(name: str, company: UUID) -> BatchOperation:
    """An operation that creates a contact."""
    fields = BatchOperationFieldsType0.from_dict({"name": name, "company": str(company)})
    return BatchOperation(op=BatchDeed.CREATE, fields=fields)


def environment(name: str) -> str:
    """What a variable of the environment says."""
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"{name} is not set")
    return value


def main() -> None:
    client = AuthenticatedClient(
        base_url=environment("GUILDHALL_URL"),
        token=environment("GUILDHALL_KEY"),
        raise_on_unexpected_status=True,
        httpx_args={"transport": Patient()},
    )
    with client:
        walk(client)


if __name__ == "__main__":
    try:
        main()
    except (Refused, RuntimeError, UnexpectedStatus, httpx.HTTPError) as error:
        sys.exit(f"error: {error}")
