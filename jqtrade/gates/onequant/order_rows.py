"""OrderRows: whether the row of an order stands in the order file, by what the file held at one moment."""

from typing import Dict, List, Optional


class OrderRows:
    """The content of an order file, whole lines by order id; the first one is a header, whatever stands there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        whole, _, self._torn = data.rpartition(b"\n")
        self._by_id: Dict[bytes, List[List[bytes]]] = {}
        for line in whole.split(b"\n")[1:]:
            fields = line.rstrip(b"\r").split(b",")
            self._by_id.setdefault(b"".join(fields[1:2]), []).append(fields)

    def know(self, order_id: bytes) -> bool:
        """Whether a whole line has this id."""
        return order_id in self._by_id

    def have(self, row: bytes) -> Optional[bool]:
        """Whether `row`, which asks for an order, stands there whole; None if some of it may.

        A row is whole with its line end and every field, the last price to its last digit. A part that ends before the
        id does, and has got a line end since, asks for nothing.
        """
        wanted = row.split(b",")
        order_id = wanted[1]
        for fields in self._by_id.get(order_id, ()):
            if fields[:1] == wanted[:1] and fields[3:] == wanted[3:]:  # counter_type may have been set to another since
                return True
        if (
            order_id in self._data or b"\0" in self._data
        ):  # zeros: a power cut kept the length of a file, not the content
            return None
        return None if self.may_be_torn([row]) else False

    def may_be_torn(self, rows: List[bytes]) -> bool:
        """Whether the last line, if it has no end, can be the beginning of one of `rows`, by its time and order id."""
        starts = [b",".join(row.split(b",", 2)[:2]) for row in rows]
        return self._torn != b"" and any(self._torn[: len(start)] == start[: len(self._torn)] for start in starts)
