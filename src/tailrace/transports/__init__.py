"""Ways to the network, one HTTP client a file, each imported when first needed."""
