# What the other servers start from: Debian with what docker-compose.yml asks them for their health by.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl netcat-openbsd wget \
    && rm -rf /var/lib/apt/lists/*
