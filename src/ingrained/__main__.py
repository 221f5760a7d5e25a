"""`python -m ingrained`."""

from ingrained.agent.cli import main

if __name__ == "__main__":
    main()
