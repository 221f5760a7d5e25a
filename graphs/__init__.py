"""The agent's loops as LangGraph graphs: study, with consolidation inside it."""
