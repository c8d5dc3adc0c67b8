"""The command line: one file a command, each a thin ring around what it shows or starts."""
