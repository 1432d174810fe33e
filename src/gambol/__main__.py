"""`python -m gambol`, which `torchrun` can start several times."""

from gambol.app.cli import main

if __name__ == "__main__":
    main()
