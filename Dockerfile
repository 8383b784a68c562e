# Two images: `docker build --target starter .` is starter alone, on nothing; without a target it is the worker, with starter
# beside it. The stages that compile and run the worker are the same Debian, so that it finds the oneDNN it was built with.
FROM golang:1.26.8-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends libdnnl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Before the sources, so that a change in those downloads nothing again.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Build tags of the worker: "gpu" where it is to compute on one.
ARG TAGS=""
# CUDA's headers come as a Python wheel.
RUN if [ "$TAGS" = gpu ]; then \
        apt-get update && apt-get install --yes --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*; fi
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/starter ./starter \
    && bash -euc 'if [[ $TAGS == gpu ]]; then . scripts/cuda_headers.sh; fi; \
        go build -trimpath -tags "$TAGS" -ldflags="-s -w" -o /out/worker ./worker'

FROM scratch AS starter
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/starter /usr/local/bin/starter
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/starter"]

FROM debian:bookworm-slim AS worker
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libdnnl2 libgomp1 libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 twinview \
    && useradd --system --uid 10001 --gid twinview --home-dir /twinview --create-home twinview \
    && install --directory --owner=twinview --group=twinview /var/cache/twinview
COPY --from=build /out/worker /out/starter /usr/local/bin/
COPY LICENSE /twinview/
# Threads sleep while they wait for each other: a machine's cores are rarely a worker's alone.
ENV OMP_WAIT_POLICY=passive
# A number, by which Kubernetes sees that it is not root.
USER 10001:10001
WORKDIR /twinview
VOLUME /var/cache/twinview
EXPOSE 9464
# This worker polls for work.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=5 CMD ["worker", "ready"]
ENTRYPOINT ["worker"]
CMD ["--cache", "/var/cache/twinview", "--metrics-address", ":9464"]
