#!/bin/sh
# The command line in an image, where the sources are not installed as a package.
exec python3 -m orchestrator.cli "$@"
