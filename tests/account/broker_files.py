"""One Quant's files as the protocol page describes them, written by hand: nothing here comes from the gate."""

from datetime import datetime
from pathlib import Path
from typing import Any, List

from jqtrade.account.order import LimitOrderStyle, Order, OrderAction

UPDATE_HEADER = (
    "updTime,orderDate,orderTime,acctType,acct,symbol,tradeSide,status,orderQty,orderPrice,orderType,filledQty,avgPrice,"
    "filledAmt,cancelQty,orderNo,corrId,custBatchNo,text,cliOrderId"
)
RESULT_HEADER = "updTime,resultType,custBatchNo,status,errorCode,errorMsg"
ORDER_HEADER = (
    "updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
)
ASSET_HEADER = "updTime,acctType,acct,exchange,totalAsset,currentBalance,enabledBalance"
POSITION_HEADER = "updTime,acctType,acct,symbol,currentQty,enabledQty,costPrice,lastPrice,mktValue"


def told(gate: Any) -> List[Any]:
    """What the gate's sync_orders returns, each report as a dict."""
    return [report if isinstance(report, dict) else report._asdict() for report in gate.sync_orders()]


def make_order(order_id: str = "4000000001", code: str = "000001.XSHE", amount: int = 1000, **fields: Any) -> Order:
    """A limit order, a purchase if `amount` is positive."""
    given = {
        "order_id": order_id,
        "code": code,
        "amount": abs(amount),
        "action": OrderAction.open if amount > 0 else OrderAction.close,
        "style": LimitOrderStyle(10.5),
        "create_time": datetime(2026, 1, 5, 9, 31, 2, 345),
    }
    given.update(fields)
    return Order(**given)


def update_row(order_id: str = "4000000001", status: object = 0, **columns: object) -> str:
    """A line of orderUpdate_ about a purchase of 1000 000001.SZ at 10.5 by our account."""
    row: dict = dict.fromkeys(UPDATE_HEADER.split(","), "")
    row.update(
        updTime="093103.000000",
        orderDate="20260105",
        orderTime="093103",
        acctType="UF0",
        acct="1234567",
        symbol="000001.SZ",
        tradeSide="1",
        status=status,
        orderQty="1000",
        orderPrice="10.5",
        orderType="0",
        filledQty="0",
        avgPrice="0",
        filledAmt="0",
        cancelQty="0",
        orderNo="88",
        custBatchNo=order_id,
    )
    unknown = set(columns) - set(row)
    assert not unknown, unknown
    row.update(columns)
    return ",".join(str(row[name]) for name in UPDATE_HEADER.split(","))


def asset_row(total: object = "100000.5", current: object = "60000", enabled: object = "50000", **columns: str) -> str:
    return ",".join(
        [
            "100001",
            "UF0",
            columns.get("acct", "1234567"),
            columns.get("exchange", ""),
            str(total),
            str(current),
            str(enabled),
        ]
    )


def position_row(symbol: str = "000001.SZ", current: object = 300, enabled: object = 200, **columns: str) -> str:
    return ",".join(
        [
            "100001",
            "UF0",
            columns.get("acct", "1234567"),
            symbol,
            str(current),
            str(enabled),
            columns.get("costPrice", "9.5"),
            columns.get("lastPrice", "10"),
            columns.get("mktValue", "3000"),
        ]
    )


def end_row(header: str) -> str:
    return "," * header.count(",")


class OneQuantFolder:
    """The order directory on one day, as the terminal sees it."""

    def __init__(self, path: Path, day: str = "20260105") -> None:
        self.path = path
        self.day = day

    def file(self, kind: str) -> Path:
        return self.path / f"{kind}_{self.day}.csv"

    def append(self, kind: str, *lines: str, encoding: str = "utf-8", end: str = "\r\n") -> None:
        with self.file(kind).open("ab") as file:
            file.write("".join(line + end for line in lines).encode(encoding))

    def write_snapshots(self, assets: List[str], positions: List[str], end: str = "\r\n") -> None:
        """Both files, whole."""
        for kind, header, rows in (("assetInfo", ASSET_HEADER, assets), ("positionInfo", POSITION_HEADER, positions)):
            lines = [header] + rows + [end_row(header)]
            self.file(kind).write_bytes("".join(line + end for line in lines).encode("utf-8"))

    def order_lines(self) -> List[str]:
        """What stands in the order file, the header included."""
        data = self.file("algoOrder").read_bytes()
        assert data.endswith(b"\r\n")
        return data.decode("ascii").split("\r\n")[:-1]
