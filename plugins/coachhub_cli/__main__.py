"""``python -m coachhub_cli`` is the ``coachhub`` command."""

from coachhub_cli import main

if __name__ == "__main__":
    main()
