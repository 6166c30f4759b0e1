# packages and model build what service holds; each is rebuilt only when what it copies changes.

FROM python:3.11-slim AS packages
COPY requirements /tmp/requirements
# Neither installer nor test suites run in the service; both cost size, and the first brings findings of its own.
# The last line leaves bytecode for what the service imports and for nothing else: it starts in half the time, at a
# third of the size that all bytecode would have.
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-compile --requirement /tmp/requirements \
    && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools \
    && find /opt/venv -type d -name tests -prune -exec rm -rf {} + \
    && /opt/venv/bin/python -c "import fastapi, mlflow.artifacts, pydantic_settings, sklearn.calibration, sklearn.svm, skops.io, uvicorn.main"


FROM packages AS model
WORKDIR /build
COPY data/tickets.csv data/
# Only what training imports: an edit of the service trains nothing.
COPY src/callcenterai_svm/__init__.py \
    src/callcenterai_svm/canonical.py \
    src/callcenterai_svm/dataset.py \
    src/callcenterai_svm/errors.py \
    src/callcenterai_svm/model.py \
    src/callcenterai_svm/topics.py \
    src/callcenterai_svm/train.py \
    callcenterai_svm/
RUN /opt/venv/bin/python -m callcenterai_svm.train --data data/tickets.csv --output /opt/model


FROM python:3.11-slim AS service
# HOME: the user below is a number and has none, and MLflow does not go without.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MODEL_PATH=/opt/model
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY --from=model /opt/model /opt/model
COPY src/callcenterai_svm callcenterai_svm
# A number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 8000
CMD ["uvicorn", "--factory", "callcenterai_svm.app:create_app", "--host", "0.0.0.0", "--port", "8000"]
