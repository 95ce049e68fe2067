"""The pure core: values and decisions. Nothing here waits, reads a clock, or opens a socket."""
