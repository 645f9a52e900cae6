"""The platform in containers on a real engine: `make test-containers`."""
