FROM standin-server
COPY temporal-server /usr/local/bin/
WORKDIR /etc/temporal
# Like the entry point of Temporal's image: its services tell each other this container's address.
CMD ["sh", "-c", "TEMPORAL_BROADCAST_ADDRESS=$(hostname -i) exec temporal-server start"]
