"""Which account numbers a strategy's source gives away, and what of a text may not reach a terminal."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jqtrade.masking import Masker, visible
from jqtrade.tasks.spec import mask_env, masker_for

NUMBER = "8801234567"


@pytest.mark.parametrize(
    "line",
    [
        'set_options(account_no="8801234567", bogus=1)',
        "set_options(account_no='8801234567')",
        "set_options(account_no=8801234567)",
        "set_options(account_no = 8801234567 , x=1)",
        "set_options(account_no=str(8801234567))",
        'set_options(account_no=u"8801234567")',
        'set_options(account_no="""8801234567""")',
        'set_options(account_no="8801234567, bogus=1)',
        "set_options(account_no='8801234567",
        'OPTIONS = {"account_no": "8801234567"}',
        "OPTIONS = {'account_no' : 8801234567}",
        'options["account_no"] = "8801234567"',
        'options.setdefault("account_no", "8801234567")',
        'ACCOUNT_ACCOUNT_NO = "8801234567"',
        "ACCOUNT_ACCOUNT_NO=8801234567",
        'account_no: str = "8801234567"',
        'AccountNo = "8801234567"',
        'ACCOUNT = "8801234567"',
        'my_acct = "8801234567"',
        'if account_no == "8801234567":',
        '# account_no="8801234567"',
        "set_options(\n    account_no=\n        '8801234567',\n)",
        "account_no: Final[str] = '8801234567'",
        "account_no : Optional[str] = '8801234567'",
        "account_no = (\n  '8801234567')",
        "account_no = [\n  '8801234567',\n]",
        "account_no = \\\n  '8801234567'",
        "account_no=f'{x}8801234567'",
        "def start(cash, account_no='8801234567'):",
        "if account_no in ('8801234560', '8801234567'):",
        "set_options(**{'account_no': '8801234567'})",
        'os.environ.get("ACCOUNT_NO", "8801234567")',
        "number='8801234567'; set_options(account_no=number)",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_an_account_number_of_the_source_is_hidden_before_the_file_is_loaded(
    tmp_path: Path, line: str, encoding: str
) -> None:
    path = tmp_path / "s.py"
    path.write_bytes(("# 我的策略\n" + line + "\n").encode(encoding))
    masker = masker_for({}, str(path), None)
    assert NUMBER not in masker(line) and "67" in masker(line)


@pytest.mark.parametrize(
    "line",
    [
        "my_order(account, '600519.XSHG', 100)",
        "def trade(account, code='600519.XSHG'): pass",
        "d[account] = '600519.XSHG'",
        "order(context.account, '600519.XSHG')",
        "log.info('acct', '000001.XSHE')",
        "accounts: '600519.XSHG'",
        "account_no = get('600519.XSHG', 100000)",
        "ACCOUNT_START = '20260105'",
        "ACCOUNT = '20260105'",
        "account_file = '/data/20260105/pos.csv'",
        "account = '/data/20260105123456/pos.csv'",
        "init(account_no, 100000)",
        "setup(account_no=account_no, cash=100000)",
        "print(account_no, 2026)",
        'cfg = {"account_no": 1000}',
        "if account_no:\n    day = 'v2026-01'",
        'COLUMNS = ["account_no", "cash", "1000000"]',
        "account_no = ACCOUNT",
        'account_no=os.environ["ACCOUNT_NO"]',
        'account_no="资金账号"',
        "account_no=None",
        "account_cash = 1000000",
        'account_type = "stock"',
        "paper_cash=1000000",
    ],
)
def test_what_is_no_account_number_stays_as_it_is(tmp_path: Path, line: str) -> None:
    path = tmp_path / "s.py"
    path.write_text(line, encoding="utf-8")
    assert masker_for({}, str(path))(line) == line


def test_a_number_with_underscores_is_hidden_with_and_without_them(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("account_no = 8801_234_567")
    masker = masker_for({}, str(path))
    assert masker("8801_234_567 8801234567") == "**********67 ********67"


@pytest.mark.parametrize("gap", [" ", " \\\n    ", "\n    "])
def test_a_number_in_two_pieces_is_hidden_as_it_is_written_and_as_it_is(tmp_path: Path, gap: str) -> None:
    path = tmp_path / "s.py"
    path.write_text(f"set_options(account_no=('8801'{gap}'2345'))", encoding="utf-8")
    masker = masker_for({}, str(path))
    assert masker("88012345 at 8801 2345") == "******45 at 8801 2345"
    shown = masker(f"account_no='8801'{gap}'2345'")
    assert "8801" not in shown and "2345" not in shown


@pytest.mark.parametrize(
    "value", ["2026-0001", "acct_2026_01", "DMA-2026-0001", ["20260105"], 1000, 20260105, "2026 / 1"]
)
def test_the_parts_of_an_account_number_that_stand_in_every_line_stay(value: Any) -> None:
    masker = Masker()
    masker.hide_account_no(value)
    line = "2026-01-05 09:30:00.000 INFO 600519.XSHG 20260105 1000 股 100000.00"
    assert masker(line) == line


@pytest.mark.parametrize(
    "env", [{"ACCOUNT_CASH": "100000"}, {"MAX_ACCOUNTS": "1000"}, {"SUBACCOUNT": "2026"}, {"ACCOUNT": "main"}]
)
def test_amounts_and_words_of_the_environment_stay(env: Any) -> None:
    assert masker_for(env)("2026-01-05 100000.00 1000 main") == "2026-01-05 100000.00 1000 main"


def test_a_file_that_cannot_be_read_is_somebody_elses_trouble(tmp_path: Path) -> None:
    masker = masker_for({"API_TOKEN": "xyzzy12345"}, str(tmp_path / "missing.py"), str(tmp_path), None)
    assert masker("8801234567 xyzzy12345") == "8801234567 ***"  # what is known otherwise is hidden all the same


@pytest.mark.parametrize(
    "value", ["8801234567", 8801234567, 8801234567.0, b"8801234567", ["8801234567"], ("x", 8801234567), " 8801234567 "]
)
def test_whatever_was_given_as_the_account_number_is_hidden(value: Any) -> None:
    masker = Masker()
    masker.hide_account_no(value)
    assert NUMBER not in masker(f"应为字符串，收到 {value!r}") and NUMBER not in masker(NUMBER)


def test_no_account_number_hides_nothing() -> None:
    masker = Masker()
    for value in (None, "", True, object, "abc"):
        masker.hide_account_no(value)
    assert masker("None True 2026 object") == "None True 2026 object"


def test_account_numbers_and_secrets_of_the_environment_are_hidden_wherever_they_stand() -> None:
    env = {
        "ACCOUNT_NO": "8801234567",
        "MY_TOKEN": "s3cr3t-Pa55",
        "DB": "mysql://user:geheim123@host/db",
        "ALL": "8801234567 s3cr3t-Pa55 geheim123",
        "USER": "wang",
        "AUTHOR": "wang",
    }
    assert mask_env(env) == {
        "ACCOUNT_NO": "********67",
        "MY_TOKEN": "***",
        "DB": "mysql://user:***@host/db",
        "ALL": "********67 *** ***",
        "USER": "wang",
        "AUTHOR": "wang",
    }


def test_control_characters_are_written_out_and_lines_and_tabs_stay() -> None:
    assert visible("a\x1b[2K\rb\x85\u2028\u2029c\x7f\x9b\x00\u202e") == (
        "a\\x1b[2K\\rb\\x85\\u2028\\u2029c\\x7f\\x9b\\x00\\u202e"
    )
    assert visible("中文\n\tline é") == "中文\n\tline é"


def test_no_character_of_unicode_that_breaks_a_line_or_moves_a_cursor_is_left() -> None:
    for number in range(0x110000):
        if number in (0x09, 0x0A):
            continue
        shown = visible(chr(number))
        assert (
            shown.splitlines() == [shown]
            and shown.encode("utf-8")
            and (number >= 0xA0 or shown == chr(number) or "\\x" in shown or "\\r" == shown)
        )


MEASURES = """
import resource
from jqtrade.account_numbers import find_account_nos
source = "account_no = '1234567890'\\nMODEL = " + {quote!r} + "eJzs0" * 600000 + {quote!r}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert find_account_nos(source) == {{"1234567890"}}
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.posix
@pytest.mark.parametrize("quote", ["'", '"', "'''", '"""'])
def test_a_model_of_megabytes_within_the_source_takes_little_memory_to_read(quote: str) -> None:
    """It is read at the start of a task, on machines with 1 GB of memory."""
    kib = subprocess.check_output([sys.executable, "-c", MEASURES.format(quote=quote)])
    assert int(kib) / (1024 if sys.platform == "darwin" else 1) < 64 * 1024
