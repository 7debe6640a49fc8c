"""Strategy processes seen from outside: what was asked for, who runs under which name, starting and stopping."""
