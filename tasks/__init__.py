"""What the work is: the command, its outcome, its event, and the decisions between them."""
