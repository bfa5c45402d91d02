"""`python -m regionkms` is the `regionkms` command."""

from regionkms.cli import main

if __name__ == "__main__":
    main()
