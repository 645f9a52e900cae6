#!/bin/sh
# start-node.sh FRAMEWORK: a Ray node that offers a framework, in that framework's environment, until it is ended or its head is gone.
#
# RAY_HEAD is HOST:PORT of the head; RAY_AUTH_MODE and RAY_AUTH_TOKEN_PATH its token. The node answers at RAY_NODE_PORT, which a probe can ask.
set -eu
export RAY_worker_niceness=0 RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0
exec ray start --block --disable-usage-stats --address="${RAY_HEAD:-orchestrator:6379}" --resources="{\"$1\": 1}" --num-cpus=1 \
    --node-manager-port="${RAY_NODE_PORT:-6380}" --min-worker-port=0 --max-worker-port=0 --include-log-monitor=false --temp-dir="/tmp/ray-$1" \
    --object-store-memory="${RAY_OBJECT_STORE_BYTES:-268435456}"
