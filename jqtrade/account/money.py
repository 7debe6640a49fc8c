"""Amounts of money as whole millionths of a yuan: exact to add up and to compare, as prices have at most 6 decimals."""

MILLION = 10**6
_EXACT_PRODUCT = 2e9
"""yuan below which the product of a float and a million is off by less than half a millionth"""


def scaled(number: float, factor: int) -> int:
    """`number` times `factor`, rounded to a whole number; exactly as the float stands, however large it is."""
    numerator, denominator = number.as_integer_ratio()
    return (2 * numerator * factor + denominator) // (2 * denominator)


def millionths(yuan: float) -> int:
    """Yuan as millionths, rounded: 999.9999999 yuan of a gate that adds up floats are 1000.

    What `yuan_of` made comes back as it was below 8.5e9 yuan: above, a float does not hold 6 decimals.
    """
    yuan = float(yuan)
    return round(yuan * MILLION) if -_EXACT_PRODUCT < yuan < _EXACT_PRODUCT else scaled(yuan, MILLION)


def yuan_of(amount: int) -> float:
    """Millionths as yuan, the nearest float."""
    return amount / MILLION


def format_yuan(amount: int) -> str:
    """Millionths written in yuan: two decimals, and more where there is more to tell."""
    whole, rest = divmod(abs(amount), MILLION)
    decimals = f"{rest:06d}"
    return "-" * (amount < 0) + f"{whole}.{decimals[:2]}{decimals[2:].rstrip('0')}"


def rounded_up(numerator: int, denominator: int) -> int:
    """The quotient of two whole numbers, rounded up."""
    return -(-numerator // denominator)
