"""jqtrade: run a trading strategy on a real stock account from your own computer."""

__version__ = "2.0.0"
