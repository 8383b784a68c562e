FROM standin-server
COPY minio /usr/local/bin/
ENTRYPOINT ["minio"]
