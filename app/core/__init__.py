"""The ground everything stands on: settings, time, ids, errors, the database and the words."""
