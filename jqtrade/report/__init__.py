"""From a record, a replay's or a live one's, to files and pictures."""
