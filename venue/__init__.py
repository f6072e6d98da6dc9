"""Where they evaluate: centers, rooms, seats, bookings and the isolated online room (评标场地)."""
