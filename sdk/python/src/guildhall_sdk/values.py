"""Records and the values of their fields."""

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, getcontext
from typing import Any

# Python rounds to 28 digits; sums and products of what the host keeps have more.
getcontext().prec = 100


@dataclass(frozen=True)
class Money:
    """An amount in a currency: `{"amount": "29.33", "currency": "USD"}` as a field."""

    #: How much, in the main unit of the currency.
    amount: Decimal
    #: Its ISO 4217 code.
    currency: str

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"


class Record(dict[str, Any]):
    """The fields of a record by name, as the host hands them out: decimals are text, and money is a dictionary.

    The getters answer `None` when a field is absent, empty, or of another type.
    """

    @property
    def id(self) -> str:
        """The id; the empty text for a record that is not stored yet."""
        return self.text("id") or ""

    def text(self, field: str) -> str | None:
        """A field of any kind that is written as text."""
        value = self.get(field)
        return value if isinstance(value, str) else None

    def decimal(self, field: str) -> Decimal | None:
        """A decimal number, exact."""
        return _decimal(self.get(field))

    def money(self, field: str) -> Money | None:
        """An amount of money, exact."""
        value = self.get(field)
        if not isinstance(value, dict):
            return None
        amount, currency = _decimal(value.get("amount")), value.get("currency")
        return Money(amount, currency) if amount is not None and isinstance(currency, str) else None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _plain(value: Any) -> Any:
    match value:
        case Decimal() if value.is_finite():
            return f"{value:f}"
        case Money():
            return {"amount": value.amount, "currency": value.currency}
    raise TypeError(f"{value!r} cannot be sent to the host")


_encoder = json.JSONEncoder(default=_plain, allow_nan=False)


def to_json(value: Any) -> str:
    """JSON for the host. Decimals and money are written as the host keeps them."""
    return _encoder.encode(value)
