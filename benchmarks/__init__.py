"""What streaming costs, measured: `python -m benchmarks`."""
