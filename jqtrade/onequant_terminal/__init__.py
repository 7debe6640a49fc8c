"""The other side of the One Quant files: the paper exchange as the broker's terminal shows it."""
