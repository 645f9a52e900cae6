#!/bin/sh
# install.sh PYTHON FILE [VARIANT]: installs what the pinned requirements FILE names into the environment of PYTHON, each package checked by
# its hash. VARIANT cuda or kuberay: requirements-VARIANT.txt beside FILE.
#
# CHECK_HASHES=no takes other builds of the same versions: those of a company's index, or PyTorch's own for CPUs alone.
# While an image is built: /run/secrets/ca, /run/secrets/pip_config and the wheels in /wheels are used where they are given.
set -eu
python=$1 file=$2 variant=${3:-cpu}
if [ "$variant" != cpu ]; then file=${file%.txt}-$variant.txt; fi
if [ "${CHECK_HASHES:-yes}" = no ]; then
    plain=$(mktemp)
    trap 'rm -f "$plain"' EXIT
    # What a build of PyTorch needs of CUDA is its own to say: one for CPUs alone needs nothing.
    sed -e '/^ *--hash/d' -e 's/ *\\$//' -e '/^\(nvidia\|cuda\|triton\)[a-z0-9-]*\(\[[^]]*\]\)\{0,1\}==/d' "$file" > "$plain"
    file=$plain
fi
if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi
if [ -s /run/secrets/pip_config ]; then export PIP_CONFIG_FILE=/run/secrets/pip_config; fi
if [ -n "$(find /wheels -name '*.whl' 2>/dev/null | head -n 1)" ]; then export PIP_FIND_LINKS=/wheels; fi
if "$python" -m pip --version >/dev/null 2>&1; then pip="$python -m pip"; else pip="python3 -m pip --python $python"; fi
$pip --disable-pip-version-check --quiet install --requirement "$file"
