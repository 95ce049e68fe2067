"""What must do I/O in order, written once over a wire."""
