# The web process. No torch, no transformers: this image stays small.
FROM python:3.11-slim-bookworm AS packages
COPY requirements/web.txt /requirements/
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -r /requirements/web.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /home/atrium atrium \
    && mkdir -p /data && chown atrium:atrium /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=root:root manage.py pyproject.toml ./
COPY aiplatform aiplatform
COPY apps apps
COPY engine engine
COPY models models
COPY docker/probe.py /probe.py
COPY static static
COPY templates templates
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ATRIUM_DATA=/data STATIC_ROOT=/app/static-collected
# The key is for this one step; the site gets its own from the environment or the data folder.
RUN SECRET_KEY=build DATABASE_URL=postgresql://build@build/build REDIS_URL=redis://build \
    python manage.py collectstatic --no-input
USER atrium
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "/probe.py"]
CMD ["python", "manage.py", "web", "--host", "0.0.0.0", "--port", "8000"]
