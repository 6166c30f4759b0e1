# packages, model and application are made side by side; service holds what they leave. Each is made again only when
# what it copies changes: an edit of the service installs and trains nothing.
#
# The times of all files are SOURCE_DATE_EPOCH, so that equal files are equal layers; those of the image itself are up to
# the builder (https://reproducible-builds.org/specs/source-date-epoch/).

FROM python:3.11-slim AS installer
# Takes a third of pip's time, and stays behind.
COPY requirements.uv /tmp/
RUN pip install --no-cache-dir --root-user-action=ignore --require-hashes --requirement /tmp/requirements.uv
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 VIRTUAL_ENV=/venv
RUN uv venv /venv


FROM installer AS packages
ARG SOURCE_DATE_EPOCH=0
COPY requirements /tmp/
# Test suites and type stubs do not run. The import leaves bytecode for what the service imports and for nothing else,
# whereby it starts in half the time, at a third of the size of all bytecode. The first line is its download from MLflow,
# the others are its start; a test holds them complete. Times are set before it too: bytecode is valid for one time of its
# source.
RUN uv pip install --require-hashes --requirement /tmp/requirements \
    && find /venv -type d -name tests -prune -exec rm -rf {} + \
    && find /venv -name '*.pyi' -delete \
    && find /venv -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} + \
    && /venv/bin/python -c "import \
mlflow.artifacts, mlflow.tracking.request_header.registry, \
fastapi.openapi.docs, fastapi.telemetry._runtime, numpy.typing, prometheus_client.core, pydantic.v1, pydantic_settings, \
safetensors.numpy, uvicorn.lifespan.on, uvicorn.loops.uvloop, uvicorn.main, uvicorn.protocols.http.httptools_impl" \
    && find /venv -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +


FROM installer AS training
COPY requirements requirements.train /tmp/
RUN uv pip install --require-hashes --requirement /tmp/requirements.train


FROM training AS model
ARG SOURCE_DATE_EPOCH=0
WORKDIR /build
COPY data/tickets.csv data/
# Training is all but the folder service/, which these lines leave out.
COPY src/callcenterai_svm/*.py callcenterai_svm/
COPY src/callcenterai_svm/templates callcenterai_svm/templates
RUN /venv/bin/python -m callcenterai_svm.train --data data/tickets.csv --output /model \
    && find /model -exec touch --date="@$SOURCE_DATE_EPOCH" {} +


FROM python:3.11-slim AS application
ARG SOURCE_DATE_EPOCH=0
COPY src/callcenterai_svm /app/callcenterai_svm
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app \
    && find /app -exec touch --date="@$SOURCE_DATE_EPOCH" {} +


FROM python:3.11-slim AS service
# HOME: the user below is a number and has none, and MLflow does not go without.
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MODEL_PATH=/model
# These folders are new in the image, so each keeps the time of its source; a copy into a folder that exists would leave the
# time of the build there.
COPY --from=packages /venv /venv
COPY --from=model /model /model
COPY --from=application /app /app
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 8000
# One worker, because the model is one core's work and Kubernetes counts pods; no access log, because the service writes
# its own; 20 s for running requests to end, which leaves 10 of the 30 that Kubernetes waits.
CMD ["uvicorn", "--factory", "callcenterai_svm.service.app:create_app", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--loop", "uvloop", "--http", "httptools", "--ws", "none", "--no-proxy-headers", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "20"]
