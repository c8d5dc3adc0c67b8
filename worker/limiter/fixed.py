"""The limiter's fixed numbers, those at the top of limiter.lua. Times are microseconds."""

SECOND_US = 1_000_000
STALE_US = 250_000
WAIT_MAX_US = SECOND_US
GUARD_MIN_US, GUARD_MAX_US = 5_000, 250_000
GUARD_KEPT_US = 3600 * SECOND_US
RECOVERY_US = 2 * SECOND_US
FAILURES_MAX = 5
PROBE_US = {"failing": (2 * SECOND_US, 30 * SECOND_US), "account": (5 * SECOND_US, 60 * SECOND_US)}
