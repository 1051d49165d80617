"""`python -m filmroom` is the program `filmroom`."""

from filmroom.cli.main import main

if __name__ == "__main__":
    main()
