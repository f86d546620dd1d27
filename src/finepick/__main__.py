"""`python -m finepick` is `finepick`."""

from finepick.cli import main

if __name__ == "__main__":
    main()
