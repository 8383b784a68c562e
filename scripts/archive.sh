# shellcheck shell=bash
# Sourced: makes CIFAR10_ARCHIVE absolute and exports it, or sets it to data/cifar-10-binary.tar.gz where that is
# there. Leaves it unset where there is no local copy.
if [[ -z ${CIFAR10_ARCHIVE:-} && -f data/cifar-10-binary.tar.gz ]]; then
  CIFAR10_ARCHIVE=data/cifar-10-binary.tar.gz
fi
if [[ -n ${CIFAR10_ARCHIVE:-} ]]; then
  if [[ ! -f $CIFAR10_ARCHIVE ]]; then
    echo "CIFAR10_ARCHIVE is \"$CIFAR10_ARCHIVE\", and there is no such file: correct or unset it" >&2
    exit 1
  fi
  CIFAR10_ARCHIVE=$(cd "$(dirname "$CIFAR10_ARCHIVE")" && pwd)/$(basename "$CIFAR10_ARCHIVE")
  export CIFAR10_ARCHIVE
else
  unset CIFAR10_ARCHIVE
fi
