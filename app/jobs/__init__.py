"""The clock that ticks and what each tick looks for."""
