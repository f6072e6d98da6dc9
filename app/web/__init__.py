"""What comes in from browsers: the pages, the JSON interface and their guards."""

from app.web.entrance import install

__all__ = ["install"]
