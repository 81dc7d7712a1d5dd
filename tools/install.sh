#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install.sh BUILD PREFIX [DESTDIR]: installs a build to DESTDIR/PREFIX. The tree may be moved
# afterwards. `make install` calls it.
set -euo pipefail
build=$1
prefix=${2/#\~\//$HOME/}          # not every shell opens the ~ of PREFIX=~/.local
destdir=${3:+$(realpath -m "$3")}

[[ $prefix == /* ]] || prefix=$(realpath -m "$prefix")
DESTDIR=$destdir cmake --install "$build" --prefix "$prefix" >"$build/install.log" || {
    echo "install: failed; is $destdir$prefix writable?" >&2
    exit 1
}
# The linker's cache, for programs that use the library; the program itself does not need it.
if [[ -z $destdir && $(id -u) -eq 0 ]] && command -v ldconfig >/dev/null; then ldconfig; fi
echo "installed to $destdir$prefix"
