"""The fixtures of account_fixtures.py; tests of the gates have them too."""

from account_fixtures import *  # noqa: F403
