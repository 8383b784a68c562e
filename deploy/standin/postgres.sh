#!/bin/sh
# Makes the database on its first start, as the official image does, and runs it.
set -eu
data=/var/lib/postgresql/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

mkdir -p "$data"
chown postgres: "$data"
chmod 700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
  password=$(mktemp)
  printf %s "$POSTGRES_PASSWORD" >"$password"
  chown postgres: "$password"
  as_postgres initdb --pgdata "$data" --username "$POSTGRES_USER" --pwfile "$password" --auth scram-sha-256
  rm "$password"
  echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
  # So that the user's own database is there, as in the official image.
  echo "CREATE DATABASE \"$POSTGRES_USER\"" | as_postgres postgres --single -D "$data" postgres
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres -D "$data" -c "listen_addresses=*"
