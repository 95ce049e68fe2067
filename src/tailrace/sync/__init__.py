"""The client for synchronous code."""
