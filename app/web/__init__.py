"""What comes in from browsers: the pages, the JSON interface and their guards."""
