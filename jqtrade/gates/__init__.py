"""Ways to a broker, and how the one that a strategy names is found."""

import jqtrade.account  # noqa: F401  before any of ours: its public names include our One Quant gate
