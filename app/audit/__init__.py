"""What was done, by whom and when, in a chain that shows every later change (全程留痕)."""
