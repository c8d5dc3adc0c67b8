# The image holds the three packages and what they import, nothing to build or to test with.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
# What changes seldom comes first. Everything has a wheel: without a compiler here nothing can be built by accident.
COPY requirements.lock requirements.runtime.lock ./
RUN python -m venv /opt/standdown \
    && /opt/standdown/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements.runtime.lock
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY settings settings
COPY tasks tasks
COPY worker worker
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && /opt/standdown/bin/pip install --no-deps --no-index dist/*.whl \
    && /opt/standdown/bin/pip uninstall --yes pip

FROM python:3.12-slim-bookworm
COPY --from=build /opt/standdown /opt/standdown
ENV PATH=/opt/standdown/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["standdown"]
