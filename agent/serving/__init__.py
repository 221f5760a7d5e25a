"""A vLLM server that is started for one home, and kept at the adapter that is promoted there."""
