"""What is being evaluated: projects, lots and the parties to avoid."""
