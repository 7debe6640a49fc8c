"""The fixtures of account_fixtures.py, as tests of the account have."""

from account_fixtures import *  # noqa: F403
