"""The fleet-wide limiter: no request leaves without a slot.

`limiter.lua` holds the rules, `twin.py` the same in Python to check them, `script.py` runs the script,
`gate.py` lets the threads of one process wait their turn.
"""
