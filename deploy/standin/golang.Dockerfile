# Go's image where it can't be pulled: this machine's Go, in whose folder this is built, and Debian's compilers.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates g++ gcc git libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY . /usr/local/go
ENV PATH=/usr/local/go/bin:$PATH GOTOOLCHAIN=local
ARG GOPROXY GOSUMDB GONOSUMDB
ENV GOPROXY=$GOPROXY GOSUMDB=$GOSUMDB GONOSUMDB=$GONOSUMDB
