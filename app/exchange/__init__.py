"""What leaves the house for others: records told to other platforms, files built on request."""
