"""Lets `python -m app` do what the command `yuanping` does."""

from app.cli import main

main()
