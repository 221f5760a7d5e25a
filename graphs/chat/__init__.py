"""A conversation with the agent, as a graph: recall, answer, check, keep."""
