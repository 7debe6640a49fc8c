"""Run a strategy over past days in virtual time, and show what it did. Only the command line imports this."""
