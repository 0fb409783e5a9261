from decimal import Decimal

import pytest

from guildhall_sdk import Money, Record
from guildhall_sdk.values import to_json


def test_getters_read_what_the_host_sends() -> None:
    record = Record(id="7", total={"amount": "29.33", "currency": "USD"}, rate="1.50", points=12, note=None)
    assert record.id == "7"
    assert record.money("total") == Money(Decimal("29.33"), "USD")
    assert str(record.money("total")) == "29.33 USD"
    assert record.decimal("rate") == Decimal("1.5")
    assert record.decimal("points") == 12
    assert record.text("note") is None
    assert Record().id == ""


@pytest.mark.parametrize("value", [None, "", "abc", "NaN", "Infinity", 0.5, True, {}])
def test_what_is_no_exact_number_is_none(value: object) -> None:
    assert Record(rate=value).decimal("rate") is None
    assert Record(total={"amount": value, "currency": "USD"}).money("total") is None


def test_arithmetic_is_exact() -> None:
    large = Decimal("123456789012345678901234567890.123456789012345678")
    assert to_json(large * 3) == '"370370367037037036703703703670.370370367037037034"'


def test_numbers_become_fields() -> None:
    assert to_json({"rate": Decimal("1E+3"), "small": Decimal("1E-9")}) == '{"rate": "1000", "small": "0.000000001"}'
    assert to_json(Money(Decimal("5.00"), "EUR")) == '{"amount": "5.00", "currency": "EUR"}'
    for wrong in (object(), Decimal("NaN")):
        with pytest.raises(TypeError):
            to_json(wrong)
    with pytest.raises(ValueError):
        to_json(float("nan"))
