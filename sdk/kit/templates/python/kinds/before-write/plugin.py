"""Trims the names of contacts before they are stored."""

from guildhall_sdk import Accept, Amend, Change, Fault, Outcome, Refuse, before_write


@before_write
def tidy(changes: list[Change]) -> list[Outcome]:
    return [trim_name(change) for change in changes]


def trim_name(change: Change) -> Outcome:
    name = change.after.text("name") if change.after else None
    if name is None:
        return Accept()
    trimmed = name.strip()
    if not trimmed:
        return Refuse(Fault.invalid("A contact needs a name."))
    return Accept() if trimmed == name else Amend({"name": trimmed})
