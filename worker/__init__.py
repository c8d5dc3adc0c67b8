"""How the work is carried out: nodes, API, limiter, ledger, publisher, command line, sandbox."""
