"""Refuses contacts that nobody could reach."""

from guildhall_sdk import Accept, Change, Fault, Refuse, Verdict, validate


@validate
def reachable(changes: list[Change]) -> list[Verdict]:
    return [judge(change) for change in changes]


def judge(change: Change) -> Verdict:
    after = change.after
    if after is None or after.get("email") or after.get("phone"):
        return Accept()
    return Refuse(Fault.invalid("A contact needs an e-mail address or a phone number."))
