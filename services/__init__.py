"""One folder per framework; `services.actor` is the Ray actor that all of them share."""
