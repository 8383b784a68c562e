FROM standin-server
COPY temporal-sql-tool /usr/local/bin/
COPY schema /etc/temporal/schema
