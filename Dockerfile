# The worker, for docker-compose.yml. Both stages are the same Debian, so that the program finds the oneDNN it was
# built with.
FROM golang:1.26.8-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends libdnnl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Before the sources, so that a change in those downloads nothing again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN go build -trimpath -o /out/worker ./worker && CGO_ENABLED=0 go build -trimpath -o /out/starter ./starter

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libdnnl2 libgomp1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /twinview --create-home twinview \
    && install --directory --owner=twinview /var/cache/twinview
COPY --from=build /out/worker /out/starter /usr/local/bin/
COPY LICENSE /twinview/
ENV OMP_WAIT_POLICY=passive
USER twinview
WORKDIR /twinview
VOLUME /var/cache/twinview
# Temporal and the store can be reached, and a worker polls.
HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=5 \
    CMD ["starter", "doctor", "--only", "temporal,workers,store"]
ENTRYPOINT ["worker"]
CMD ["--cache", "/var/cache/twinview"]
