#!/bin/sh
# Writes every pinned requirements file, with hashes, from its .in file. The services are resolved against the core's pins, so that what
# both sides and the orchestrator share (Ray, protobuf, msgpack) is one version everywhere; images hold a part of the core's.
set -eu
cd "$(dirname "$0")/.."
pin() {
    "$BIN/uv" pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-emit-find-links --no-emit-index-url --output-file "$@"
}
pin requirements/core.txt requirements/core.in
pin requirements/test.txt requirements/test.in
pin requirements/dev.txt --constraint requirements/core.txt --constraint requirements/test.txt requirements/dev.in
for file in orchestrator/requirements.in ui/requirements.in services/*/requirements.in; do
    pin "${file%.in}.txt" --constraint requirements/core.txt "$file"
done
for file in orchestrator/requirements-*.in services/*/requirements-*.in; do
    pin "${file%.in}.txt" --constraint requirements/core.txt --constraint "${file%-*}.txt" "$file"
done
