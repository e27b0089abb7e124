"""``python -m enliven`` is the same as ``enliven``."""

from enliven.apps.cli.main import main

if __name__ == "__main__":
    main()
