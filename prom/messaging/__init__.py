"""Ways to send and receive texts."""
