"""Kills workers, brokers and the state while commands run, then counts: nothing lost, nothing twice, nobody stuck.

    plan, workload, rubbish   what happens when, all of it from one seed
    place, saboteur           the servers and processes, and who kills them
    producer, foreign         who enqueues, with retries
    listener, books, witness  three who saw it: a consumer of events, the ledger, the pretended API
    evidence, findings        what they saw, and what follows from it: pure
    verdict, recovery, report what must hold, how long it took, and how it is told

python -m benchmarks.chaos --help
"""
