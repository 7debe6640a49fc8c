"""Where jqtrade keeps what it must not forget."""

import os


def home_dir() -> str:
    """Return the absolute path of $JQTRADE_HOME, by default ~/jqtrade."""
    return os.path.abspath(os.path.expanduser(os.environ.get("JQTRADE_HOME") or os.path.join("~", "jqtrade")))
