"""`python -m bdrp` is `bdrp`."""

from bdrp.cli import main

if __name__ == "__main__":
    main()
