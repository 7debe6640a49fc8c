"""Everything about a strategy's file that can be found wrong before money is at stake."""
