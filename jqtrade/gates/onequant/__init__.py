"""Orders through the CSV files of the broker's terminal One Quant."""
