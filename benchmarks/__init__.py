"""What the README claims, measured on real servers, beside stock Celery and a reserve-ahead limiter.

python -m benchmarks --list
"""
