"""What the store derives, and what is browsed in it."""
