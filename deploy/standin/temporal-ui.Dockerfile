FROM standin-server
WORKDIR /home/ui-server
COPY temporal-ui ./
COPY config ./config
CMD ["./temporal-ui", "--env", "docker", "start"]
