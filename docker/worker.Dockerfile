# One worker. TORCH_INDEX names a package index with another build of torch, such as a small one without CUDA.
FROM python:3.11-slim-bookworm AS packages
ARG TORCH_INDEX=
COPY requirements/web.txt requirements/worker.txt /requirements/
RUN python -m venv /venv \
    && if [ -n "$TORCH_INDEX" ]; then /venv/bin/pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" \
       "$(grep '^torch==' /requirements/worker.txt)"; fi \
    && /venv/bin/pip install --no-cache-dir -r /requirements/worker.txt

FROM python:3.11-slim-bookworm
# Kernels and layers of models are compiled for the machine they run on.
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ libc6-dev && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home --home-dir /home/atrium atrium \
    && mkdir -p /data && chown atrium:atrium /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py pyproject.toml ./
COPY aiplatform aiplatform
COPY apps apps
COPY engine engine
COPY models models
COPY docker/probe.py /probe.py
COPY static static
COPY templates templates
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ATRIUM_DATA=/data WORKER_METRICS_PORT=9100
USER atrium
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s CMD ["python", "/probe.py", "http://127.0.0.1:9100/metrics"]
CMD ["celery", "-A", "aiplatform", "worker", "--pool=threads", "--concurrency=2", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
