"""A Redis that answers and yet takes nothing: full, or read-only. Everything waits, says so once, and goes on."""

from pathlib import Path

import redis

from tests.acceptance.fleet import BUCKET, REGION, Fleet, until
from tests.servers import RedisServer

PLACE = ["--bucket", BUCKET, "--region", REGION]


def test_a_full_and_a_read_only_redis_are_waited_for(own_redis: RedisServer, tmp_path: Path) -> None:
    """Nothing is sent meanwhile, producers are told, nothing is lost, and the log says each thing once."""
    fleet = Fleet(tmp_path, {"STANDDOWN_BROKER_URL": own_redis.url, "STANDDOWN_LIMIT_PER_S": "50"})
    try:
        with redis.Redis.from_url(own_redis.url) as server:
            fleet.start_sandbox("--limit-per-s", "50")
            fleet.start("worker")
            fleet.wait_for_nodes()
            ids = "".join(f"av{number}\n" for number in range(200)).encode()
            fleet.run("purge", "-", *PLACE, "--no-wait", stdin=ids)
            until(lambda: fleet.witness()["requests_total"] >= 50, "a quarter was sent")

            server.config_set("maxmemory", "1mb")
            until(lambda: fleet.log_lines("limiter.lost"), "the nodes noticed")
            refused = fleet.run("cancel", "avx", *PLACE)
            assert refused.returncode == 4
            assert b"cannot be reached" in refused.stderr
            sent = fleet.witness()["requests_total"]
            assert fleet.run("config").returncode == 0  # some time passes
            assert fleet.witness()["requests_total"] == sent
            server.config_set("maxmemory", "0")
            until(lambda: fleet.witness()["distinct_jobs_cancelled"] == 200, "all are cancelled", 60)

            server.replicaof("127.0.0.1", "1")
            until(lambda: fleet.log_lines("broker.refused"), "the consumers noticed")
            server.execute_command("REPLICAOF", "NO", "ONE")  # type: ignore[no-untyped-call]
        assert fleet.run("cancel", "avy", *PLACE, "--wait=60").returncode == 0
        assert fleet.witness()["worst_second_all"] <= 50
        for said in ("ledger.lost", "limiter.lost", "broker.refused"):
            assert len(fleet.log_lines(said)) <= 4, f"{said} is said once a node and occasion"
    finally:
        fleet.close()
