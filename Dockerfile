# One image for web, workers and beat; docker-compose.yml says what each container runs.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        fonts-hanazono fonts-noto-cjk gettext libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements.txt

FROM base AS style
COPY package.json package-lock.json .npmrc ./
COPY tools/setup.py tools/setup.py
COPY static static
RUN python tools/setup.py style

FROM base
COPY . .
COPY --from=style /app/static/build static/build
RUN useradd --system --uid 10001 --home-dir /data canbao \
    && mkdir --mode 0700 /data \
    && python manage.py compilemessages --verbosity 0 \
    && rm -rf var \
    && chown canbao /data
USER canbao
ENV CANBAO_DEMO=0 CANBAO_VAR_DIR=/data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "portal.wsgi", "--bind=0.0.0.0:8000", "--workers=4", "--worker-class=sync", "--timeout=30", "--graceful-timeout=20", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
